//! Why a request was not done: what is wrong, with which member, and what to do about it.

use std::fmt::Display;

use serde_json::{Value, json};

/// A request was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The code of the service error, as HTTP has them.
    pub(super) code: u16,
    /// What is wrong, and what to do.
    pub(super) error: String,
    /// The member of the request that is at fault.
    pub(super) member: Option<String>,
}

impl Refusal {
    /// The request is wrong as a whole.
    pub(super) fn invalid(error: impl Into<String>) -> Self {
        Self { code: 400, error: error.into(), member: None }
    }

    /// A member of the request is wrong.
    pub(super) fn member(member: impl Into<String>, error: impl Into<String>) -> Self {
        Self { member: Some(member.into()), ..Self::invalid(error) }
    }

    /// What it is about is not there.
    pub(super) fn not_found(member: &str, error: impl Into<String>) -> Self {
        Self { code: 404, ..Self::member(member, error) }
    }

    /// What it is about is in another state, or another process is doing the same.
    pub(super) fn conflict(error: impl Into<String>) -> Self {
        Self { code: 409, ..Self::invalid(error) }
    }

    /// The request or its answer is too large.
    pub(super) fn too_large(error: impl Into<String>) -> Self {
        Self { code: 413, ..Self::invalid(error) }
    }

    /// This process was started without what the request needs.
    pub(super) fn not_configured(error: impl Into<String>) -> Self {
        Self { code: 501, ..Self::invalid(error) }
    }

    /// A server that it needs does not answer.
    pub(super) fn unavailable(what: &str, cause: impl Display) -> Self {
        Self { code: 503, ..Self::invalid(format!("{what}: {cause}: ask again")) }
    }

    /// Too many wait, or it has waited too long.
    pub(super) fn busy(error: impl Into<String>) -> Self {
        Self { code: 429, ..Self::invalid(error) }
    }

    /// The process ends.
    pub(super) fn stopping() -> Self {
        Self::unavailable("this process stops", "nothing was done")
    }

    /// Whether the request itself is at fault, and nothing was tried.
    pub(super) const fn is_refused(&self) -> bool {
        self.code < 500
    }

    /// The body of the reply.
    pub(super) fn to_json(&self) -> Value {
        let mut body = json!({"error": self.error});
        if let Some(member) = &self.member {
            body["member"] = json!(member);
        }
        body
    }
}
