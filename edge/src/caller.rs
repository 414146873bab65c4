//! Who makes a request, and what they may do: the one place that decides it.
//!
//! Callers are not authenticated yet. So each request is that of the trusted caller, who may do everything, and the
//! signed id of an order is what gives access to it.

/// Who makes a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The name under which orders are placed; a part of their ids.
    pub(crate) name: &'static str,
    /// Whether they see what an order says about a person.
    pub(crate) may_see_personal_data: bool,
}

impl Caller {
    /// The caller of every request, until callers are authenticated.
    pub(crate) const TRUSTED: Self = Self { name: "public", may_see_personal_data: true };
}
