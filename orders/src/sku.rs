//! Stock-keeping units.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::limits::SKU_LENGTH_MAX;

/// A stock-keeping unit: 1 to 64 printable ASCII characters, without a space at either end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sku(String);

/// A string that is not a valid [`Sku`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "a SKU must have 1 to {SKU_LENGTH_MAX} printable ASCII characters, without a space at either end"
)]
pub struct InvalidSku;

impl Sku {
    /// The SKU as a string.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Sku {
    type Error = InvalidSku;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let printable = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        let fits = (1..=SKU_LENGTH_MAX).contains(&text.len());
        if printable && fits && text.trim() == text { Ok(Self(text)) } else { Err(InvalidSku) }
    }
}

impl std::str::FromStr for Sku {
    type Err = InvalidSku;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.to_owned().try_into()
    }
}

impl From<Sku> for String {
    fn from(sku: Sku) -> Self {
        sku.0
    }
}

impl std::fmt::Display for Sku {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
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
