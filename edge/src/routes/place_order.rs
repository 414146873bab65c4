//! `POST /v1/orders`: parses an order, adds it to the next batch, and responds when the batch is
//! stored.

use hyper::Request;
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderName};
use orders::{
    BodyDigest, BorrowedOrder, Created, IdempotencyKey, OrderId, PlaceOrder, TraceParent,
};
use streams::own_time;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::await_order::await_end;
use super::placed_response::Acknowledged;
use super::prefer::Wait;
use super::repeat::{StoredOrder, check_repeat};
use super::request_head::require_media_type;
use crate::body::Body;
use crate::caller::Caller;
use crate::ingest::{Submission, SubmitResult};
use crate::limits::RESPONSE_TIMEOUT;
use crate::problem::Problem;
use crate::response::HttpResponse;
use crate::state::ShardState;
use crate::trace_context::trace_of;

const JSON: &str = "application/json";
pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Accepts an order: 202 once a broker has acknowledged it, unless the order's row has another body. If the client
/// prefers to wait, the 202 waits until the order is final or needs its buyer.
pub(super) async fn place_order(
    state: &ShardState,
    caller: &Caller,
    request: &mut Request<Incoming>,
) -> Result<HttpResponse, Problem> {
    state.gates.check()?;
    require_json(request.headers())?;
    let key = idempotency_key(request.headers())?;
    let Body { bytes, permit } = state.body_budget.receive(request.body_mut()).await?;
    let order = NewOrder::new(state, caller, &key, &PlaceOrder::parse_borrowed(&bytes)?)?;
    let order = order.traced(trace_of(request.headers()));
    drop(bytes);

    let Placed { id, digest, is_repeat } = place(state, order).await?;
    drop(permit);
    let durability = state.profile;
    let signed_id = state.signing_keys.sign(id, &caller.name);
    let stored = Acknowledged { id: signed_id, durability, digest, is_repeat };
    let Some(wait) = Wait::preferred(request.headers()) else { return Ok(stored.accepted()) };
    let Some(reached) = await_end(state, id, digest, wait).await? else {
        return Ok(stored.accepted());
    };
    let mut response = stored.reached(reached);
    wait.add_to(&mut response);
    Ok(response)
}

/// An order that is to be stored.
pub(super) struct NewOrder {
    id: OrderId,
    digest: BodyDigest,
    /// Its event, as one line of a message.
    line: Vec<u8>,
}

impl NewOrder {
    pub(super) fn new(
        state: &ShardState,
        caller: &Caller,
        key: &IdempotencyKey,
        order: &BorrowedOrder<'_>,
    ) -> Result<Self, Problem> {
        caller.check(order)?;
        let id = OrderId::derive(&caller.name, key);
        let by = state.signing_keys.caller_hash(&caller.name);
        let (line, digest) = Created::line(id, own_time(), order, by);
        Ok(Self { id, digest, line })
    }

    /// The same as a part of a trace.
    pub(super) fn traced(mut self, trace: Option<TraceParent>) -> Self {
        if let Some(trace) = trace {
            trace.add_to_line(&mut self.line);
        }
        self
    }
}

/// An order that is stored.
pub(super) struct Placed {
    pub(super) id: OrderId,
    pub(super) digest: BodyDigest,
    /// Whether its key was used before, for the same order.
    pub(super) is_repeat: bool,
}

/// Stores an order, unless its row has another body.
pub(super) async fn place(state: &ShardState, order: NewOrder) -> Result<Placed, Problem> {
    let deadline = Instant::now() + RESPONSE_TIMEOUT;
    let NewOrder { id, digest, .. } = order;
    let result = submit(state, order)?;
    match timeout_at(deadline, result).await {
        Ok(Ok(SubmitResult::Stored { known_digest })) => {
            let is_repeat = match known_digest {
                None => false,
                Some(known_digest) => {
                    check_repeat(state, StoredOrder { id, digest, known_digest }, deadline).await?
                }
            };
            Ok(Placed { id, digest, is_repeat })
        }
        Ok(Ok(SubmitResult::Unknown) | Err(_)) | Err(_) => Err(Problem::AckTimeout),
    }
}

pub(super) fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    require_media_type(headers, &[JSON])
}

fn idempotency_key(headers: &HeaderMap) -> Result<IdempotencyKey, Problem> {
    let mut keys = headers.get_all(IDEMPOTENCY_KEY).iter();
    let key = keys.next().ok_or(Problem::KeyMissing)?;
    if keys.next().is_some() {
        return Err(Problem::KeyDuplicated);
    }
    let key = key.to_str().map_err(|_| Problem::KeyInvalid)?;
    IdempotencyKey::from_header(key).map_err(|_| Problem::KeyInvalid)
}

fn submit(state: &ShardState, order: NewOrder) -> Result<oneshot::Receiver<SubmitResult>, Problem> {
    let NewOrder { id, digest, line } = order;
    let (reply, receiver) = oneshot::channel();
    let bytes = line.len();
    let submission = Submission { order_id: id, digest, line, reply };
    state.ingest.orders.try_enqueue(submission, bytes).map_err(|_| Problem::Overloaded)?;
    Ok(receiver)
}
