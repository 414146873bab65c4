//! Orders on a running cluster: posted, awaited, audited, measured.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::Result;
use millrace::audit::{AuditMode, AuditSources, Report, audit};
use millrace::ledger::{Acknowledged, Ledger};
use orders::{OrderId, OrderView};
use tokio::time::Instant;

use super::progress::Progress;
use super::report::DemoReport;
use crate::endpoints::ClusterAddresses;
use crate::input::OrderRow;
use crate::order_client::{PlacementResults, place_all};
use crate::percentiles::Percentiles;

/// A cluster that orders are carried on.
pub(super) struct Carrier<'a> {
    pub(super) books: &'a AuditSources,
    pub(super) addresses: &'a ClusterAddresses,
    /// Whether others place orders, too.
    pub(super) mode: AuditMode,
    pub(super) progress: &'a Progress,
}

impl Carrier<'_> {
    /// Posts all orders to the edges, waits until each is final, and audits. The ledger of 202s is
    /// written into `folder`.
    pub(super) async fn carry(&self, rows: &[OrderRow], folder: &Path) -> Result<DemoReport> {
        let Self { books, addresses, mode, progress } = *self;
        let begun = Instant::now();
        let accepted = AtomicU64::new(0);
        let mut ledger = Ledger::create(&folder.join("ledger.jsonl"))?;
        let urls = addresses.edge_urls()?;
        let carried = async {
            let answers = place_all(&urls, rows, &accepted, &mut ledger).await?;
            let ids = answers.acknowledged.iter().map(Acknowledged::id).collect::<Result<_>>()?;
            progress.settled(&books.database, ids).await?;
            Ok::<_, anyhow::Error>(answers)
        };
        let answers = tokio::select! {
            answers = carried => answers?,
            never = progress.watch(&books.database, &accepted) => match never? {},
        };
        let took = begun.elapsed();

        progress.say("auditing");
        let report = Report::new(addresses.sources.profile.get()?);
        let findings = audit(books, report, &answers.acknowledged, mode).await?;
        Ok(DemoReport {
            final_ms: Percentiles::of(times_to_the_end(&answers, &findings.views)?),
            ack_ms: Percentiles::of(answers.ack_times.iter().copied()),
            orders_per_second: answers.acknowledged.len() as f64 / took.as_secs_f64(),
            audit: Report { refused: answers.refused, ..findings.report },
        })
    }
}

/// From the post of each order to its final state.
fn times_to_the_end(
    answers: &PlacementResults,
    views: &HashMap<OrderId, OrderView>,
) -> Result<Vec<Duration>> {
    let mut times = Vec::with_capacity(answers.acknowledged.len());
    for entry in &answers.acknowledged {
        let view = views.get(&entry.id()?);
        let last = view.and_then(|view| view.history.last());
        if let Some(last) = last.filter(|reached| reached.status.is_final()) {
            let millis = last.at.as_millis() - entry.posted_at_ms.as_millis();
            times.push(Duration::from_millis(millis.max(0) as u64));
        }
    }
    Ok(times)
}
