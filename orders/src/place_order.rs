//! What a buyer asks for: checked here, at the door, and trusted everywhere inside.

use std::fmt::Display;

use serde::{Deserialize, Serialize};

use crate::fault::FieldErrors;
use crate::json::Json;
use crate::money::AMOUNT_MAX;
use crate::{Currency, InvalidOrder, Money, OrderLine, Quantity, Sku, TotalTooLarge};

/// An order with more lines is no basket of a shop; its row and event must stay small.
const LINES_MAX: usize = 1_000;
const TEXT_MAX: usize = 255;

/// An order as a buyer places it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceOrder {
    /// Who buys, in the shop's words; up to 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    /// What the order costs: the sum of its lines.
    pub total: Money,
    /// 1 to 1,000 lines.
    pub lines: Vec<OrderLine>,
    /// What to pay with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_token: Option<PaymentToken>,
    /// The shop's own name for the order; up to 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// The payment provider's single-use token: 1 to 255 visible ASCII characters. Not printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PaymentToken(String);

impl PlaceOrder {
    /// Reads an order from the JSON that a buyer sent, with every fault at once:
    ///
    /// ```json
    /// {"customer_id"?, "currency", "lines": [{"sku", "quantity", "unit_price"}],
    ///  "expected_total"?, "payment": {"token"}?, "reference"?}
    /// ```
    ///
    /// Prices are in minor units of `currency`. Members that are not named here are faults: a
    /// misspelt `expected_total` must not be taken for none.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidOrder> {
        let root: Json<'_> =
            serde_json::from_slice(body).map_err(|err| InvalidOrder::NotJson(err.to_string()))?;
        let mut faults = FieldErrors::default();
        match read_order(&root, &mut faults) {
            Some(order) if faults.is_empty() => Ok(order),
            _ => Err(faults.into_invalid_order()),
        }
    }

    /// The order as Millrace writes it.
    pub(crate) fn canonical_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("an order has text keys and whole numbers")
    }
}

impl PaymentToken {
    /// The token, for the provider and nobody else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PaymentToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PaymentToken(…)")
    }
}

/// `None` goes with at least one fault.
fn read_order(root: &Json<'_>, faults: &mut FieldErrors) -> Option<PlaceOrder> {
    let names = ["customer_id", "currency", "lines", "expected_total", "payment", "reference"];
    let [customer_id, currency, lines, expected_total, payment, reference] =
        root.members(&"", names, faults)?;

    let customer_id = read_optional(customer_id, &"/customer_id", faults, short_text);
    let currency = read(currency, &"/currency", faults, currency_code);
    let lines = read_lines(lines, faults);
    let expected_total = read_optional(expected_total, &"/expected_total", faults, total_amount);
    let payment_token = payment.and_then(|payment| {
        let [token] = payment.members(&"/payment", ["token"], faults)?;
        read(token, &"/payment/token", faults, payment_token)
    });
    let reference = read_optional(reference, &"/reference", faults, short_text);

    let (currency, lines) = (currency?, lines?);
    let total = Money::total(&lines, currency).map_err(|err: TotalTooLarge| err.to_string());
    let total = faults.note(&"/lines", total)?;
    if let Some(expected) = expected_total.filter(|expected| *expected != total.amount) {
        let detail =
            format!("{expected} is not the sum of the lines; they add up to {}", total.amount);
        faults.add("/expected_total", detail);
    }
    Some(PlaceOrder { customer_id, total, lines, payment_token, reference })
}

fn read_lines(lines: Option<&Json<'_>>, faults: &mut FieldErrors) -> Option<Vec<OrderLine>> {
    let items = read(lines, &"/lines", faults, |lines| match lines {
        Json::Array(items) if (1..=LINES_MAX).contains(&items.len()) => Ok(items),
        Json::Array(items) => Err(format!("{} lines; give 1 to {LINES_MAX}", items.len())),
        other => Err(format!("{other} is not an array of lines")),
    })?;
    let mut read = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        read.extend(read_line(item, &format_args!("/lines/{index}"), faults));
    }
    (read.len() == items.len()).then_some(read)
}

fn read_line(item: &Json<'_>, at: &dyn Display, faults: &mut FieldErrors) -> Option<OrderLine> {
    let [sku, quantity, unit_price] =
        item.members(at, ["sku", "quantity", "unit_price"], faults)?;
    let sku = read(sku, &format_args!("{at}/sku"), faults, sku_of);
    let quantity = read(quantity, &format_args!("{at}/quantity"), faults, quantity_of);
    let unit_price = read(unit_price, &format_args!("{at}/unit_price"), faults, unit_price_of);
    Some(OrderLine { sku: sku?, quantity: quantity?, unit_price: unit_price? })
}

/// A member that must be there. Where it is gets written out only for a fault.
fn read<'j, 'a, T>(
    value: Option<&'j Json<'a>>,
    pointer: &dyn Display,
    faults: &mut FieldErrors,
    reader: impl FnOnce(&'j Json<'a>) -> Result<T, String>,
) -> Option<T> {
    let found = value.ok_or_else(|| "missing".to_owned()).and_then(reader);
    faults.note(pointer, found)
}

/// A member that may be left out.
fn read_optional<'j, 'a, T>(
    value: Option<&'j Json<'a>>,
    pointer: &dyn Display,
    faults: &mut FieldErrors,
    reader: impl FnOnce(&'j Json<'a>) -> Result<T, String>,
) -> Option<T> {
    value.and_then(|value| faults.note(pointer, reader(value)))
}

fn short_text(value: &Json<'_>) -> Result<String, String> {
    let text = value.text()?;
    let fits = (1..=TEXT_MAX).contains(&text.chars().count());
    let printable = !text.chars().any(char::is_control);
    if fits && printable {
        Ok(text.to_owned())
    } else {
        Err(format!("{value} does not fit; give 1 to {TEXT_MAX} characters, no control characters"))
    }
}

fn currency_code(value: &Json<'_>) -> Result<Currency, String> {
    value.text()?.parse().map_err(|err| format!("{value} is no currency; {err}"))
}

fn sku_of(value: &Json<'_>) -> Result<Sku, String> {
    value.text()?.parse().map_err(|err| format!("{value} is no SKU; {err}"))
}

fn quantity_of(value: &Json<'_>) -> Result<Quantity, String> {
    let whole = if let Json::Whole(count) = value { Quantity::new(*count) } else { None };
    whole.ok_or_else(|| format!("{value} is no quantity; give a whole number from 1 to 1000000"))
}

fn unit_price_of(value: &Json<'_>) -> Result<i64, String> {
    amount_from(1, value)
}

fn total_amount(value: &Json<'_>) -> Result<i64, String> {
    amount_from(0, value)
}

fn amount_from(least: i64, value: &Json<'_>) -> Result<i64, String> {
    match value {
        Json::Whole(amount) if (least..=AMOUNT_MAX).contains(amount) => Ok(*amount),
        other => Err(format!(
            "{other} is no amount; give whole minor units from {least} to {AMOUNT_MAX}"
        )),
    }
}

fn payment_token(value: &Json<'_>) -> Result<PaymentToken, String> {
    // The value is a secret: a fault must not repeat it.
    let wanted = format!("give a text of 1 to {TEXT_MAX} visible ASCII characters");
    let token = value.text().map_err(|_| wanted.clone())?;
    let visible = token.bytes().all(|byte| byte.is_ascii_graphic());
    if visible && (1..=TEXT_MAX).contains(&token.len()) {
        Ok(PaymentToken(token.to_owned()))
    } else {
        Err(wanted)
    }
}
