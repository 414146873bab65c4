//! Rebuilds what an observing step missed, from the rows of other stages.

use std::rc::Rc;

use streams::Step;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::database::Database;
use crate::error_chain::error_chain;
use crate::limits::REBUILD_POLL_INTERVAL;
use crate::missed_messages;
use crate::observer::Rebuild;
use crate::step_input::StepError;

/// Rebuilds whenever `step` has missed messages, until `shutdown`. Any number of workers may do so
/// concurrently.
pub(crate) async fn run<S>(
    step: Step,
    state: Rc<S>,
    rebuild: Rebuild<S>,
    database: Database,
    shutdown: CancellationToken,
) {
    let mut is_failing = false;
    while let Some(result) =
        shutdown.run_until_cancelled(rebuild_pending(&step, &*state, rebuild, &database)).await
    {
        if let Err(err) = &result
            && !is_failing
        {
            let error = error_chain(err);
            tracing::warn!(%step, error, "rebuild of missed messages failed, will retry");
        }
        is_failing = result.is_err();
        shutdown.run_until_cancelled(sleep(REBUILD_POLL_INTERVAL)).await;
    }
}

async fn rebuild_pending<S>(
    step: &Step,
    state: &S,
    rebuild: Rebuild<S>,
    database: &Database,
) -> Result<(), StepError> {
    let pending = missed_messages::pending(database, step).await?;
    if pending.is_empty() {
        return Ok(());
    }
    let orders = rebuild(state).await?;
    tracing::info!(%step, orders, "rebuilt missed messages from rows");
    missed_messages::mark_rebuilt(database, &pending, orders).await
}
