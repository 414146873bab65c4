//! A payment provider for tests, demonstrations and benchmarks, with the API of Stripe's
//! `PaymentIntents`: form-encoded requests, JSON responses, `Authorization: Bearer sk_test_…`.
//!
//! | request | effect |
//! |---|---|
//! | `POST /v1/payment_intents` | creates an intent: `amount` (minor units), `currency`, `payment_method`, `metadata[order_id]`, `confirm` |
//! | `POST /v1/payment_intents/{id}/confirm`, `…/cancel` | captures the amount, or cancels the intent; an intent succeeds once. A confirm accepts another `payment_method` |
//! | `POST /v1/refunds` | refunds money: `payment_intent`, `amount` (the whole remainder, if absent) |
//! | `GET /v1/payment_intents/{id}`, `GET /v1/payment_intents`, `GET /v1/refunds` | one intent; lists, newest first, by `limit` and `starting_after`, refunds also by `payment_intent` |
//! | `GET /authenticate/{id}`, `POST /authenticate/{id}` | the page where the buyer approves or denies a payment that `requires_action`: `result` is `approve` or `deny` |
//! | `POST /control`, `GET /control` | not in Stripe: sets and shows faults, latency and the receiver of webhooks, see [`FaultConfig`] and [`WebhookConfig`] |
//!
//! A `POST` with an `Idempotency-Key` is executed once; a repeat gets the saved response, errors
//! and 500s included, with `Idempotent-Replayed: true`.
//!
//! | `payment_method` | result of a confirm |
//! |---|---|
//! | none | refused: the intent requires a payment method |
//! | `tok_visa`, `pm_card_visa` | succeeds |
//! | `tok_chargeDeclined`, `pm_card_chargeDeclined` | declined: `generic_decline` |
//! | `tok_insufficientFunds`, `pm_card_insufficientFunds` | declined: `insufficient_funds` |
//! | `tok_chargeDeclinedStolenCard`, `pm_card_chargeDeclinedStolenCard` | declined: `stolen_card` |
//! | `tok_chargeDeclinedWithoutIntent` | declined: `generic_decline`, and the error does not hold the intent |
//! | `tok_flaky_N`, N from 1 to 99 | the first N executions return 500 and have no effect, the next succeeds |
//! | `tok_hang` | captures, but never responds to the call that did; all later calls see it succeeded |
//! | `tok_threeDSecureRequired`, `pm_card_threeDSecureRequired` | `requires_action`: the buyer must approve at the URL in `next_action` |
//! | `tok_once_NAME` | succeeds; as the token of a real card, it can be used for one intent only |
//! | `tok_once_lost_NAME` | the same, and the first response to the create is lost: the connection is closed |
//!
//! While `payments` is `processing`, a confirm or an approval that would succeed makes the payment
//! `processing`, until it is set to `succeeded` or `failed`.
//!
//! When an intent succeeds, fails, is processed, is canceled or requires an action, an event is sent to the receiver
//! of webhooks, signed as `Stripe-Signature` says. Events come in any order, and one that cannot be
//! delivered within a few tries is lost.
//!
//! The currency `kpw` is refused as unsupported.
//!
//! Beyond Stripe: lists accept a `limit` of up to 10,000, and amounts may have twelve digits.
//!
//! All state is in memory and lost when the process exits. Every intent and refund (some 300 bytes
//! each) is kept until then, since an audit lists them all, and so are the latest 2^20 keys.

mod api;
mod authentication;
mod authentication_page;
mod command;
mod connections;
mod control;
mod engine;
mod error;
mod fault_config;
mod http;
mod idempotency_keys;
mod intent_body;
mod intent_rules;
mod limits;
mod model;
mod object_ids;
mod operation;
mod outcome;
mod rate_limit;
mod refunds;
mod response;
mod server;
mod test_cards;
mod webhook_config;
mod webhook_delivery;
mod webhook_signature;
mod webhooks;

pub use command::SimulatorArgs;
pub use control::{finish_late_confirms, set_faults};
pub use fault_config::{FaultConfig, SimulatedFault};
pub use model::{PaymentStatus, RefundStatus};
pub use server::{run, run_with_webhooks};
pub use webhook_config::{InvalidWebhookUrl, WebhookConfig, WebhookUrl};
pub use webhook_signature::{EmptySecret, WebhookSecret};
