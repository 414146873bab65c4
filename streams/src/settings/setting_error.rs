//! Why a value in the bucket is not a setting: the member, what is wrong with it, and what to write instead.

use thiserror::Error;

/// A value is not a setting.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SettingError {
    /// It is not JSON at all.
    #[error("it is not JSON ({fault}): write one object, such as {{\"paused\":true}}")]
    NotJson {
        /// What is wrong, and where.
        fault: String,
    },
    /// It is JSON, but no object.
    #[error("it is {found} and not an object: write one, such as {{\"paused\":true}}")]
    NotAnObject {
        /// What it is.
        found: String,
    },
    /// A member has a name that none has.
    #[error("`{member}` is not a member: there are {known}")]
    UnknownMember {
        /// Its name.
        member: String,
        /// The members that there are.
        known: &'static str,
    },
    /// A member has another value than it may have.
    #[error("`{member}` is {found}: write {expected}, or leave it out")]
    BadMember {
        /// Its name.
        member: &'static str,
        /// Its value.
        found: String,
        /// What it may be.
        expected: String,
    },
    /// A member means nothing without another one.
    #[error("`{member}` means nothing without `{other}`: write both, or leave it out")]
    Incomplete {
        /// Its name.
        member: &'static str,
        /// The member that it needs.
        other: &'static str,
    },
}
