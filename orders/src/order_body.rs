//! What an order's body may contain, and the errors of one that contains something else.

use std::borrow::Cow;

use serde::de::SeqAccess;

use crate::adjustment::{Adjustments, adjustments_of};
use crate::body::parse_body;
use crate::contact::{ContactMembers, contact_of};
use crate::field_error::FieldErrors;
use crate::json::{Json, ReadArray};
use crate::limits::{AMOUNT_MAX, LINES_MAX, TEXT_LENGTH_MAX};
use crate::members::{
    BoxedObjectOf, ObjectOf, members, members_of, missing, optional, present, required,
};
use crate::metadata::{PairsOf, metadata_of};
use crate::shipping_address::{AddressMembers, address_of};
use crate::text::short_text;
use crate::{
    Adjustment, BorrowedOrder, Currency, InvalidOrder, InvalidTotal, Money, OnDecline, OrderLine,
    PaymentToken, PlaceOrder, Quantity, Sku,
};

impl PlaceOrder {
    /// Parses an order as [`PlaceOrder::parse_borrowed`] does, and keeps it.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidOrder> {
        PlaceOrder::parse_borrowed(body).map(PlaceOrder::into_owned)
    }
}

impl<'a> BorrowedOrder<'a> {
    /// Parses an order from the JSON that a buyer sent, and reports all field errors at once:
    ///
    /// ```json
    /// {"customer_id"?, "currency", "lines": [{"sku", "quantity", "unit_price"}],
    ///  "expected_total"?, "payment": {"token", "on_decline"?}, "reference"?,
    ///  "shipping_address"?: {"name", "line1", "line2"?, "city"?, "state"?, "postal_code"?, "country"},
    ///  "contact"?: {"email"?, "phone"?}, "metadata"?: {…},
    ///  "adjustments"?: [{"type", "label", "amount"}]}
    /// ```
    ///
    /// Prices are in minor units of `currency`. Unknown members are errors: a misspelt
    /// `expected_total` must not be treated as absent.
    pub fn parse_borrowed(body: &'a [u8]) -> Result<Self, InvalidOrder> {
        parse_body(body, order_of)
    }
}

members! {
    /// The members of an order.
    pub(crate) struct OrderMembers<'a> {
        customer_id: Json<'a>,
        currency: Json<'a>,
        lines: Json<'a, Lines<'a>>,
        expected_total: Json<'a>,
        payment: ObjectOf<'a, PaymentMembers<'a>>,
        reference: Json<'a>,
        adjustments: Json<'a, Adjustments<'a>>,
        shipping_address: BoxedObjectOf<'a, AddressMembers<'a>>,
        contact: BoxedObjectOf<'a, ContactMembers<'a>>,
        metadata: PairsOf<'a>,
    }
}

members! {
    struct PaymentMembers<'a> {
        token: Json<'a>,
        on_decline: Json<'a>,
    }
}

members! {
    struct LineMembers<'a> {
        sku: Json<'a>,
        quantity: Json<'a>,
        unit_price: Json<'a>,
    }
}

/// The lines of an order.
#[derive(Default)]
struct Lines<'a> {
    valid: Vec<OrderLine<Cow<'a, str>>>,
    /// All of them, valid or not.
    count: usize,
    /// Their pointers begin at the array.
    errors: FieldErrors,
}

/// Returns `None` only after adding at least one error.
pub(crate) fn order_of<'a>(
    order: ObjectOf<'a, OrderMembers<'a>>,
    errors: &mut FieldErrors,
) -> Option<BorrowedOrder<'a>> {
    let members = members_of(order, errors)?;
    let customer_id = optional(members.customer_id, "/customer_id", errors, short_text);
    let currency = required(members.currency, "/currency", errors, currency_of);
    let lines = lines_of(members.lines, errors);
    let expected_total = optional(members.expected_total, "/expected_total", errors, amount_of);
    let payment = present(members.payment)
        .map(|payment| errors.below("/payment", |errors| payment_of(payment, errors)));
    let reference = optional(members.reference, "/reference", errors, short_text);
    let adjustments = present(members.adjustments).map_or_else(
        || Some(Vec::new()),
        |adjustments| errors.below("/adjustments", |errors| adjustments_of(adjustments, errors)),
    );
    let shipping_address = present(members.shipping_address).and_then(|address| {
        let address = address.map_object(|members| *members);
        errors.below("/shipping_address", |errors| address_of(address, errors)).map(Box::new)
    });
    let contact = present(members.contact).and_then(|contact| {
        let contact = contact.map_object(|members| *members);
        errors.below("/contact", |errors| contact_of(contact, errors)).map(Box::new)
    });
    let metadata = present(members.metadata)
        .and_then(|metadata| errors.below("/metadata", |errors| metadata_of(metadata, errors)));

    let total = match (currency, &lines, &adjustments) {
        (Some(currency), Some(lines), Some(adjustments)) => {
            total_of(lines, adjustments, currency, errors)
        }
        _ => None,
    };
    // What costs nothing needs no payment.
    if payment.is_none() && total.is_none_or(|total| total.amount > 0) {
        errors.add("/payment", "missing; an order names its payment as {\"token\": \"…\"}");
    }
    let total = total?;
    if let Some(expected) = expected_total.filter(|expected| *expected != total.amount) {
        let parts = if adjustments.as_ref().is_some_and(|it| !it.is_empty()) {
            "lines and adjustments"
        } else {
            "lines"
        };
        let detail =
            format!("{expected} is not the sum of the {parts}; they add up to {}", total.amount);
        errors.add("/expected_total", detail);
    }
    let (payment_token, on_decline) = match payment {
        Some(payment) => payment.map(|(token, on_decline)| (Some(token), on_decline))?,
        None => (None, OnDecline::default()),
    };
    Some(BorrowedOrder {
        customer_id,
        total,
        lines: lines?,
        payment_token,
        on_decline,
        reference,
        shipping_address,
        contact,
        adjustments: adjustments?,
        metadata: metadata.unwrap_or_default(),
    })
}

/// The total, if an order can cost that.
fn total_of(
    lines: &[OrderLine<Cow<'_, str>>],
    adjustments: &[Adjustment<Cow<'_, str>>],
    currency: Currency,
    errors: &mut FieldErrors,
) -> Option<Money> {
    let total = Money::total(lines, adjustments, currency);
    let pointer = match total {
        Err(InvalidTotal::Negative(_)) => "/adjustments",
        _ => "/lines",
    };
    errors.collect(pointer, total.map_err(|err| err.to_string()))
}

fn payment_of<'a>(
    payment: ObjectOf<'a, PaymentMembers<'a>>,
    errors: &mut FieldErrors,
) -> Option<(PaymentToken<Cow<'a, str>>, OnDecline)> {
    let PaymentMembers { token, on_decline } = members_of(payment, errors)?;
    let token = required(token, "/token", errors, token_of);
    let on_decline = optional(on_decline, "/on_decline", errors, on_decline_of);
    Some((token?, on_decline.unwrap_or_default()))
}

fn lines_of<'a>(
    lines: Option<Json<'a, Lines<'a>>>,
    errors: &mut FieldErrors,
) -> Option<Vec<OrderLine<Cow<'a, str>>>> {
    let lines = present(lines).ok_or_else(missing).and_then(|lines| match lines {
        Json::Array(lines) if (1..=LINES_MAX).contains(&lines.count) => Ok(lines),
        Json::Array(Lines { count, .. }) => {
            Err(format!("an order must have 1 to {LINES_MAX} lines, got {count}"))
        }
        other => Err(format!("{other} is not an array of lines")),
    });
    let lines = errors.collect("/lines", lines)?;
    errors.add_below("/lines", lines.errors);
    (lines.valid.len() == lines.count).then_some(lines.valid)
}

impl<'de> ReadArray<'de> for Lines<'de> {
    fn read<S: SeqAccess<'de>>(mut items: S) -> Result<Self, S::Error> {
        let mut lines = Self::default();
        while lines.count < LINES_MAX {
            let Some(line) = items.next_element()? else { return Ok(lines) };
            let at = format_args!("/{}", lines.count);
            lines.valid.extend(lines.errors.below(at, |errors| line_of(line, errors)));
            lines.count += 1;
        }
        // Of lines that are too many, only the number is reported.
        while items.next_element::<Json<'de>>()?.is_some() {
            lines.count += 1;
        }
        Ok(lines)
    }
}

fn line_of<'a>(
    line: ObjectOf<'a, LineMembers<'a>>,
    errors: &mut FieldErrors,
) -> Option<OrderLine<Cow<'a, str>>> {
    let LineMembers { sku, quantity, unit_price } = members_of(line, errors)?;
    let sku = required(sku, "/sku", errors, sku_of);
    let quantity = required(quantity, "/quantity", errors, quantity_of);
    let unit_price = required(unit_price, "/unit_price", errors, amount_of);
    Some(OrderLine { sku: sku?, quantity: quantity?, unit_price: unit_price? })
}

fn currency_of(value: &Json<'_>) -> Result<Currency, String> {
    let currency: Result<Currency, _> = value.text()?.parse();
    match currency {
        Ok(currency) if currency.is_in_use() => Ok(currency),
        Ok(_) => Err(format!("{value} is not the code of a currency in use (ISO 4217)")),
        Err(err) => Err(format!("{err}, got {value}")),
    }
}

fn sku_of<'a>(value: &Json<'a>) -> Result<Sku<Cow<'a, str>>, String> {
    Sku::new(value.text()?.clone()).map_err(|err| format!("{err}, got {value}"))
}

fn quantity_of(value: &Json<'_>) -> Result<Quantity, String> {
    let quantity = if let Json::Whole(count) = value { Quantity::new(*count) } else { None };
    quantity.ok_or_else(|| format!("quantity must be an integer from 1 to 1,000,000, got {value}"))
}

fn amount_of(value: &Json<'_>) -> Result<i64, String> {
    match value {
        Json::Whole(amount) if (0..=AMOUNT_MAX).contains(amount) => Ok(*amount),
        other => Err(format!(
            "amount must be an integer from 0 to {AMOUNT_MAX} minor units, got {other}"
        )),
    }
}

fn on_decline_of(value: &Json<'_>) -> Result<OnDecline, String> {
    // The value is not repeated: it may be the token in the wrong place.
    let parsed = value.text().ok().and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| "must be cancel or new_payment_method".to_owned())
}

pub(crate) fn token_of<'a>(value: &Json<'a>) -> Result<PaymentToken<Cow<'a, str>>, String> {
    // The value is a secret: an error must not repeat it.
    let token = value.text().ok().and_then(|text| PaymentToken::new(text.clone()));
    token.ok_or_else(|| {
        format!("must be a string of 1 to {TEXT_LENGTH_MAX} visible ASCII characters")
    })
}
