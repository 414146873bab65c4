//! The payment provider and its client, over real sockets.
mod charges;
mod client;
mod faults;
mod idempotency_keys;
mod test_simulator;
