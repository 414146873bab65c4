//! What is added to the lines of an order, and what is taken off.

use std::borrow::Cow;

use serde::de::SeqAccess;
use serde::{Deserialize, Serialize};
use strum::{EnumString, VariantArray};

use crate::field_error::FieldErrors;
use crate::json::{Json, ReadArray};
use crate::limits::{ADJUSTMENTS_MAX, AMOUNT_MAX, LABEL_LENGTH_MAX};
use crate::members::{ObjectOf, members, members_of, required};
use crate::text::unquoted_text;

/// What an adjustment is for. The shop has computed it: Millrace has no prices for shipping and no taxes.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, EnumString, VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum AdjustmentKind {
    /// Shipping and handling.
    Shipping,
    /// A tax that the prices of lines do not include.
    Tax,
    /// A discount; negative.
    Discount,
    /// A fee, such as for gift wrapping or a deposit.
    Fee,
    /// What a gift card pays; negative.
    GiftCard,
}

/// An amount that is added to the lines of an order, or taken off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
pub struct Adjustment<T: AsRef<str> = String> {
    /// What it is for.
    #[serde(rename = "type")]
    pub kind: AdjustmentKind,
    /// What the buyer reads; up to 64 characters.
    pub label: T,
    /// In minor units of the order's currency: below 0 for a discount and a gift card, else 0 or more.
    pub amount: i64,
}

members! {
    struct AdjustmentMembers<'a> {
        kind = "type": Json<'a>,
        label: Json<'a>,
        amount: Json<'a>,
    }
}

/// The adjustments of an order.
#[derive(Default)]
pub(crate) struct Adjustments<'a> {
    valid: Vec<Adjustment<Cow<'a, str>>>,
    /// All of them, valid or not.
    count: usize,
    /// Their pointers begin at the array.
    errors: FieldErrors,
}

impl<'de> ReadArray<'de> for Adjustments<'de> {
    fn read<S: SeqAccess<'de>>(mut items: S) -> Result<Self, S::Error> {
        let mut all = Self::default();
        while all.count < ADJUSTMENTS_MAX {
            let Some(item) = items.next_element()? else { return Ok(all) };
            let at = format_args!("/{}", all.count);
            all.valid.extend(all.errors.below(at, |errors| adjustment_of(item, errors)));
            all.count += 1;
        }
        // Of adjustments that are too many, only the number is reported.
        while items.next_element::<Json<'de>>()?.is_some() {
            all.count += 1;
        }
        Ok(all)
    }
}

/// Returns `None` only after adding at least one error.
pub(crate) fn adjustments_of<'a>(
    adjustments: Json<'a, Adjustments<'a>>,
    errors: &mut FieldErrors,
) -> Option<Vec<Adjustment<Cow<'a, str>>>> {
    let Json::Array(Adjustments { valid, count, errors: of_items }) = adjustments else {
        errors.add("", format!("{} is not an array of adjustments", adjustments.type_name()));
        return None;
    };
    if count > ADJUSTMENTS_MAX {
        errors.add(
            "",
            format!("an order must have at most {ADJUSTMENTS_MAX} adjustments, got {count}"),
        );
        return None;
    }
    errors.add_below("", of_items);
    (valid.len() == count).then_some(valid)
}

fn adjustment_of<'a>(
    adjustment: ObjectOf<'a, AdjustmentMembers<'a>>,
    errors: &mut FieldErrors,
) -> Option<Adjustment<Cow<'a, str>>> {
    let AdjustmentMembers { kind, label, amount } = members_of(adjustment, errors)?;
    let kind = required(kind, "/type", errors, kind_of);
    let label = required(label, "/label", errors, |label| unquoted_text(label, LABEL_LENGTH_MAX));
    let amount = required(amount, "/amount", errors, |amount| amount_of(kind, amount));
    Some(Adjustment { kind: kind?, label: label?, amount: amount? })
}

fn kind_of(value: &Json<'_>) -> Result<AdjustmentKind, String> {
    let kind = value.text().ok().and_then(|text| text.parse().ok());
    kind.ok_or_else(|| format!("must be shipping, tax, discount, fee or gift_card, got {value}"))
}

fn amount_of(kind: Option<AdjustmentKind>, value: &Json<'_>) -> Result<i64, String> {
    let (min, max) = kind.map_or((-AMOUNT_MAX, AMOUNT_MAX), AdjustmentKind::bounds);
    match value {
        Json::Whole(amount) if (min..=max).contains(amount) => Ok(*amount),
        other => Err(format!(
            "amount must be an integer from {min} to {max} minor units here, got {other}"
        )),
    }
}

impl AdjustmentKind {
    /// The least and the largest amount.
    const fn bounds(self) -> (i64, i64) {
        match self {
            Self::Discount | Self::GiftCard => (-AMOUNT_MAX, -1),
            Self::Shipping | Self::Tax | Self::Fee => (0, AMOUNT_MAX),
        }
    }
}

impl Adjustment<Cow<'_, str>> {
    pub(crate) fn into_owned(self) -> Adjustment {
        let Self { kind, label, amount } = self;
        Adjustment { kind, label: label.into_owned(), amount }
    }
}
