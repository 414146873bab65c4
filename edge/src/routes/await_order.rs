//! Waits for an order on behalf of a client that prefers that to asking again (`Prefer: wait`).

use std::sync::Arc;

use orders::{BodyDigest, NextAction, OrderId, OrderView, Reason, Status};

use super::order_query::{Found, OrderQuery};
use super::prefer::Wait;
use crate::follow::Progress;
use crate::problem::Problem;
use crate::state::ShardState;

/// What a placed order has reached.
pub(super) struct Reached {
    pub(super) status: Status,
    pub(super) reason: Option<Reason>,
    pub(super) next_action: Option<NextAction>,
}

/// What workers know of the order `id` once its status answers `query`, or after the wait. The order is looked up once,
/// and again if its status has changed since.
pub(super) async fn await_change(
    state: &ShardState,
    id: OrderId,
    query: OrderQuery,
    wait: Wait,
) -> Result<Found, Problem> {
    let deadline = wait.deadline();
    let mut follower = state.follows.follow(id).await.ok_or(Problem::TooManyFollowers)?;
    let lookup = follower.begin_lookup();
    let found = query.look_up(&state.lookups, id).await.ok_or(Problem::StatusUnavailable)?;
    lookup.answered(found.view.as_deref());
    if query.is_answered_by(found.status()) {
        return Ok(found);
    }
    follower.wait_until(deadline, |status| query.is_answered_by(status)).await;
    let Some(progress) = follower.progress().filter(|it| it.status != found.status()) else {
        return Ok(found);
    };
    let Some(found_again) = query.look_up(&state.lookups, id).await else {
        return Ok(Found { view: Some(Arc::new(as_view(progress, &found))), ..found });
    };
    if found_again.status() < progress.status {
        let view = Some(Arc::new(as_view(progress, &found_again)));
        return Ok(Found { view, ..found_again });
    }
    Ok(found_again)
}

/// What an order that was placed has reached when it is final or waits for its buyer, or after the wait. `None` if it
/// cannot be waited for. Fails only if the row of the order has another body than that with `digest`.
pub(super) async fn await_end(
    state: &ShardState,
    id: OrderId,
    digest: BodyDigest,
    wait: Wait,
) -> Result<Option<Reached>, Problem> {
    let deadline = wait.deadline();
    let Some(mut follower) = state.follows.follow(id).await else { return Ok(None) };
    let lookup = follower.begin_lookup();
    let found = state.lookups.status.get(id).await;
    match &found {
        Some(view) => lookup.answered(view.as_deref()),
        None => drop(lookup),
    }
    let mut view = found.flatten();
    if view.as_ref().and_then(|view| view.body_digest).is_some_and(|of_row| of_row != digest) {
        return Err(Problem::KeyReused);
    }
    let is_at_rest = |status: Status| status.is_final() || status == Status::RequiresAction;
    follower.wait_until(deadline, is_at_rest).await;
    let Some(Progress { status, reason, .. }) = follower.progress() else {
        // No event came, and no answer: it is stored.
        return Ok(Some(Reached { status: Status::Accepted, reason: None, next_action: None }));
    };
    // No event says what the buyer has to do.
    if status == Status::RequiresAction && view.as_ref().is_none_or(|it| it.status != status) {
        view = state.lookups.status.get(id).await.flatten();
    }
    let view = view.filter(|view| view.status == status);
    let next_action = view.and_then(|view| view.next_action.clone());
    Ok(Some(Reached { status, reason, next_action }))
}

/// What the events say, where rows cannot be read.
fn as_view(progress: Progress, found: &Found) -> OrderView {
    let Progress { status, reason, history } = progress;
    let body_digest = found.view.as_ref().and_then(|view| view.body_digest);
    OrderView { status, reason, history, body_digest, next_action: None }
}
