//! The answer to one line of a batch.

use std::sync::Arc;

use bytes::Bytes;
use hyper::StatusCode;
use orders::{BatchLine, BodyDigest, TraceParent};
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;

use super::super::place_order::{NewOrder, Placed, place};
use super::lines::Line;
use crate::caller::Caller;
use crate::problem::Problem;
use crate::state::ShardState;

#[derive(Serialize)]
struct Accepted {
    line: u64,
    status: u16,
    order_id: String,
    body_digest: BodyDigest,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    replayed: bool,
}

/// Places the order of a line, and says what became of it: one line of JSON. `slot` is the line's share of
/// the orders that may wait.
pub(super) async fn answer(
    state: Arc<ShardState>,
    caller: Arc<Caller>,
    trace: Option<TraceParent>,
    line: Line,
    slot: OwnedSemaphorePermit,
) -> Bytes {
    let Line { number, content } = line;
    let mut answer = match place_line(&state, &caller, trace, content).await {
        Ok(Placed { id, digest, is_repeat }) => {
            let accepted = Accepted {
                line: number,
                status: StatusCode::ACCEPTED.as_u16(),
                order_id: state.signing_keys.sign(id, &caller.name).to_string(),
                body_digest: digest,
                replayed: is_repeat,
            };
            serde_json::to_vec(&accepted).expect("an answer has string keys")
        }
        Err(problem) => problem.to_line(number),
    };
    drop(slot);
    answer.push(b'\n');
    answer.into()
}

async fn place_line(
    state: &ShardState,
    caller: &Caller,
    trace: Option<TraceParent>,
    content: Result<Bytes, Problem>,
) -> Result<Placed, Problem> {
    let order = order_of(state, caller, &content?)?.traced(trace);
    state.gates.check()?;
    place(state, order).await
}

fn order_of(state: &ShardState, caller: &Caller, line: &[u8]) -> Result<NewOrder, Problem> {
    let BatchLine { key, order } = BatchLine::parse(line)?;
    NewOrder::new(state, caller, &key, &order)
}
