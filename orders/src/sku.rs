//! Stock-keeping units.

use std::borrow::Cow;

use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error};
use thiserror::Error;

use crate::limits::SKU_LENGTH_MAX;

/// A stock-keeping unit: 1 to 64 printable ASCII characters, without a space at either end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Sku<T: AsRef<str> = String>(T);

/// A string that is not a valid [`Sku`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "a SKU must have 1 to {SKU_LENGTH_MAX} printable ASCII characters, without a space at either end"
)]
pub struct InvalidSku;

impl<T: AsRef<str>> Sku<T> {
    /// `text` as a SKU, if it is one.
    pub fn new(text: T) -> Result<Self, InvalidSku> {
        let sku = text.as_ref();
        let printable = sku.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        let fits = (1..=SKU_LENGTH_MAX).contains(&sku.len());
        if printable && fits && sku.trim() == sku { Ok(Self(text)) } else { Err(InvalidSku) }
    }

    /// The SKU as a string.
    pub fn as_str(&self) -> &str {
        self.0.as_ref()
    }
}

impl Sku<Cow<'_, str>> {
    pub(crate) fn into_owned(self) -> Sku {
        Sku(self.0.into_owned())
    }
}

impl std::str::FromStr for Sku {
    type Err = InvalidSku;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text.to_owned())
    }
}

impl<'de, T: AsRef<str> + Deserialize<'de>> Deserialize<'de> for Sku<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(T::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl<T: AsRef<str>> std::fmt::Display for Sku<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sku_is_1_to_64_printable_ascii_characters_without_outer_spaces() {
        for good in ["85123A", "POST", "M", "BANK CHARGES", "a_1-2.3"] {
            assert_eq!(good.parse::<Sku>().unwrap().as_str(), good);
        }
        for bad in ["", " ", " A", "A ", "É", "A\u{7f}", &"A".repeat(65)] {
            assert_eq!(bad.parse::<Sku>(), Err(InvalidSku), "{bad:?}");
        }
    }
}
