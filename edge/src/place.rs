//! `POST /v1/orders`: an order is read, put into the next batch, and answered when it is stored.

use std::time::SystemTime;

use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use hyper::{Request, StatusCode};
use orders::{Created, IdempotencyKey, OrderId, PlaceOrder, SignedOrderId};
use streams::Profile;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::body::Body;
use crate::core::Core;
use crate::intake::{Outcome, Submission};
use crate::limits::ANSWER_PATIENCE;
use crate::problem::Problem;
use crate::response::{Answer, with_body};

/// Everybody, until callers have an identity.
const CALLER: &str = "public";

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Takes an order in.
pub(crate) async fn place(core: &Core, request: Request<Incoming>) -> Result<Answer, Problem> {
    core.admission.check()?;
    core.durability.check()?;
    require_json(request.headers())?;
    let key = idempotency_key(request.headers())?;
    let Body { bytes, held: _held } = core.bodies.receive(request.into_body()).await?;
    let order = PlaceOrder::parse(&bytes)?;
    drop(bytes);

    let order_id = OrderId::derive(CALLER, &key);
    let outcome = submit(core, order_id, &order)?;
    match timeout(ANSWER_PATIENCE, outcome).await {
        Ok(Ok(Outcome::Accepted { replayed })) => {
            Ok(accepted(core.secrets.sign(order_id), core.profile, replayed))
        }
        Ok(Ok(Outcome::Conflict)) => Err(Problem::KeyReused),
        Ok(Ok(Outcome::Unknown) | Err(_)) | Err(_) => Err(Problem::Unacknowledged),
    }
}

fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = media_type.and_then(|value| value.split(';').next());
    let is_json = essence.is_some_and(|it| it.trim().eq_ignore_ascii_case("application/json"));
    if is_json { Ok(()) } else { Err(Problem::WrongMediaType) }
}

fn idempotency_key(headers: &HeaderMap) -> Result<IdempotencyKey, Problem> {
    let mut keys = headers.get_all(IDEMPOTENCY_KEY).iter();
    let key = keys.next().ok_or(Problem::KeyMissing)?;
    if keys.next().is_some() {
        return Err(Problem::KeyTwice);
    }
    let key = key.to_str().map_err(|_| Problem::KeyInvalid)?;
    key.parse().map_err(|_| Problem::KeyInvalid)
}

fn submit(
    core: &Core,
    order_id: OrderId,
    order: &PlaceOrder,
) -> Result<oneshot::Receiver<Outcome>, Problem> {
    let (line, digest) = Created::line(order_id, SystemTime::now().into(), order);
    let (outcome, awaited) = oneshot::channel();
    let bytes = line.len();
    let submission = Submission { order_id, digest, line, outcome };
    core.intake.join(submission, bytes).map_err(|_| Problem::Overloaded)?;
    Ok(awaited)
}

fn accepted(id: SignedOrderId, profile: Profile, replayed: bool) -> Answer {
    let location = format!("/v1/orders/{id}");
    let id = &location["/v1/orders/".len()..];
    let body = format!(r#"{{"order_id":"{id}","status":"accepted","durability":"{profile}"}}"#);
    let mut answer = with_body(StatusCode::ACCEPTED, "application/json", body);
    let location = HeaderValue::try_from(location).expect("an id is hexadecimal digits");
    answer.headers_mut().insert(LOCATION, location);
    if replayed {
        answer.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
    answer
}
