//! The synchronous service beside a cluster, with a provider of its own.

use anyhow::{Context, Result, ensure};
use payment_simulator::set_faults;

use super::super::cluster::BenchCluster;
use super::super::context::BenchContext;
use super::super::load_run::{Load, orders};
use super::super::measurements::Measurements;
use crate::load::{Phase, PhaseResult};
use crate::up::{Companion, PROVIDER_READY_PATH, Role};

/// The running service.
pub(in super::super) struct Service {
    url: String,
    provider_url: String,
    /// Orders that it answered with 2xx.
    acknowledged: u64,
}

impl Service {
    /// Starts it on the servers of `cluster`.
    pub(in super::super) async fn start(cluster: &mut BenchCluster) -> Result<Self> {
        let provider = Companion {
            name: "other-provider",
            role: Role::PaymentSimulator,
            ready_path: PROVIDER_READY_PATH,
            provider_url: None,
        };
        let provider = cluster.inner.start_companion(&provider).await?;
        let service = Companion {
            name: "synchronous",
            role: Role::Synchronous,
            ready_path: "/",
            provider_url: Some(provider.url()),
        };
        let service = cluster.inner.start_companion(&service).await?;
        let url = service.url().to_owned();
        let provider_url = provider.url().to_owned();
        cluster.companions.extend([service, provider]);
        Ok(Self { url, provider_url, acknowledged: 0 })
    }

    /// Sets the faults and delays of its provider.
    pub(in super::super) async fn configure_provider(&self, form: &str) -> Result<()> {
        set_faults(&self.provider_url, form).await
    }

    /// Posts orders to it. They are complete when they are answered.
    pub(in super::super) async fn post(
        &mut self,
        context: &BenchContext,
        measurements: &mut Measurements,
        cluster: &mut BenchCluster,
        (name, phase): (&str, Phase),
    ) -> Result<PhaseResult> {
        let phases = vec![(name.to_owned(), phase)];
        let requests = orders(&context.dataset.small);
        let load = Load { urls: vec![self.url.clone()], requests, phases };
        let mut results = cluster.load(context, measurements, load).await?;
        let result = results.pop().context("the phase has no result")?;
        measurements.add_result(name, &result);
        self.acknowledged += result.acknowledged;
        Ok(result)
    }

    /// The comparison is fair only if the service fulfilled every order that it acknowledged, and its
    /// stock matches its orders.
    pub(in super::super) async fn ensure_consistent(&self, cluster: &BenchCluster) -> Result<()> {
        // As the owner: no role of the product may read its tables.
        let connection = cluster.inner.database.connection().await?;
        let row = connection
            .query_one(
                "SELECT (SELECT count(*) FROM synchronous.orders WHERE state = 'fulfilled'),
                     (SELECT coalesce(sum(loaded - on_hand), 0)::bigint FROM synchronous.stock),
                     (SELECT coalesce(sum(line.quantity), 0)::bigint FROM synchronous.orders
                      CROSS JOIN LATERAL json_to_recordset(lines) AS line (quantity bigint)
                      WHERE state <> 'declined')",
                &[],
            )
            .await?;
        let fulfilled: i64 = row.try_get(0)?;
        let taken: i64 = row.try_get(1)?;
        let reserved: i64 = row.try_get(2)?;
        let acknowledged = self.acknowledged;
        // An order whose response was too late to be counted may be fulfilled too.
        ensure!(
            fulfilled as u64 >= acknowledged,
            "the synchronous service lost orders: {acknowledged} acknowledged, {fulfilled} fulfilled"
        );
        ensure!(
            taken == reserved,
            "the synchronous service's stock is inconsistent: {taken} taken, {reserved} reserved"
        );
        Ok(())
    }
}
