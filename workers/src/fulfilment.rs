//! Fulfilment: books one shipment for each order, or withdraws the order. It alone decides which,
//! by one row for each order.

mod decision;
mod hindrance;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use orders::{CancelReason, Event, EventBody};

use crate::database::Database;
use crate::task::{StepError, StepInput, StepOutcome};
use decision::{Decided, Rows, Wanted, decide};
use hindrance::hindered;

mod embedded {
    refinery::embed_migrations!("src/fulfilment/migrations");
}

/// How the tables of fulfilment come to be.
pub(crate) fn migrations() -> refinery::Runner {
    embedded::migrations::runner()
}

/// What fulfilment is told.
#[derive(Clone, Args)]
pub struct Config {
    /// Prefix of SKUs that cannot be shipped: fulfilment withdraws their orders
    #[arg(
        long,
        env = "MILLRACE_UNSHIPPABLE",
        value_name = "PREFIX",
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub unshippable: Option<String>,
}

/// Books a shipment for each order, or finds it booked. An order with a SKU that begins with
/// `unshippable` is withdrawn; one that was withdrawn before is not shipped.
pub async fn ship(
    database: &Database,
    unshippable: Option<&str>,
    tasks: &[StepInput],
) -> Result<Vec<StepOutcome>, StepError> {
    let mut wanted: Wanted = tasks.iter().map(|task| (task.row_id(), None)).collect();
    if let Some(prefix) = unshippable {
        let hindered =
            database.settled(async |client| hindered(client, prefix, &wanted).await).await?;
        let why = |skus| Some(CancelReason::Unshippable { skus });
        wanted.extend(hindered.into_iter().map(|(id, skus)| (id, why(skus))));
    }
    let rows = database.settled(async |client| decide(client, &wanted).await).await?;
    Ok(verdicts(tasks, &rows, |decided| match decided {
        Decided::Shipped(shipment) => Some(EventBody::Fulfilled { shipment: shipment.clone() }),
        Decided::Withdrawn(reason @ CancelReason::Unshippable { .. }) => {
            Some(EventBody::Withdrawn { reason: reason.clone() })
        }
        // Withdrawn on request, and told then.
        Decided::Withdrawn(_) => None,
    }))
}

/// Withdraws each order that is not shipped; for one that is, it is too late.
pub async fn withdraw(
    database: &Database,
    tasks: &[StepInput],
) -> Result<Vec<StepOutcome>, StepError> {
    let mut wanted = Wanted::new();
    for task in tasks {
        if let EventBody::CancelRequested { by } = task.event.body {
            wanted.entry(task.row_id()).or_insert(Some(CancelReason::Requested { by }));
        }
    }
    let rows = database.settled(async |client| decide(client, &wanted).await).await?;
    Ok(verdicts(tasks, &rows, |decided| match decided {
        Decided::Shipped(_) => Some(EventBody::CancelRefused),
        Decided::Withdrawn(reason) => Some(EventBody::Withdrawn { reason: reason.clone() }),
    }))
}

/// What `tell` makes of each order's row, at the row's time.
fn verdicts(
    tasks: &[StepInput],
    rows: &Rows,
    tell: impl Fn(&Decided) -> Option<EventBody>,
) -> Vec<StepOutcome> {
    let verdict = |task: &StepInput| {
        let Some((decided, at)) = rows.get(&task.row_id()) else {
            return StepOutcome::Retry("the order has no row after its decision".to_owned());
        };
        let (order_id, at) = (task.order_id(), (*at).into());
        let event = tell(decided).map(|body| Event { order_id, at, body });
        StepOutcome::Completed(event.into_iter().collect())
    };
    tasks.iter().map(verdict).collect()
}
