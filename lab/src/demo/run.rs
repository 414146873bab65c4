//! One demo run on a running cluster: posts the orders, waits for them, audits and measures.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::Result;
use millrace::audit::{AuditMode, AuditSources, Promised, Report, audit};
use millrace::ledger::{Acknowledged, Ledger};
use orders::{OrderId, OrderView};
use tokio::time::Instant;

use super::progress::Progress;
use super::report::DemoReport;
use crate::endpoints::ClusterAddresses;
use crate::input::OrderRow;
use crate::order_client::{PlacementResults, place_all};
use crate::percentiles::Percentiles;

/// The cluster that the demo runs on.
pub(super) struct DemoRun<'a> {
    pub(super) sources: &'a AuditSources,
    pub(super) addresses: &'a ClusterAddresses,
    /// `Live` if other clients may place orders at the same time.
    pub(super) mode: AuditMode,
    pub(super) progress: &'a Progress,
}

impl DemoRun<'_> {
    /// Posts all orders to the edges, waits until each is final, and audits. Writes the ledger of
    /// 202s into `folder`.
    pub(super) async fn run_to_completion(
        &self,
        rows: &[OrderRow],
        folder: &Path,
    ) -> Result<DemoReport> {
        let Self { sources, addresses, mode, progress } = *self;
        let started = Instant::now();
        let accepted = AtomicU64::new(0);
        let mut ledger = Ledger::create(&folder.join("ledger.jsonl"))?;
        let (urls, authorities) = (addresses.edge_urls()?, &addresses.authorities);
        let placement = async {
            let results = place_all(&urls, authorities, rows, &accepted, &mut ledger).await?;
            let ids = results.acknowledged.iter().map(Acknowledged::id).collect::<Result<_>>()?;
            progress.wait_until_final(&sources.database, ids).await?;
            Ok::<_, anyhow::Error>(results)
        };
        let results = tokio::select! {
            results = placement => results?,
            never = progress.watch(&sources.database, &accepted) => match never? {},
        };
        let elapsed = started.elapsed();

        progress.print("auditing");
        let report = Report::new(addresses.sources.profile.get()?);
        let promised = Promised::of_ledger(&results.acknowledged)?;
        let findings = audit(sources, report, Some(&promised), mode).await?;
        Ok(DemoReport {
            final_ms: Percentiles::of(times_to_final(&results, &findings.views)?),
            ack_ms: Percentiles::of(results.ack_times.iter().copied()),
            orders_per_second: results.acknowledged.len() as f64 / elapsed.as_secs_f64(),
            audit: Report { refused: results.refused, ..findings.report },
        })
    }
}

/// The time from the POST of each final order to its final state.
fn times_to_final(
    results: &PlacementResults,
    views: &HashMap<OrderId, OrderView>,
) -> Result<Vec<Duration>> {
    let mut times = Vec::with_capacity(results.acknowledged.len());
    for entry in &results.acknowledged {
        let view = views.get(&entry.id()?);
        let last_change = view.and_then(|view| view.history.last());
        if let Some(change) = last_change.filter(|change| change.status.is_final()) {
            let millis = change.at.as_millis() - entry.posted_at_ms.as_millis();
            times.push(Duration::from_millis(millis.max(0) as u64));
        }
    }
    Ok(times)
}
