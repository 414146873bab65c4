//! The 202 to a placed order.

use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, HeaderName, HeaderValue, LOCATION};
use orders::{BodyDigest, NextAction, Reason, SignedOrderId, Status};
use serde::Serialize;
use streams::Profile;

use super::await_order::Reached;
use crate::response::{HttpResponse, json_with_status, with_body};

/// The path below which orders are.
const ORDERS: &str = "/v1/orders/";
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// An order that a broker has acknowledged.
#[derive(Clone, Copy)]
pub(super) struct Acknowledged {
    pub(super) id: SignedOrderId,
    pub(super) durability: Profile,
    pub(super) digest: BodyDigest,
    pub(super) is_repeat: bool,
}

#[derive(Serialize)]
struct ReachedResponse {
    order_id: String,
    status: Status,
    durability: String,
    body_digest: BodyDigest,
    reason: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_action: Option<NextAction>,
}

impl Acknowledged {
    /// The response as soon as it is stored.
    pub(super) fn accepted(self) -> HttpResponse {
        let Self { id, durability, digest, .. } = self;
        let location = format!("{ORDERS}{id}");
        let id = &location[ORDERS.len()..];
        let body = format!(
            r#"{{"order_id":"{id}","status":"accepted","durability":"{durability}","body_digest":"{digest}"}}"#
        );
        let mut response = with_body(StatusCode::ACCEPTED, "application/json", body);
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        self.at(location, response)
    }

    /// The response after a wait. It may have what only the buyer may see.
    pub(super) fn reached(self, reached: Reached) -> HttpResponse {
        let Reached { status, reason, next_action } = reached;
        let response = ReachedResponse {
            order_id: self.id.to_string(),
            status,
            durability: self.durability.to_string(),
            body_digest: self.digest,
            reason,
            next_action,
        };
        self.at(format!("{ORDERS}{}", self.id), json_with_status(StatusCode::ACCEPTED, &response))
    }

    fn at(self, location: String, mut response: HttpResponse) -> HttpResponse {
        let location = HeaderValue::try_from(location).expect("an order id is hexadecimal digits");
        response.headers_mut().insert(LOCATION, location);
        if self.is_repeat {
            response.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}
