//! The payment provider and its client, over real sockets.
mod test_simulator;

mod charges;
mod client;
mod faults;
mod idempotency_keys;
mod rate_limit;
mod refund_status;
mod refusals;
mod single_use_tokens;
