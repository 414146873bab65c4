//! The door: an HTTP server that acknowledges orders straight into JetStream.
//!
//! | path | what it does | where |
//! |---|---|---|
//! | `POST /v1/orders` | takes an order in | `place`, `intake`, `repeats` |
//! | `GET /v1/orders/{id}` | where an order stands | `status` |
//! | `POST /v1/orders/{id}/cancel` | asks for an order to be cancelled | `cancel` |
//! | `GET /v1/stock/{sku}`, `GET /v1/stock?sku=A&sku=B` | what is on hand | `stock`, `stock/cache` |
//! | `GET /livez`, `GET /readyz` | whether this process runs, and can serve | `health` |
//!
//! [`run`] starts a thread for each core, with a runtime, a broker connection and an intake of its
//! own; nothing on an order's way is shared between them but a count of bytes. What goes wrong is
//! told in one place, `problem`; every limit stands in `limits`. What a 202 claims is proven by the
//! brokers (`durability`).

mod accept;
mod admission;
mod body;
mod cache;
mod cancel;
mod config;
mod connection;
mod core;
mod durability;
mod health;
mod intake;
mod limits;
mod place;
mod problem;
mod question;
mod repeats;
mod response;
mod routes;
mod serve;
mod status;
mod stock;

pub use config::{Config, LISTEN_DEFAULT};
pub use limits::{BODY_BYTES_MAX, CONNECTIONS_MAX, END_MAX, ORDERS_WAITING_MAX};
pub use serve::{EdgeError, run};
