//! What is wrong with a request, and where.

use std::fmt::Display;

use serde::Serialize;
use thiserror::Error;

/// No answer lists more faults than this: a body of 256 KiB has room for tens of thousands.
const FIELD_ERRORS_MAX: usize = 100;

/// One fault of an order: where it is, what is wrong with it and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// A JSON pointer (RFC 6901) to the faulty member; of a missing one, to where it belongs.
    pub pointer: String,
    /// What is wrong, and what would be right.
    pub detail: String,
}

/// Why a body is not an order.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidOrder {
    /// It is not JSON (RFC 8259) in UTF-8.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// It is JSON, but no order: every fault, up to 100 of them.
    #[error("{} faults, the first at {}: {}", .0.len(), .0[0].pointer, .0[0].detail)]
    FieldErrors(Vec<FieldError>),
}

/// The faults found so far.
#[derive(Debug, Default)]
pub(crate) struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    pub(crate) fn add(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        if self.0.len() < FIELD_ERRORS_MAX {
            self.0.push(FieldError { pointer: pointer.into(), detail: detail.into() });
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The found value at `pointer`, or `None` with a fault for what was wrong with it.
    pub(crate) fn note<T>(&mut self, pointer: &dyn Display, found: Result<T, String>) -> Option<T> {
        found.map_err(|detail| self.add(pointer.to_string(), detail)).ok()
    }

    pub(crate) fn into_invalid_order(self) -> InvalidOrder {
        InvalidOrder::FieldErrors(self.0)
    }
}
