//! Is every promise kept? Ledger, stream, database and provider are read and compared.
//!
//! 1. every acknowledged order is final, on its way, or a named dead letter that waits for a decision
//! 2. the stream, replayed, gives for every order the status that the database gives
//! 3. no order has two different outcomes of one step
//! 4. for each SKU, on hand + reserved + sold is what was put in
//! 5. what the provider holds is what the database says is held, order by order: something for
//!    every order that was shipped, and nothing for one that was rejected or cancelled
//!
//! On a cluster at work the database may be ahead of the stream, and the provider of the database;
//! that is no problem. On a quiet one everything must agree.

mod command;
mod floors;
mod money;
mod repair;
mod report;
mod tape;
mod verdict;

use std::collections::{BTreeSet, HashMap};

use anyhow::{Context, Result, ensure};
use orders::{OrderId, OrderView};
use streams::{Connection, dead_letter, names, stream_state};
use workers::database::Database;
use workers::inventory::balance;
use workers::payment::provider::Provider;
use workers::view;

use crate::ledger::Acknowledged;
pub(crate) use command::run;
pub use command::{AuditAddresses, AuditArgs};
pub use floors::wait_quiescent;
pub use repair::repair;
pub use report::{NamedLetter, Problem, Report};
use tape::Tape;
use verdict::Verdict;

/// Orders that are read from the database at once.
const PAGE: i64 = 10_000;

/// What an audit reads.
pub struct AuditSources {
    /// The way to the stream.
    pub connection: Connection,
    /// The way to the rows.
    pub database: Database,
    /// The way to the provider's lists.
    pub provider: Provider,
}

/// What an audit found.
pub struct Findings {
    /// Counts and problems; the client's own figures are left as they were given.
    pub report: Report,
    /// Where each order stands that any step has seen.
    pub views: HashMap<OrderId, OrderView>,
    /// Orders that are neither final nor dead although nothing moves any more, and the sequence
    /// number of the message that brought each of them to where it is.
    pub stuck: Vec<(OrderId, u64)>,
}

/// Whether orders may be on their way while the books are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditMode {
    /// The cluster is at work: what cannot be told is left open.
    Live,
    /// Nobody places orders any more: the audit waits until nothing moves, and fails where
    /// something does not come to rest.
    Quiesced,
}

/// Reads all books and compares them. `ledger` may be empty: then every order in the stream counts
/// as acknowledged.
pub async fn audit(
    books: &AuditSources,
    report: Report,
    ledger: &[Acknowledged],
    mode: AuditMode,
) -> Result<Findings> {
    let promised = ledger.iter().map(Acknowledged::id).collect::<Result<_>>()?;
    audit_acknowledged(books, report, &promised, mode).await
}

/// The same for those who kept nothing but the ids that were acknowledged.
pub async fn audit_acknowledged(
    books: &AuditSources,
    report: Report,
    promised: &BTreeSet<OrderId>,
    mode: AuditMode,
) -> Result<Findings> {
    let end = stream_state(&books.connection, names::ORDERS).await?.last_sequence;
    floors::pass(&books.connection, end).await?;
    if mode == AuditMode::Quiesced {
        floors::rest(&books.connection).await?;
    }
    let quiet_before = floors::are_quiet(&books.connection).await?;

    // In this order: what is read later may be ahead of what was read before.
    let tape = Tape::read(&books.connection).await?;
    let dead = dead_letter::unresolved(&books.connection).await?;
    let views = read_views(&books.database).await?;
    let held = money::held(&books.database).await?;
    let captured = money::captured(&books.provider).await?;
    let stock_imbalances = balance::stock_imbalances(&books.database).await?;
    let quiet_after = floors::are_quiet(&books.connection).await?;
    let end = stream_state(&books.connection, names::ORDERS).await?.last_sequence;
    let quiet = quiet_before && quiet_after && tape.end == end;
    ensure!(quiet || mode == AuditMode::Live, "orders move though nobody places any");

    let mut verdict = Verdict::new(report, quiet);
    verdict.orders(promised, &tape, &dead, &views);
    verdict.money(&held, &captured);
    verdict.ends(&views, &captured);
    verdict.stock(&stock_imbalances);
    let (report, stuck) = verdict.close();
    Ok(Findings { report, views, stuck })
}

async fn read_views(database: &Database) -> Result<HashMap<OrderId, OrderView>> {
    let mut views = HashMap::new();
    let mut after = None;
    loop {
        let page = view::page(database, after, PAGE).await.context("reading the orders")?;
        let Some((last, _)) = page.last() else { return Ok(views) };
        after = Some(*last);
        views.extend(page);
    }
}
