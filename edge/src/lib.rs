//! The HTTP API: an edge node acknowledges orders straight into JetStream.
//!
//! | path | what it does | module |
//! |---|---|---|
//! | `POST /v1/orders` | accepts an order | `place_order`, `ingest`, `idempotency` |
//! | `GET /v1/orders/{id}` | status of an order | `order_status` |
//! | `POST /v1/orders/{id}/cancel` | requests cancellation | `cancel_order` |
//! | `GET /v1/stock/{sku}`, `GET /v1/stock?sku=A&sku=B` | stock levels | `stock`, `stock/cache` |
//! | `GET /livez`, `GET /readyz` | liveness and readiness probes | `health` |
//!
//! [`run`] starts one shard for each core: a thread with its own runtime, broker connection and
//! ingest queue. On the path of an order, shards share only the memory budget for request bodies.
//! Every error response is defined in `problem`, every limit in `limits`. The durability that a 202
//! claims is verified against the brokers (`durability_gate`).

mod admission_gate;
mod body;
mod cache;
mod cancel_order;
mod config;
mod connection;
mod durability_gate;
mod health;
mod idempotency;
mod ingest;
mod limits;
mod listener;
mod lookup;
mod order_status;
mod place_order;
mod problem;
mod response;
mod routes;
mod server;
mod shard;
mod stock;

pub use config::{Config, LISTEN_DEFAULT};
pub use limits::{BODY_BYTES_MAX, CONNECTIONS_MAX, ORDERS_WAITING_MAX, SHUTDOWN_MAX};
pub use server::{EdgeError, run};
