//! Validation errors of an order: what is wrong, and where.

use std::fmt::Display;

use serde::Serialize;
use thiserror::Error;

use crate::limits::FIELD_ERRORS_MAX;

/// One validation error of an order: where it is, what is wrong and what is expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// A JSON pointer (RFC 6901) to the invalid member; for a missing member, to where it belongs.
    pub pointer: String,
    /// What is wrong, and what is expected.
    pub detail: String,
}

/// A body that is not a valid order.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidOrder {
    /// It is not JSON (RFC 8259) in UTF-8.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// It is JSON, but not a valid order: every error, up to 100 of them.
    #[error("{} field errors, the first at {}: {}", .0.len(), .0[0].pointer, .0[0].detail)]
    FieldErrors(Vec<FieldError>),
}

/// The errors found so far.
#[derive(Debug, Default)]
pub(crate) struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    pub(crate) fn add(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        if self.0.len() < FIELD_ERRORS_MAX {
            self.0.push(FieldError { pointer: pointer.into(), detail: detail.into() });
        }
    }

    /// Adds the errors of the value at `pointer`, which point into it.
    pub(crate) fn add_below(&mut self, pointer: impl Display, errors: Self) {
        for FieldError { pointer: below, detail } in errors.0 {
            self.add(format!("{pointer}{below}"), detail);
        }
    }

    /// What `check` makes of the value at `pointer`; its errors point into the value.
    pub(crate) fn below<T>(
        &mut self,
        pointer: impl Display,
        check: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let mut errors = Self::default();
        let checked = check(&mut errors);
        self.add_below(pointer, errors);
        checked
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value at `pointer`; if it is invalid, records the error and returns `None`.
    pub(crate) fn collect<T>(&mut self, pointer: &str, value: Result<T, String>) -> Option<T> {
        value.map_err(|detail| self.add(pointer, detail)).ok()
    }

    pub(crate) fn into_invalid_order(self) -> InvalidOrder {
        InvalidOrder::FieldErrors(self.0)
    }
}
