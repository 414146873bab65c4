//! The audit: reads the client's ledger, the stream, the database and the payment provider, and
//! checks that they agree.
//!
//! 1. every acknowledged order is in a final state, in flight, or an unresolved dead letter
//! 2. for every order, the stream, replayed, yields the status that the database has
//! 3. no order has two different outcomes of one step, or two different final events
//! 4. for each SKU, on hand + reserved + sold equals the quantity that was loaded, and no order is
//!    shipped of which the stock is not reserved
//! 5. every capture at the provider is for an order, and no intent that may still capture money is open
//!    for an order in a final state. For every order, the provider holds the amount that the database
//!    says is held: more than zero for every order that was shipped, and zero for one that was rejected
//!    or cancelled
//! 6. the body that was acknowledged, the placed one, and inventory's row are the same, and so are the
//!    amounts of the order, of its events, of its payment and of the capture; another body under the
//!    same key is discarded by an event
//! 7. other answers that the ledger has are true: a refused body is not the processed one, a refused
//!    cancellation was of a shipped or rejected order, and a final status is still the order's
//! 8. the streams and durable consumers exist, with settings that keep what was acknowledged
//! 9. what an observing pool has counted is what the orders that it has seen add up to
//!
//! Streams that were restored from a backup lack events of orders that have advanced since: those are compared
//! by their rows, and the last event of each must be rebuilt.
//!
//! On a live cluster the database may be ahead of the stream, and the provider ahead of the
//! database; the audit does not report that. On a quiescent cluster everything must agree.

mod command;
mod content;
mod decisions;
mod funds;
mod observers;
mod promised;
mod quiescence;
mod repair;
mod report;
mod restored;
mod stream_history;
mod stuck_order;
mod verdict;

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use orders::{OrderId, OrderView};
use streams::{Connection, Profile, Topology, dead_letter, inspect_topology};
use workers::database::Database;
use workers::inventory::balance;
use workers::order_view::{self, UnreadableRow};
use workers::payment::provider::Provider;
use workers::stages;

use crate::limits::ORDERS_PAGE_SIZE;
pub use command::{AuditAddresses, AuditArgs};
pub(crate) use command::{audit_limits, run};
use funds::ProviderFunds;
pub use observers::ObserverFindings;
use observers::audit_observers;
pub use promised::Promised;
pub use quiescence::wait_quiescent;
pub use repair::{Repaired, repair};
pub use report::{Compared, ListedDeadLetter, Problem, Report, write_json};
pub use restored::Restored;
use stream_history::StreamHistory;
pub use stuck_order::StuckOrder;
use verdict::{Contents, OrderRows, Verdict};

/// The systems that an audit compares.
pub struct AuditSources {
    /// The brokers, which hold the stream and the dead letters.
    pub connection: Connection,
    /// The database, which holds the rows of the steps.
    pub database: Database,
    /// The payment provider, which lists intents and refunds.
    pub provider: Provider,
}

/// The result of an audit.
pub struct Findings {
    /// Counts and problems; figures that the caller put into the report are unchanged.
    pub report: Report,
    /// The status and history of each order that any step has processed.
    pub views: HashMap<OrderId, OrderView>,
    /// Orders of a quiescent cluster that are neither final nor dead.
    pub stuck: Vec<StuckOrder>,
}

/// Whether orders may be in flight during the audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditMode {
    /// The cluster is running: what cannot be decided while orders move is not reported.
    Live,
    /// No client places orders any more: the audit waits until the cluster is quiescent, and fails
    /// if it does not become so.
    Quiesced,
}

/// Reads all sources and compares them. `promised` is what clients were promised, of which nothing
/// may be lost; without it, lost orders are not looked for.
pub async fn audit(
    sources: &AuditSources,
    report: Report,
    promised: Option<&Promised>,
    mode: AuditMode,
) -> Result<Findings> {
    audit_with_progress(sources, report, promised, mode, |_| ()).await
}

/// The same, and calls `progress` with what it begins to do.
pub(crate) async fn audit_with_progress(
    sources: &AuditSources,
    report: Report,
    promised: Option<&Promised>,
    mode: AuditMode,
    progress: impl Fn(&'static str),
) -> Result<Findings> {
    let profile: Profile = report.profile.parse()?;
    progress("waiting until the consumers have processed what is there now");
    let end = quiescence::ends(&sources.connection).await?;
    quiescence::wait_caught_up(&sources.connection, &end).await?;
    if mode == AuditMode::Quiesced {
        quiescence::require_quiescent(&sources.connection).await?;
    }
    // A message may move from a lane that was not looked at yet to one that was: then the ends differ.
    let start = quiescence::ends(&sources.connection).await?;
    let is_quiescent_before = quiescence::is_quiescent(&sources.connection).await?;

    // In this order: a source may be ahead of those that were read before it.
    progress("reading the lanes and the dead letters");
    let history = StreamHistory::read(&sources.connection).await?;
    let dead_letters = dead_letter::unresolved(&sources.connection).await?;
    progress("reading the database");
    let (views, unreadable) = read_views(&sources.database).await?;
    let decisions = decisions::read(&sources.database).await?;
    let held = funds::held(&sources.database).await?;
    progress("reading the payment provider");
    let provider = ProviderFunds::read(&sources.provider).await?;
    progress("comparing stock, observers and settings of streams");
    let stock_imbalances = balance::stock_imbalances(&sources.database).await?;
    let observers =
        audit_observers(&sources.connection, &sources.database, is_quiescent_before).await?;
    let is_quiescent_after = quiescence::is_quiescent(&sources.connection).await?;
    let topology = Topology::new(profile);
    let inspection = inspect_topology(&sources.connection, &topology, &stages::steps()).await;
    let differences = inspection.differences;
    inspection.errors.into_iter().next().map_or(Ok(()), Err)?;
    let end = quiescence::ends(&sources.connection).await?;
    let is_quiescent = is_quiescent_before && is_quiescent_after && start == end;
    ensure!(
        is_quiescent || mode == AuditMode::Live,
        "orders moved during the audit although no client places any"
    );

    let mut verdict = Verdict::new(report, is_quiescent);
    verdict.check_topology(&differences);
    let orders = OrderRows { views: &views, unreadable: &unreadable };
    verdict.note_restore(&views);
    verdict.check_orders(promised, &history, &dead_letters, &orders);
    let contents =
        Contents { history: &history, dead_letters: &dead_letters, decisions: &decisions };
    if let Some(promised) = promised {
        verdict.check_acknowledged_bodies(promised, &contents);
        verdict.check_answers(promised, &decisions, &orders);
    }
    verdict.check_contents(&contents);
    verdict.check_charges(&held, &decisions);
    verdict.check_funds(&held, &provider.orders);
    verdict.check_stray_captures(&provider);
    verdict.check_open_intents(&provider.open, &held, &views);
    verdict.check_final_states(&views, &provider.orders, &decisions);
    verdict.check_stock(&stock_imbalances);
    verdict.check_shipments(&decisions);
    verdict.check_observers(observers);
    let (report, stuck) = verdict.into_report();
    Ok(Findings { report, views, stuck })
}

/// The orders that have rows: those that this version can read, and the others.
async fn read_views(
    database: &Database,
) -> Result<(HashMap<OrderId, OrderView>, HashMap<OrderId, UnreadableRow>)> {
    let (mut views, mut unreadable) = (HashMap::new(), HashMap::new());
    let mut after = None;
    loop {
        let page = order_view::page(database, after, ORDERS_PAGE_SIZE);
        let page = page.await.context("cannot read the orders from the database")?;
        let Some((last, _)) = page.last() else {
            return Ok((views, unreadable));
        };
        after = Some(*last);
        for (id, view) in page {
            match view {
                Ok(view) => drop(views.insert(id, view)),
                Err(err) => drop(unreadable.insert(id, err)),
            }
        }
    }
}
