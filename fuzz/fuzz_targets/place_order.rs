//! `cargo fuzz run place_order`: arbitrary bytes as the body of an order.
#![no_main]

#[path = "../checks/place_order.rs"]
mod place_order;

libfuzzer_sys::fuzz_target!(|body: &[u8]| place_order::check(body));
