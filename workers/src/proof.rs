//! An event is believed only if a row says the same: that of the pool that publishes it, which commits its row
//! before it publishes. A client of the brokers can publish any event, and so can a faulty program; neither gets
//! an order shipped, or moves money or stock, by it.

use std::collections::HashMap;

use deadpool_postgres::Object;
use orders::{EventKind, Money};
use streams::failpoint;
use uuid::Uuid;

use crate::database::{Database, DatabaseError};
use crate::step_input::{StepError, StepInput};

/// Where the events of a kind are proven.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Proof {
    pub(crate) kind: EventKind,
    /// A view of the pool that publishes them: `order_id`, and `amount` and `currency` if the event has an
    /// amount that must be the same.
    pub(crate) view: &'static str,
}

/// What the error of an event that is not believed contains.
const NOT_BELIEVED: &str = "is not believed";

/// Whether this is the error of a dead letter that was not believed.
pub fn is_disbelieved(error: &str) -> bool {
    error.contains(NOT_BELIEVED)
}

/// What a view says about an order: the amount, if it has one.
type Proven = HashMap<Uuid, Option<Money>>;

/// For each of `inputs`, why it is not believed; `None` if it is. Events of kinds without a proof are: they
/// come from edges, and ask.
pub(crate) async fn disbelieved(
    database: &Database,
    proofs: &[Proof],
    inputs: &[StepInput],
) -> Result<Vec<Option<String>>, StepError> {
    let mut errors = vec![None; inputs.len()];
    failpoint!("believe_all" => return Ok(errors));
    for proof in proofs {
        let is_wanted = |input: &&StepInput| input.event.body.kind() == proof.kind;
        let ids: Vec<Uuid> = inputs.iter().filter(is_wanted).map(StepInput::row_id).collect();
        if ids.is_empty() {
            continue;
        }
        let read = async |connection: &mut Object| read(connection, proof.view, &ids).await;
        let proven = database.with_retries(read).await?;
        for (error, input) in errors.iter_mut().zip(inputs).filter(|(_, input)| is_wanted(input)) {
            *error = proof.error(input, &proven);
        }
    }
    Ok(errors)
}

impl Proof {
    fn error(&self, input: &StepInput, proven: &Proven) -> Option<String> {
        let Self { kind, view } = self;
        match (proven.get(&input.row_id()), input.event.body.amount()) {
            (None, _) => Some(format!("`{kind}` {NOT_BELIEVED}: {view} has no such order")),
            (Some(Some(stored)), Some(amount)) if *stored != amount => Some(format!(
                "`{kind}` {NOT_BELIEVED}: its amount is {}, and {view} has {}",
                amount.amount, stored.amount
            )),
            (Some(_), _) => None,
        }
    }
}

async fn read(connection: &Object, view: &str, ids: &[Uuid]) -> Result<Proven, DatabaseError> {
    let sql = format!("SELECT order_id, amount, currency FROM {view} WHERE order_id = ANY($1)");
    let select = connection.prepare_cached(&sql).await?;
    let mut proven = HashMap::with_capacity(ids.len());
    for row in connection.query(&select, &[&ids]).await? {
        let amount: Option<i64> = row.try_get("amount")?;
        let currency: Option<&str> = row.try_get("currency")?;
        let currency = currency.and_then(|currency| currency.parse().ok());
        let money = amount.zip(currency).map(|(amount, currency)| Money { amount, currency });
        proven.insert(row.try_get("order_id")?, money);
    }
    Ok(proven)
}
