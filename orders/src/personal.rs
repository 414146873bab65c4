//! Texts about a person.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// A text about a person, such as a name or a street. Its debug form hides it, so that no log has it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Personal<T: AsRef<str> = String>(T);

impl<T: AsRef<str>> Personal<T> {
    pub(crate) const fn new(text: T) -> Self {
        Self(text)
    }

    /// The text itself, which only the order's caller and those who deliver it may see.
    pub fn expose(&self) -> &str {
        self.0.as_ref()
    }
}

impl Personal<Cow<'_, str>> {
    pub(crate) fn into_owned(self) -> Personal {
        Personal(self.0.into_owned())
    }
}

impl<T: AsRef<str>> std::fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Personal(…)")
    }
}
