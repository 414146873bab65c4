//! Rebuilds what an observing step missed, from the rows of other stages.

use std::rc::Rc;

use streams::Step;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::database::Database;
use crate::error_chain::error_chain;
use crate::limits::{REBUILD_PAGE_SIZE, REBUILD_POLL_INTERVAL};
use crate::missed_messages;
use crate::observer::{RebuildPage, RebuiltPage};
use crate::step_input::StepError;

/// Rebuilds whenever `step` has missed messages, until `shutdown`. Any number of workers may do so
/// concurrently.
pub(crate) async fn run<S>(
    step: Step,
    state: Rc<S>,
    rebuild_page: RebuildPage<S>,
    database: Database,
    shutdown: CancellationToken,
) {
    let mut is_failing = false;
    while let Some(result) =
        shutdown.run_until_cancelled(rebuild_pending(&step, &*state, rebuild_page, &database)).await
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
    rebuild_page: RebuildPage<S>,
    database: &Database,
) -> Result<(), StepError> {
    let pending = missed_messages::pending(database, step).await?;
    if pending.is_empty() {
        return Ok(());
    }
    let (mut after, mut orders) = (Uuid::nil(), 0);
    while let Some(RebuiltPage { last, rebuilt_orders }) =
        rebuild_page(state, after, REBUILD_PAGE_SIZE).await?
    {
        after = last;
        orders += rebuilt_orders;
    }
    tracing::info!(%step, orders, "rebuilt missed messages from rows");
    missed_messages::mark_rebuilt(database, &pending, orders).await
}
