//! An order as a buyer places it. It is validated here when it is parsed, and trusted everywhere
//! else.

use std::fmt::Display;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::body::parse_body;
use crate::field_error::FieldErrors;
use crate::json::Json;
use crate::limits::{AMOUNT_MAX, LINES_MAX, TEXT_LENGTH_MAX};
use crate::{Currency, InvalidOrder, Money, OnDecline, OrderLine, Quantity, Sku, TotalTooLarge};

/// An order as a buyer places it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceOrder {
    /// The shop's identifier of the customer; up to 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    /// The total of the order: the sum of its lines.
    pub total: Money,
    /// 1 to 1,000 lines.
    pub lines: Vec<OrderLine>,
    /// The payment token. Every order that is parsed from a body has one; an order that an earlier
    /// version stored may have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_token: Option<PaymentToken>,
    /// What becomes of it if that is declined.
    #[serde(default, skip_serializing_if = "OnDecline::is_default")]
    pub on_decline: OnDecline,
    /// The shop's own reference for the order; up to 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// An order that no edge has accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UnsoundOrder {
    /// It has none, or too many.
    #[error("an order must have 1 to {LINES_MAX} lines, got {0}")]
    Lines(usize),
    /// Its total is not what its lines add up to.
    #[error("{said} is not the sum of the lines; they add up to {sum}")]
    Total {
        /// What the order says, in minor units.
        said: i64,
        /// The sum of its lines.
        sum: i64,
    },
    /// Its lines add up to more than an order may cost.
    #[error(transparent)]
    TooLarge(#[from] TotalTooLarge),
}

/// The payment provider's single-use token: 1 to 255 visible ASCII characters. Its debug form hides
/// it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PaymentToken(String);

impl PlaceOrder {
    /// Parses an order from the JSON that a buyer sent, and reports all field errors at once:
    ///
    /// ```json
    /// {"customer_id"?, "currency", "lines": [{"sku", "quantity", "unit_price"}],
    ///  "expected_total"?, "payment": {"token", "on_decline"?}, "reference"?}
    /// ```
    ///
    /// Prices are in minor units of `currency`. Unknown members are errors: a misspelt
    /// `expected_total` must not be treated as absent.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidOrder> {
        parse_body(body, parse_order)
    }

    /// Checks what an order that was parsed from a body keeps to: it may have come another way.
    pub fn verify(&self) -> Result<(), UnsoundOrder> {
        if !(1..=LINES_MAX).contains(&self.lines.len()) {
            return Err(UnsoundOrder::Lines(self.lines.len()));
        }
        let total = Money::total(&self.lines, self.total.currency)?;
        if total == self.total {
            Ok(())
        } else {
            Err(UnsoundOrder::Total { said: self.total.amount, sum: total.amount })
        }
    }

    /// The order as Millrace serialises it: the input of its digest.
    pub(crate) fn canonical_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("an order has string keys and integers")
    }
}

impl PaymentToken {
    /// The token itself, which only the payment provider may receive.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PaymentToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PaymentToken(…)")
    }
}

/// Returns `None` only after adding at least one error.
pub(crate) fn parse_order(root: &Json<'_>, errors: &mut FieldErrors) -> Option<PlaceOrder> {
    let names = ["customer_id", "currency", "lines", "expected_total", "payment", "reference"];
    let [customer_id, currency, lines, expected_total, payment, reference] =
        root.members(&"", names, errors)?;

    let customer_id = optional(customer_id, &"/customer_id", errors, short_text);
    let currency = required(currency, &"/currency", errors, currency_code);
    let lines = parse_lines(lines, errors);
    let expected_total = optional(expected_total, &"/expected_total", errors, total_amount);
    let (payment_token, on_decline) = parse_payment(payment, errors).unzip();
    let reference = optional(reference, &"/reference", errors, short_text);

    let (currency, lines) = (currency?, lines?);
    let total = Money::total(&lines, currency).map_err(|err: TotalTooLarge| err.to_string());
    let total = errors.collect(&"/lines", total)?;
    if let Some(expected) = expected_total.filter(|expected| *expected != total.amount) {
        let detail =
            format!("{expected} is not the sum of the lines; they add up to {}", total.amount);
        errors.add("/expected_total", detail);
    }
    let on_decline = on_decline.unwrap_or_default();
    Some(PlaceOrder { customer_id, total, lines, payment_token, on_decline, reference })
}

fn parse_payment(
    payment: Option<&Json<'_>>,
    errors: &mut FieldErrors,
) -> Option<(PaymentToken, OnDecline)> {
    let Some(payment) = payment else {
        errors.add("/payment", "missing; an order names its payment as {\"token\": \"…\"}");
        return None;
    };
    let [token, on_decline] = payment.members(&"/payment", ["token", "on_decline"], errors)?;
    let token = required(token, &"/payment/token", errors, payment_token);
    let on_decline = optional(on_decline, &"/payment/on_decline", errors, on_decline_of);
    Some((token?, on_decline.unwrap_or_default()))
}

fn parse_lines(lines: Option<&Json<'_>>, errors: &mut FieldErrors) -> Option<Vec<OrderLine>> {
    let items = required(lines, &"/lines", errors, |lines| match lines {
        Json::Array(items) if (1..=LINES_MAX).contains(&items.len()) => Ok(items),
        Json::Array(items) => {
            Err(format!("an order must have 1 to {LINES_MAX} lines, got {}", items.len()))
        }
        other => Err(format!("{other} is not an array of lines")),
    })?;
    let mut parsed = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        parsed.extend(parse_line(item, &format_args!("/lines/{index}"), errors));
    }
    (parsed.len() == items.len()).then_some(parsed)
}

fn parse_line(item: &Json<'_>, at: &dyn Display, errors: &mut FieldErrors) -> Option<OrderLine> {
    let [sku, quantity, unit_price] =
        item.members(at, ["sku", "quantity", "unit_price"], errors)?;
    let sku = required(sku, &format_args!("{at}/sku"), errors, sku_of);
    let quantity = required(quantity, &format_args!("{at}/quantity"), errors, quantity_of);
    let unit_price = required(unit_price, &format_args!("{at}/unit_price"), errors, unit_price_of);
    Some(OrderLine { sku: sku?, quantity: quantity?, unit_price: unit_price? })
}

/// A required member. The pointer is formatted only if there is an error.
pub(crate) fn required<'j, 'a, T>(
    value: Option<&'j Json<'a>>,
    pointer: &dyn Display,
    errors: &mut FieldErrors,
    parse: impl FnOnce(&'j Json<'a>) -> Result<T, String>,
) -> Option<T> {
    let parsed = value.ok_or_else(|| "missing".to_owned()).and_then(parse);
    errors.collect(pointer, parsed)
}

/// An optional member.
pub(crate) fn optional<'j, 'a, T>(
    value: Option<&'j Json<'a>>,
    pointer: &dyn Display,
    errors: &mut FieldErrors,
    parse: impl FnOnce(&'j Json<'a>) -> Result<T, String>,
) -> Option<T> {
    value.and_then(|value| errors.collect(pointer, parse(value)))
}

fn short_text(value: &Json<'_>) -> Result<String, String> {
    let text = value.text()?;
    let fits = (1..=TEXT_LENGTH_MAX).contains(&text.chars().count());
    let printable = !text.chars().any(char::is_control);
    if fits && printable {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "must be 1 to {TEXT_LENGTH_MAX} characters without control characters, got {value}"
        ))
    }
}

fn currency_code(value: &Json<'_>) -> Result<Currency, String> {
    let currency: Result<Currency, _> = value.text()?.parse();
    match currency {
        Ok(currency) if currency.is_in_use() => Ok(currency),
        Ok(_) => Err(format!("{value} is not the code of a currency in use (ISO 4217)")),
        Err(err) => Err(format!("{err}, got {value}")),
    }
}

fn sku_of(value: &Json<'_>) -> Result<Sku, String> {
    value.text()?.parse().map_err(|err| format!("{err}, got {value}"))
}

fn quantity_of(value: &Json<'_>) -> Result<Quantity, String> {
    let quantity = if let Json::Whole(count) = value { Quantity::new(*count) } else { None };
    quantity.ok_or_else(|| format!("quantity must be an integer from 1 to 1,000,000, got {value}"))
}

fn unit_price_of(value: &Json<'_>) -> Result<i64, String> {
    amount_from(1, value)
}

fn total_amount(value: &Json<'_>) -> Result<i64, String> {
    amount_from(0, value)
}

fn amount_from(min: i64, value: &Json<'_>) -> Result<i64, String> {
    match value {
        Json::Whole(amount) if (min..=AMOUNT_MAX).contains(amount) => Ok(*amount),
        other => Err(format!(
            "amount must be an integer from {min} to {AMOUNT_MAX} minor units, got {other}"
        )),
    }
}

fn on_decline_of(value: &Json<'_>) -> Result<OnDecline, String> {
    // The value is not repeated: it may be the token in the wrong place.
    let expected = "must be cancel or new_payment_method";
    let parsed = value.text().ok().and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| expected.to_owned())
}

pub(crate) fn payment_token(value: &Json<'_>) -> Result<PaymentToken, String> {
    // The value is a secret: an error must not repeat it.
    let expected = format!("must be a string of 1 to {TEXT_LENGTH_MAX} visible ASCII characters");
    let token = value.text().map_err(|_| expected.clone())?;
    let visible = token.bytes().all(|byte| byte.is_ascii_graphic());
    if visible && (1..=TEXT_LENGTH_MAX).contains(&token.len()) {
        Ok(PaymentToken(token.to_owned()))
    } else {
        Err(expected)
    }
}
