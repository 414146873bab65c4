//! Money: integer minor units with a currency, and checked arithmetic.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::limits::AMOUNT_MAX;
use crate::{Currency, OrderLine};

/// An amount in whole minor units (pence, cents), from 0 to 999,999,999,999, and its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// The amount in minor units.
    pub amount: i64,
    /// The currency of the amount.
    pub currency: Currency,
}

/// A total exceeds the largest amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a total must be at most {AMOUNT_MAX} minor units")]
pub struct TotalTooLarge;

impl Money {
    /// The total of `lines`: the sum of quantity times unit price.
    pub fn total<T: AsRef<str>>(
        lines: &[OrderLine<T>],
        currency: Currency,
    ) -> Result<Self, TotalTooLarge> {
        let add = |sum: i64, line: &OrderLine<T>| {
            line.unit_price.checked_mul(i64::from(line.quantity.get()))?.checked_add(sum)
        };
        let amount = lines.iter().try_fold(0, add).ok_or(TotalTooLarge)?;
        if amount > AMOUNT_MAX { Err(TotalTooLarge) } else { Ok(Self { amount, currency }) }
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
}
