//! `POST /v1/orders/{id}/events-token`: a token in the query with which `EventSource` of browsers, which sends no
//! `Authorization`, follows one order. It is of use for nothing else, and for a short time: addresses get into logs.

use std::borrow::Cow;
use std::time::SystemTime;

use orders::{OrderId, Timestamp};
use serde::Serialize;

use super::issued_id::issued_id;
use crate::caller::Caller;
use crate::identity::TokenFault;
use crate::limits::EVENTS_TOKEN_LIFETIME;
use crate::problem::Problem;
use crate::response::{HttpResponse, json};
use crate::state::ShardState;

/// The parameter with the token.
const TOKEN: &str = "token";

#[derive(Serialize)]
struct EventsToken {
    token: String,
    expires_at: String,
}

/// Makes a token for an order of `caller`.
pub(super) fn create_events_token(
    state: &ShardState,
    caller: &Caller,
    signed_id: &str,
) -> Result<HttpResponse, Problem> {
    let signed_id = issued_id(state, caller, signed_id)?;
    let expires_at = Timestamp::from(SystemTime::now() + EVENTS_TOKEN_LIFETIME);
    let token = state.signing_keys.events_token(&signed_id, expires_at);
    Ok(json(&EventsToken { token, expires_at: expires_at.to_string() }))
}

/// The token in a query string.
pub(super) fn token_in(query: &str) -> Option<Cow<'_, str>> {
    form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == TOKEN).map(|(_, token)| token)
}

/// The order that who has `token` may follow.
pub(super) fn order_of(
    state: &ShardState,
    signed_id: &str,
    token: &str,
) -> Result<OrderId, Problem> {
    let signed_id = signed_id.to_ascii_lowercase();
    let now = SystemTime::now().into();
    let order = state.signing_keys.verify_events_token(&signed_id, token, now);
    order.ok_or(Problem::Unauthenticated(TokenFault::EventsToken))
}
