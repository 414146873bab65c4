//! The HTTP API: an edge node acknowledges orders straight into JetStream.
//!
//! | path | what it does | handler |
//! |---|---|---|
//! | `POST /v1/orders` | accepts an order | `routes/place_order` |
//! | `GET /v1/orders/{id}` | status of an order | `routes/order_status` |
//! | `POST /v1/orders/{id}/cancel` | requests cancellation | `routes/cancel_order` |
//! | `GET /v1/stock/{sku}`, `GET /v1/stock?sku=A&sku=B` | stock levels | `routes/stock` |
//! | `GET /livez`, `GET /readyz` | liveness and readiness probes | `routes/health` |
//!
//! The layers, each of which knows only those after it:
//! - `server`: [`run`] starts one shard for each core, a thread with its own runtime, broker
//!   connection and queues; it accepts connections and drains them
//! - `routes`: the table of routes, and the handlers
//! - `shard`: the state that the connections of one core share. On the path of an order, shards share
//!   only the memory budget for request bodies
//! - `ingest`: from waiting requests to stored messages; `lookup`: answers of the workers; `gates`:
//!   whether orders are accepted, and whether brokers are as durable as a 202 claims
//! - `problem`: every error response; `limits`: every limit, with its reason

mod body;
mod cache;
mod config;
mod error;
mod gates;
mod ingest;
mod limits;
mod lookup;
mod problem;
mod response;
mod routes;
mod server;
mod shard;

pub use config::{Config, LISTEN_DEFAULT};
pub use error::EdgeError;
pub use limits::{BODY_BYTES_MAX, CONNECTIONS_MAX, ORDERS_WAITING_MAX, SHUTDOWN_MAX};
pub use routes::{ROUTES, Route};
pub use server::run;
