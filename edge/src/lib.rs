//! The HTTP API: an edge node acknowledges orders straight into JetStream.
//!
//! | route | what it does | file |
//! |---|---|---|
//! | `POST /v1/orders` | Place an order | `routes/place_order.rs` |
//! | `POST /v1/orders:batch` | Place many orders, one in each line | `routes/place_batch.rs` |
//! | `GET /v1/orders` | List the caller's own orders | `routes/list_orders.rs` |
//! | `GET /v1/orders/{id}` | Get an order, its status and its history | `routes/order_status.rs` |
//! | `GET /v1/orders/{id}/events` | Follow an order as server-sent events | `routes/order_events.rs` |
//! | `POST /v1/orders/{id}/events-token` | Get a token with which a browser follows an order | `routes/events_token.rs` |
//! | `POST /v1/orders/{id}/cancel` | Request the cancellation of an order | `routes/cancel_order.rs` |
//! | `POST /v1/orders/{id}/payment` | Continue the payment of an order that requires action | `routes/submit_payment.rs` |
//! | `POST /v1/provider/events` | Receive a webhook of the payment provider | `routes/provider_event.rs` |
//! | `GET /v1/stock` | Get the stock of several SKUs | `routes/stock.rs` |
//! | `GET /v1/stock/{sku}` | Get the stock of a SKU | `routes/stock.rs` |
//! | `GET /livez` | Check that the process runs | `routes/health.rs` |
//! | `GET /readyz` | Check that the process can accept orders | `routes/health.rs` |
//! | `GET /openapi.json` | Get this document | `routes/openapi.rs` |
//! | `GET /docs` | Show the API as a page | `routes/docs_page.rs` |
//! | `GET /docs/rapidoc.js` | Get the script of that page | `routes/docs_page.rs` |
//! | `GET /problems/{name}` | Explain a type of problem | `routes/explain_problem.rs` |
//!
//! A request goes from the `server` to its handler in `routes`. Handlers use the `state` of their
//! shard: `gates` refuse orders that would not be kept, `ingest` stores in batches what clients
//! submit, `lookup` asks workers in batches for what they know, and `follow` learns from their events.
//!
//! [`run`] starts one shard for each core: a thread with its own runtime, broker connection and
//! ingest queue. On the path of an order, shards share only the gates, which they read, and the memory
//! budget for request bodies. Under a used key they share the lookups as well.
//! Every error response is defined in `problem`, every limit in `limits`. The durability that a 202
//! claims is verified against the brokers and their streams (`gates`).

mod access;
mod body;
mod cache;
mod caller;
mod client_address;
mod config;
mod cors_origins;
mod error;
mod failure_log;
mod follow;
mod gates;
mod generations;
mod identity;
mod ingest;
mod limits;
mod lookup;
mod order_counts;
mod problem;
mod quota;
mod redis_config;
mod request_id;
mod response;
mod routes;
mod server;
mod state;
mod tls;
mod trace_context;
mod webhook_secrets;

pub use client_address::{Balancers, InvalidNetwork};
pub use config::{Config, LISTEN_DEFAULT};
pub use cors_origins::{CorsOrigins, InvalidOrigin};
pub use error::EdgeError;
pub use follow::FOLLOWED_EVENTS;
pub use identity::{
    IdentityConfig, IdentityMode, InvalidKeySet, InvalidSigningKey, KeySourceError, Scope,
    TOKEN_PARTY_DEFAULT, TokenClaims, TokenSigner,
};
pub use ingest::PUBLISHED_EVENTS;
pub use limits::{
    BACKLOG_MAX_AGE, BODY_BYTES_MAX, CONNECTIONS_MAX, ORDERS_WAITING_MAX, SHUTDOWN_MAX,
    TOKEN_KEYS_MAX,
};
pub use quota::QuotaConfig;
pub use redis_config::{REDIS_RULES, RedisConfig};
pub use routes::{ROUTES, Route};
pub use server::run;
pub use tls::{CertificateError, TlsConfig};
pub use webhook_secrets::{WebhookSecretTooShort, WebhookSecrets};
