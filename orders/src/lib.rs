//! The words of Millrace. Everything here is pure: no async, no I/O, no clock, no randomness.
//!
//! | word | where |
//! |---|---|
//! | [`OrderId`], [`SignedOrderId`] | who an order is, and the proof that an edge said so |
//! | [`PlaceOrder`] | what a buyer asks for, checked at the door and trusted inside |
//! | [`Event`], [`EventBody`], [`EventKind`] | what happened to one order, in the past tense |
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
pub use event::{Created, Event, EventBody};
pub use event_kind::{EventKind, UnknownEvent};
pub use fault::{FieldError, InvalidOrder};
pub use id::{InvalidOrderId, OrderId, SignedOrderId, SigningKeyTooShort, SigningKeys};
pub use key::{IdempotencyKey, InvalidIdempotencyKey};
pub use line::{OrderLine, Quantity};
pub use money::{Currency, InvalidCurrency, Money, TotalTooLarge};
pub use place_order::{PaymentToken, PlaceOrder};
pub use reason::{CancelReason, CancelledBy, Rejection};
pub use sku::{InvalidSku, Sku};
pub use status::Status;
pub use timestamp::Timestamp;
pub use view::{OrderView, Reason, StatusChange, StockView};
