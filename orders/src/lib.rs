//! The words of Millrace. Everything here is pure: no async, no I/O, no clock, no randomness.
//!
//! | word | where |
//! |---|---|
//! | [`OrderId`], [`ProvenId`] | who an order is, and the proof that an edge said so |
//! | [`PlaceOrder`] | what a buyer asks for, checked at the door and trusted inside |
//! | [`Event`], [`What`], [`EventKind`] | what happened to one order, in the past tense |
//! | [`Status`] | where an order stands: the one state machine |
//! | [`OrderView`], [`StockView`] | what a buyer is shown |
//! | [`Money`], [`Currency`], [`Sku`], [`Quantity`] | the values that orders are made of |

mod digest;
mod event;
mod event_kind;
mod fault;
mod id;
mod json;
mod key;
mod line;
mod money;
mod place_order;
mod reason;
mod sku;
mod status;
mod timestamp;
mod view;

pub use digest::BodyDigest;
pub use event::{Created, Event, What};
pub use event_kind::{EventKind, UnknownEvent};
pub use fault::{Fault, Unacceptable};
pub use id::{NotAnOrderId, OrderId, ProvenId, SecretTooShort, Secrets};
pub use key::{IdempotencyKey, NotAKey};
pub use line::{Line, Quantity};
pub use money::{Currency, Money, NotACurrency, TotalTooLarge};
pub use place_order::{PaymentToken, PlaceOrder};
pub use reason::{CancelReason, Rejection, Requester};
pub use sku::{NotASku, Sku};
pub use status::Status;
pub use timestamp::Timestamp;
pub use view::{OrderView, Reached, Reason, StockView};
