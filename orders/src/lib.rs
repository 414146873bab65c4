//! The domain model of Millrace. Everything here is pure: no async, no I/O, no clock, no
//! randomness.
//!
//! | type | meaning |
//! |---|---|
//! | [`OrderId`], [`SignedOrderId`] | an order's id, and the id signed by the edge that issued it |
//! | [`CallerName`], [`CallerHash`] | who places an order, and how its events say so |
//! | [`PlaceOrder`] | an order as a buyer places it, validated once when it is parsed |
//! | [`BorrowedOrder`] | the same, borrowed from the body that was parsed |
//! | [`BatchLine`] | an order in a batch of orders, with its key |
//! | [`Event`], [`EventBody`], [`EventKind`] | what happened to one order, in the past tense |
//! | [`Status`] | the status of an order, and its state machine |
//! | [`OrderView`], [`OrderContents`], [`StockView`] | the replies to what edges ask |
//! | [`ListingQuery`], [`OrderListing`] | what edges ask for the orders of a caller, and the reply |
//! | [`Money`], [`Currency`], [`Sku`], [`Quantity`] | the value types of an order |
//! | [`ShippingAddress`], [`Contact`], [`Personal`] | what an order says about a person |
//! | [`Adjustment`] | what is added to the lines of an order, or taken off |
//! | [`Metadata`] | what a shop keeps with an order |

mod adjustment;
mod batch_line;
mod body;
mod caller;
mod caller_hash;
mod contact;
mod country;
mod created;
mod currency;
mod digest;
mod erased_record;
mod event;
mod event_error;
mod field_error;
mod hex;
mod id;
mod json;
mod key;
pub mod limits;
mod line;
mod listing;
mod members;
mod metadata;
mod money;
mod on_decline;
mod order_body;
mod order_contents;
mod payment_token;
mod personal;
mod place_order;
mod reason;
mod shipping_address;
mod sku;
mod status;
mod submit_payment;
mod text;
mod timestamp;
mod trace_parent;
mod view;

pub use adjustment::{Adjustment, AdjustmentKind};
pub use batch_line::BatchLine;
pub use caller::{CallerName, InvalidCallerName};
pub use caller_hash::CallerHash;
pub use contact::Contact;
pub use country::{Country, InvalidCountry};
pub use created::Created;
pub use currency::{Currency, InvalidCurrency};
pub use digest::BodyDigest;
pub use erased_record::{erased, is_erased, is_order_of, is_private_member, placed_order};
pub use event::{Event, EventBody, EventKind, UnknownEvent};
pub use event_error::{EventError, is_unknown_name};
pub use field_error::{FieldError, InvalidOrder};
pub use hex::{from_hex, to_hex};
pub use id::{
    InvalidCopiedId, InvalidOrderId, OrderId, SignedOrderId, SigningKeyTooShort, SigningKeys,
};
pub use key::{IdempotencyKey, InvalidIdempotencyKey};
pub use line::{OrderLine, Quantity};
pub use listing::{ListedOrder, ListingPlace, ListingQuery, OrderListing};
pub use metadata::Metadata;
pub use money::{InvalidTotal, Money};
pub use on_decline::OnDecline;
pub use order_contents::OrderContents;
pub use payment_token::PaymentToken;
pub use personal::Personal;
pub use place_order::{BorrowedOrder, PlaceOrder, UnsoundOrder};
pub use reason::{CancelReason, CancelledBy, Rejection};
pub use shipping_address::ShippingAddress;
pub use sku::{InvalidSku, Sku};
pub use status::Status;
pub use submit_payment::SubmitPayment;
pub use timestamp::Timestamp;
pub use trace_parent::{InvalidTraceParent, TraceId, TraceParent};
pub use view::{BuyerSecret, NextAction, OrderView, Reason, StatusChange, StockView, Unanswered};
