//! `POST /v1/orders`: parses an order, adds it to the next batch, and responds when the batch is
//! stored.

use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderName, HeaderValue, LOCATION};
use hyper::{Request, StatusCode};
use orders::{
    BodyDigest, BorrowedOrder, Created, IdempotencyKey, OrderId, PlaceOrder, SignedOrderId,
};
use streams::{Profile, own_time};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::repeat::{StoredOrder, check_repeat};
use super::request_head::require_media_type;
use crate::body::Body;
use crate::caller::Caller;
use crate::ingest::{Submission, SubmitResult};
use crate::limits::RESPONSE_TIMEOUT;
use crate::problem::Problem;
use crate::response::{HttpResponse, with_body};
use crate::state::ShardState;

const JSON: &str = "application/json";
pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Accepts an order: 202 once a broker has acknowledged it, unless the order's row has another body.
pub(super) async fn place_order(
    state: &ShardState,
    caller: &Caller,
    request: &mut Request<Incoming>,
) -> Result<HttpResponse, Problem> {
    state.gates.check()?;
    require_json(request.headers())?;
    let key = idempotency_key(request.headers())?;
    let Body { bytes, permit: _permit } = state.body_budget.receive(request.body_mut()).await?;
    let order = NewOrder::new(caller, &key, &PlaceOrder::parse_borrowed(&bytes)?)?;
    drop(bytes);

    let Placed { id, digest, is_repeat } = place(state, order).await?;
    Ok(accepted(state.signing_keys.sign(id, &caller.name), state.profile, digest, is_repeat))
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
        caller: &Caller,
        key: &IdempotencyKey,
        order: &BorrowedOrder<'_>,
    ) -> Result<Self, Problem> {
        caller.check(order)?;
        let id = OrderId::derive(&caller.name, key);
        let (line, digest) = Created::line(id, own_time(), order);
        Ok(Self { id, digest, line })
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

fn accepted(
    id: SignedOrderId,
    profile: Profile,
    digest: BodyDigest,
    is_repeat: bool,
) -> HttpResponse {
    let location = format!("/v1/orders/{id}");
    let id = &location["/v1/orders/".len()..];
    let body = format!(
        r#"{{"order_id":"{id}","status":"accepted","durability":"{profile}","body_digest":"{digest}"}}"#
    );
    let mut response = with_body(StatusCode::ACCEPTED, JSON, body);
    let location = HeaderValue::try_from(location).expect("an order id is hexadecimal digits");
    response.headers_mut().insert(LOCATION, location);
    if is_repeat {
        response.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
    response
}
