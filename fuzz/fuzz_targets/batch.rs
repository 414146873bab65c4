//! `cargo fuzz run batch`: arbitrary bytes as a message of the stream of orders.
#![no_main]

#[path = "../checks/batch.rs"]
mod batch;

libfuzzer_sys::fuzz_target!(|payload: &[u8]| batch::check(payload));
