//! Ingest: orders and cancel requests are grouped into messages, each stored once, and every waiting
//! request receives its result.

mod batch;
mod cancellations;
mod idempotency;
mod orders;

pub(crate) use batch::SubmitResult;
pub(crate) use cancellations::{CancelRequest, run_cancellations};
pub(crate) use idempotency::IdempotencyCache;
pub(crate) use orders::{Submission, run_orders};
