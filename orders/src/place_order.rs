//! An order as a buyer places it. It is validated when it is parsed, and trusted everywhere else.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::limits::{
    ADJUSTMENT_BYTES_MAX, ADJUSTMENTS_MAX, LINE_BYTES_MAX, LINES_MAX, ORDER_BYTES_MAX,
};
use crate::{
    Adjustment, Contact, InvalidTotal, Metadata, Money, OnDecline, OrderLine, PaymentToken,
    ShippingAddress,
};

/// An order as a buyer places it. `T` is its texts: owned, or borrowed from the body that was parsed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
pub struct PlaceOrder<T: AsRef<str> = String> {
    /// The shop's identifier of the customer; up to 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<T>,
    /// The total of the order: the sum of its lines and adjustments.
    pub total: Money,
    /// 1 to 1,000 lines.
    pub lines: Vec<OrderLine<T>>,
    /// The payment token. Every order that is parsed from a body and costs anything has one; an order
    /// that an earlier version stored may have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_token: Option<PaymentToken<T>>,
    /// What becomes of it if that is declined.
    #[serde(default, skip_serializing_if = "OnDecline::is_default")]
    pub on_decline: OnDecline,
    /// The shop's own reference for the order; up to 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<T>,
    /// Where it is shipped to. What follows is boxed, since most orders have none of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<Box<ShippingAddress<T>>>,
    /// How its buyer is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Box<Contact<T>>>,
    /// What is added to its lines, and what is taken off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adjustments: Vec<Adjustment<T>>,
    /// What the shop keeps with it.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata<T>,
}

/// An order that borrows its texts from the body that a buyer sent.
pub type BorrowedOrder<'a> = PlaceOrder<Cow<'a, str>>;

/// An order that no edge has accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UnsoundOrder {
    /// It has none, or too many.
    #[error("an order must have 1 to {LINES_MAX} lines, got {0}")]
    Lines(usize),
    /// It has too many.
    #[error("an order must have at most {ADJUSTMENTS_MAX} adjustments, got {0}")]
    Adjustments(usize),
    /// Its total is not what its lines and adjustments add up to.
    #[error("{said} is not the sum of the lines; they add up to {sum}")]
    Total {
        /// What the order says, in minor units.
        said: i64,
        /// The sum of its lines and adjustments.
        sum: i64,
    },
    /// They add up to what no order may cost.
    #[error(transparent)]
    InvalidTotal(#[from] InvalidTotal),
}

impl BorrowedOrder<'_> {
    /// The order with copies of its texts.
    pub fn into_owned(self) -> PlaceOrder {
        PlaceOrder {
            customer_id: self.customer_id.map(Cow::into_owned),
            total: self.total,
            lines: self.lines.into_iter().map(OrderLine::into_owned).collect(),
            payment_token: self.payment_token.map(PaymentToken::into_owned),
            on_decline: self.on_decline,
            reference: self.reference.map(Cow::into_owned),
            shipping_address: self.shipping_address.map(|it| Box::new(it.into_owned())),
            contact: self.contact.map(|it| Box::new(it.into_owned())),
            adjustments: self.adjustments.into_iter().map(Adjustment::into_owned).collect(),
            metadata: self.metadata.into_owned(),
        }
    }
}

impl<T: AsRef<str>> PlaceOrder<T> {
    /// Checks what an order that was parsed from a body keeps to: it may have come another way.
    pub fn verify(&self) -> Result<(), UnsoundOrder> {
        if !(1..=LINES_MAX).contains(&self.lines.len()) {
            return Err(UnsoundOrder::Lines(self.lines.len()));
        }
        if self.adjustments.len() > ADJUSTMENTS_MAX {
            return Err(UnsoundOrder::Adjustments(self.adjustments.len()));
        }
        let total = Money::total(&self.lines, &self.adjustments, self.total.currency)?;
        if total == self.total {
            Ok(())
        } else {
            Err(UnsoundOrder::Total { said: self.total.amount, sum: total.amount })
        }
    }

    /// The room that the order takes as canonical JSON, at most, unless its texts have quotation marks or
    /// backslashes.
    pub(crate) fn canonical_json_bytes(&self) -> usize {
        let token = self.payment_token.as_ref().map(PaymentToken::expose);
        let texts = [self.customer_id.as_ref(), self.reference.as_ref()].into_iter().flatten();
        let texts = texts.map(AsRef::as_ref).chain(token).map(str::len).sum::<usize>();
        let skus = self.lines.iter().map(|line| line.sku.as_str().len()).sum::<usize>();
        let address = self.shipping_address.as_ref().map_or(0, |it| it.canonical_json_bytes());
        let contact = self.contact.as_ref().map_or(0, |it| it.canonical_json_bytes());
        let labels = self.adjustments.iter().map(|it| it.label.as_ref().len()).sum::<usize>();
        let adjustments = match self.adjustments.len() {
            0 => 0,
            count => ADJUSTMENT_BYTES_MAX * (count + 1) + labels,
        };
        let details = address + contact + adjustments + self.metadata.canonical_json_bytes();
        ORDER_BYTES_MAX + texts + LINE_BYTES_MAX * self.lines.len() + skus + details
    }

    /// Whether it says more than what is ordered and paid.
    pub fn has_details(&self) -> bool {
        self.shipping_address.is_some()
            || self.contact.is_some()
            || !self.adjustments.is_empty()
            || !self.metadata.is_empty()
    }

    /// Whether a version before details would lose some of it, or try to charge nothing.
    pub(crate) fn needs_details(&self) -> bool {
        self.has_details() || self.total.amount == 0
    }
}

impl<T: AsRef<str> + Serialize> PlaceOrder<T> {
    /// Appends the order as Millrace serialises it: the input of its digest.
    pub(crate) fn write_canonical_json(&self, out: &mut Vec<u8>) {
        serde_json::to_writer(out, self).expect("an order has string keys and integers");
    }
}
