//! The order that a request names.

use orders::OrderId;
use serde_json::Value;

use super::members::Members;
use super::refusal::Refusal;

/// What an id of an order is, for one who has written none.
pub(super) const ORDER_ID: &str = "the 32 digits of its id, or the 48 of the API";

/// The member `order_id` of a request.
pub(super) fn require_order_id(members: &mut Members) -> Result<OrderId, Refusal> {
    members.require("order_id", ORDER_ID, parse)
}

/// An id as a person copies it: with or without its MAC, in upper or lower case.
pub(super) fn parse(value: &Value) -> Option<OrderId> {
    OrderId::parse_copied(value.as_str()?.trim()).ok()
}

/// Whether a record, as it is stored, is about the order.
pub(super) fn is_about(record: &Value, id: OrderId) -> bool {
    record["order_id"].as_str() == Some(&*id.to_string())
}
