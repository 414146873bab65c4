//! Money: integer minor units with a currency, and checked arithmetic.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::limits::AMOUNT_MAX;
use crate::{Adjustment, Currency, OrderLine};

/// An amount in whole minor units (pence, cents), from 0 to 999,999,999,999, and its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// The amount in minor units.
    pub amount: i64,
    /// The currency of the amount.
    pub currency: Currency,
}

/// A total that no order can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidTotal {
    /// It exceeds the largest amount.
    #[error("a total must be at most {AMOUNT_MAX} minor units")]
    TooLarge,
    /// More is taken off than the rest adds up to.
    #[error("a total must be 0 or more minor units, got {0}")]
    Negative(i64),
}

impl Money {
    /// The total of `lines` and `adjustments`: the sum of quantity times unit price, and of the amounts.
    pub fn total<T: AsRef<str>>(
        lines: &[OrderLine<T>],
        adjustments: &[Adjustment<T>],
        currency: Currency,
    ) -> Result<Self, InvalidTotal> {
        let add = |sum: i64, line: &OrderLine<T>| {
            line.unit_price.checked_mul(i64::from(line.quantity.get()))?.checked_add(sum)
        };
        let lines = lines.iter().try_fold(0, add).ok_or(InvalidTotal::TooLarge)?;
        let adjust = |sum: i64, it: &Adjustment<T>| sum.checked_add(it.amount);
        let amount = adjustments.iter().try_fold(lines, adjust).ok_or(InvalidTotal::TooLarge)?;
        if lines > AMOUNT_MAX || amount > AMOUNT_MAX {
            Err(InvalidTotal::TooLarge)
        } else if amount < 0 {
            Err(InvalidTotal::Negative(amount))
        } else {
            Ok(Self { amount, currency })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AdjustmentKind, Quantity};

    fn line(quantity: u32, unit_price: i64) -> OrderLine {
        let quantity = Quantity::new(i64::from(quantity)).unwrap();
        OrderLine { sku: "A".parse().unwrap(), quantity, unit_price }
    }

    fn discount(amount: i64) -> Adjustment {
        Adjustment { kind: AdjustmentKind::Discount, label: "D".to_owned(), amount }
    }

    #[test]
    fn a_total_is_the_sum_over_all_lines_and_adjustments() {
        let gbp = "GBP".parse().unwrap();
        let total =
            |adjustments: &[_]| Money::total(&[line(6, 255), line(1, 339)], adjustments, gbp);
        let amount = |adjustments: &[_]| total(adjustments).map(|total| total.amount);
        assert_eq!(total(&[]), Ok(Money { amount: 1_869, currency: gbp }));
        assert_eq!(amount(&[discount(-69), discount(-800)]), Ok(1_000));
        assert_eq!(amount(&[discount(-1_869)]), Ok(0));
        assert_eq!(amount(&[discount(-1_870)]), Err(InvalidTotal::Negative(-1)));
        assert_eq!(amount(&[discount(i64::MAX)]), Err(InvalidTotal::TooLarge));
    }

    #[test]
    fn a_total_that_exceeds_the_largest_amount_or_overflows_is_rejected() {
        let gbp = "GBP".parse().unwrap();
        assert!(Money::total(&[line(1, AMOUNT_MAX)], &[], gbp).is_ok());
        let lines = [line(1, AMOUNT_MAX), line(1, 1)];
        for adjustments in [&[][..], &[discount(-1)]] {
            assert_eq!(Money::total(&lines, adjustments, gbp), Err(InvalidTotal::TooLarge));
        }
        let most = vec![line(1_000_000, AMOUNT_MAX); 1_000];
        assert_eq!(Money::total(&most, &[], gbp), Err(InvalidTotal::TooLarge));
    }
}
