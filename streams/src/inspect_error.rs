//! Why the state of the cluster could not be read.

use thiserror::Error;

/// Reading the state of the cluster failed.
#[derive(Debug, Error)]
#[error("cannot inspect {name}")]
pub struct InspectError {
    name: String,
    source: async_nats::Error,
}

pub(crate) fn inspect_error(name: &str, source: impl Into<async_nats::Error>) -> InspectError {
    InspectError { name: name.to_owned(), source: source.into() }
}
