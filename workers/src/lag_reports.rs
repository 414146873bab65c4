//! Answers `pool.<pool>.lag`, and computes how many workers the pool needs. Only workers that may read lanes can count
//! the orders of a backlog, so they answer for every pool, also for one without a worker. One of them does, since what
//! a pool needs follows from what was seen before.

use std::pin::pin;

use serde_json::json;
use streams::subjects::lag_subject;
use streams::{
    Connection, Counting, InspectError, Pool, PoolLag, RequestStream, Service, ServiceError, Step,
    pool_backlog,
};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::error_chain::error_chain;
use crate::limits::{LAG_AGE_MAX, SCALE_INTERVAL};
use crate::pool_access::PoolAccess;
use crate::pool_load::PoolLoad;

/// What answers for the backlog of one pool.
pub(crate) struct LagReports {
    connection: Connection,
    pool: Pool,
    steps: Vec<Step>,
    load: PoolLoad,
    /// The last answer, and when it was found.
    last: Option<(Instant, PoolLag)>,
}

impl LagReports {
    /// For the pool with this access.
    pub(crate) fn new(connection: Connection, access: PoolAccess) -> Self {
        let load = PoolLoad::new(access.is_always_needed);
        Self { connection, pool: access.pool, steps: access.steps, load, last: None }
    }

    /// Answers requests until `end`, while `is_first` says that no other worker does.
    pub(crate) async fn serve(
        mut self,
        service: Service,
        is_first: watch::Receiver<bool>,
        end: CancellationToken,
    ) {
        if let Err(err) = self.serve_while_first(&service, is_first, &end).await {
            tracing::error!(pool = %self.pool, error = error_chain(&err), "backlog not reported any more");
        }
    }

    async fn serve_while_first(
        &mut self,
        service: &Service,
        mut is_first: watch::Receiver<bool>,
        end: &CancellationToken,
    ) -> Result<(), ServiceError> {
        while let Some(true) = end.run_until_cancelled(becomes(&mut is_first, true)).await {
            let mut requests = service.requests(&lag_subject(self.pool.as_str())).await?;
            self.load.forget();
            self.last = None;
            let is_over = end.run_until_cancelled(becomes(&mut is_first, false));
            if self.answer_all(&mut requests, is_over).await.is_none() {
                return Ok(());
            }
            requests.leave().await?;
        }
        Ok(())
    }

    /// Answers `requests` until `is_over`, also one that it has begun with. Returns `None` if the connection is
    /// closed before. Who asks once for what a pool needs will ask again, so from then on the backlog is watched.
    async fn answer_all(
        &mut self,
        requests: &mut RequestStream,
        is_over: impl Future,
    ) -> Option<()> {
        let (mut is_over, mut look_at) = (pin!(is_over), Instant::now());
        loop {
            tokio::select! {
                biased;
                _ = &mut is_over => return Some(()),
                request = requests.next() => {
                    let request = request?;
                    let reply = self.answer(Counting::of_request(&request.payload)).await;
                    request.reply(reply.into_bytes()).await;
                }
                () = sleep_until(look_at), if self.load.is_watched() => {
                    look_at = Instant::now() + SCALE_INTERVAL;
                    self.look(Counting::Estimate).await.ok();
                }
            }
        }
    }

    async fn answer(&mut self, counting: Counting) -> String {
        let is_fresh = |at: Instant| at.elapsed() < LAG_AGE_MAX;
        let found = match &self.last {
            Some((at, lag)) if is_fresh(*at) => Ok(lag.clone()),
            _ => self.look(counting).await,
        };
        match found {
            Ok(lag) => json!(lag).to_string(),
            Err(err) => json!({"error": error_chain(&err)}).to_string(),
        }
    }

    /// Looks at the backlog, and computes what the pool needs.
    async fn look(&mut self, counting: Counting) -> Result<PoolLag, InspectError> {
        let began_at = Instant::now();
        let backlog = pool_backlog(&self.connection, self.pool, &self.steps, counting).await?;
        let wanted = self.load.wanted(&backlog, began_at);
        let lag = PoolLag { wanted, ..backlog.lag };
        self.last = Some((Instant::now(), lag.clone()));
        Ok(lag)
    }
}

/// Waits until `flag` has this value. Returns false if it changes no more.
async fn becomes(flag: &mut watch::Receiver<bool>, value: bool) -> bool {
    // What it returns keeps the flag from being changed.
    flag.wait_for(|it| *it == value).await.map(drop).is_ok()
}
