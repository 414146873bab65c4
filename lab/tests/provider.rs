//! The payment provider and its client, over real sockets.
mod test_simulator;
mod webhook_receiver;

mod authentication;
mod charges;
mod client;
mod faults;
mod idempotency_keys;
mod late_confirms;
mod new_card;
mod rate_limit;
mod refund_status;
mod refusals;
mod single_use_tokens;
mod webhooks;
