//! The pools that only observe: whether what they have counted agrees with the orders.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, Result};
use serde::Serialize;
use streams::{Connection, Pool, find_progress};
use workers::database::Database;
use workers::{AuditScope, Discrepancy, missed_messages, stages};

use crate::limits::DISCREPANCIES_LISTED_MAX;

/// What the audit found about an observing pool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ObserverFindings {
    /// Whether it had seen every order, so that all of its rows were compared.
    pub is_complete: bool,
    /// Messages that were purged before it had processed them.
    pub missed_messages: u64,
    /// Orders that it rebuilt from rows because of that.
    pub rebuilt_orders: u64,
    #[serde(skip)]
    pub(super) discrepancies: Vec<Discrepancy>,
}

impl fmt::Display for ObserverFindings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let compared = if self.is_complete { "all orders" } else { "the orders it has seen" };
        write!(f, "{compared} compared, {} discrepancies", self.discrepancies.len())?;
        if self.missed_messages > 0 {
            let Self { missed_messages, rebuilt_orders, .. } = self;
            write!(f, "; missed {missed_messages} messages, rebuilt {rebuilt_orders} orders")?;
        }
        Ok(())
    }
}

/// Audits every observing pool that was ever started.
pub(super) async fn audit_observers(
    connection: &Connection,
    database: &Database,
    is_quiescent: bool,
) -> Result<BTreeMap<&'static str, ObserverFindings>> {
    let mut findings = BTreeMap::new();
    for (pool, audit, _) in stages::observers() {
        let Some(is_at_end) = is_at_end(connection, pool).await? else { continue };
        let mut found = missed(database, pool).await?;
        found.is_complete &= is_quiescent && is_at_end;
        found.discrepancies = audit(
            database,
            AuditScope {
                is_complete: found.is_complete,
                discrepancies_max: DISCREPANCIES_LISTED_MAX,
            },
        )
        .await
        .with_context(|| format!("cannot compare the rows of {pool}"))?;
        findings.insert(pool.as_str(), found);
    }
    Ok(findings)
}

/// Whether all steps of the pool have processed every message; `None` if it was never started.
async fn is_at_end(connection: &Connection, pool: Pool) -> Result<Option<bool>> {
    let mut is_at_end = None;
    for step in stages::steps_of(pool) {
        if let Some(progress) = find_progress(connection, &step.events()).await? {
            is_at_end = Some(is_at_end.unwrap_or(true) && progress.is_at_end());
        }
    }
    Ok(is_at_end)
}

/// What the pool has missed. It is complete if everything is rebuilt.
async fn missed(database: &Database, pool: Pool) -> Result<ObserverFindings> {
    let steps = stages::steps_of(pool);
    let mut findings = ObserverFindings { is_complete: true, ..ObserverFindings::default() };
    let reports = missed_messages::reports(database).await?;
    for report in reports.iter().filter(|report| steps.iter().any(|step| step.name == report.step))
    {
        findings.missed_messages += (report.last - report.first + 1).max(0) as u64;
        findings.rebuilt_orders += report.rebuilt_orders.unwrap_or_default() as u64;
        findings.is_complete &= report.rebuilt_orders.is_some();
    }
    Ok(findings)
}
