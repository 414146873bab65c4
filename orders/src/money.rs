//! Money: integer minor units with a currency, and checked arithmetic.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::OrderLine;
use crate::limits::AMOUNT_MAX;

/// A three-letter ISO 4217 currency code, such as `GBP`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// An amount in whole minor units (pence, cents), from 0 to 999,999,999,999, and its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// The amount in minor units.
    pub amount: i64,
    /// The currency of the amount.
    pub currency: Currency,
}

/// A string that is not a valid [`Currency`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a currency must be three capital letters as in ISO 4217, such as GBP")]
pub struct InvalidCurrency;

/// A total exceeds the largest amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a total must be at most {AMOUNT_MAX} minor units")]
pub struct TotalTooLarge;

impl Currency {
    /// The three letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a currency holds ASCII letters only")
    }
}

impl Money {
    /// The total of `lines`: the sum of quantity times unit price.
    pub fn total(lines: &[OrderLine], currency: Currency) -> Result<Self, TotalTooLarge> {
        let add = |sum: i64, line: &OrderLine| {
            line.unit_price.checked_mul(i64::from(line.quantity.get()))?.checked_add(sum)
        };
        let amount = lines.iter().try_fold(0, add).ok_or(TotalTooLarge)?;
        if amount > AMOUNT_MAX { Err(TotalTooLarge) } else { Ok(Self { amount, currency }) }
    }
}

impl std::str::FromStr for Currency {
    type Err = InvalidCurrency;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match *text.as_bytes() {
            [a, b, c] if [a, b, c].iter().all(u8::is_ascii_uppercase) => Ok(Self([a, b, c])),
            _ => Err(InvalidCurrency),
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = InvalidCurrency;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.as_str().to_owned()
    }
}

impl std::fmt::Display for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Quantity;

    fn line(quantity: u32, unit_price: i64) -> OrderLine {
        let quantity = Quantity::new(i64::from(quantity)).unwrap();
        OrderLine { sku: "A".parse().unwrap(), quantity, unit_price }
    }

    #[test]
    fn a_total_is_the_sum_over_all_lines() {
        let gbp = "GBP".parse().unwrap();
        let total = Money::total(&[line(6, 255), line(1, 339)], gbp).unwrap();
        assert_eq!(total, Money { amount: 1_869, currency: gbp });
    }

    #[test]
    fn a_total_that_exceeds_the_largest_amount_or_overflows_is_rejected() {
        let gbp = "GBP".parse().unwrap();
        assert!(Money::total(&[line(1, AMOUNT_MAX)], gbp).is_ok());
        assert_eq!(Money::total(&[line(1, AMOUNT_MAX), line(1, 1)], gbp), Err(TotalTooLarge));
        let most = vec![line(1_000_000, AMOUNT_MAX); 1_000];
        assert_eq!(Money::total(&most, gbp), Err(TotalTooLarge));
    }

    #[test]
    fn a_currency_is_three_capital_letters() {
        assert_eq!("GBP".parse::<Currency>().unwrap().as_str(), "GBP");
        for bad in ["", "gbp", "GB", "GBPP", "G1P", "£££"] {
            assert_eq!(bad.parse::<Currency>(), Err(InvalidCurrency), "{bad}");
        }
    }
}
