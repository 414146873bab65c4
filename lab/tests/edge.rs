//! The edge over real HTTP, on real brokers and a real Redis.
mod raw_http;
mod test_edge;

mod batch_intake;
mod broker_outage;
mod cancellation;
mod drain;
mod durability;
mod fetcher;
mod foreign_acks;
mod frozen_broker;
mod http_protocol;
mod idempotency;
mod import;
mod lanes;
mod malformed_requests;
mod order_status;
mod overload;
mod placement;
mod publisher;
mod request_heads;
mod same_key_other_body;
mod slow_clients;
mod stock_lookup;
mod stream_settings;
mod validation;
