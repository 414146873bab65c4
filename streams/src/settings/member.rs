//! The value of a member of a setting, with the fault if it is not one. Pure.

use std::fmt::Display;
use std::ops::RangeInclusive;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::setting_error::SettingError;
use crate::limits::{SETTING_FAULT_CHARS_MAX, SETTING_TEXT_CHARS_MAX};

pub(super) fn flag(member: &'static str, value: &Value) -> Result<bool, SettingError> {
    value.as_bool().ok_or_else(|| bad(member, value, "true or false"))
}

pub(super) fn number(
    member: &'static str,
    value: &Value,
    range: RangeInclusive<u32>,
) -> Result<u32, SettingError> {
    let found = value.as_u64().and_then(|number| u32::try_from(number).ok());
    let hint = if member == "workers" { " (to stop the pool, `paused`)" } else { "" };
    let expected = || format!("a whole number from {} to {}{hint}", range.start(), range.end());
    found.filter(|number| range.contains(number)).ok_or_else(|| bad(member, value, expected()))
}

pub(super) fn time(member: &'static str, value: &Value) -> Result<String, SettingError> {
    let found = value.as_str().filter(|text| OffsetDateTime::parse(text, &Rfc3339).is_ok());
    let expected = "a time with its zone, such as 2026-11-25T17:00:00Z";
    found.map(str::to_owned).ok_or_else(|| bad(member, value, expected))
}

pub(super) fn text(member: &'static str, value: &Value) -> Result<String, SettingError> {
    let fits = |text: &&str| text.chars().count() <= SETTING_TEXT_CHARS_MAX;
    let expected = || format!("a text of at most {SETTING_TEXT_CHARS_MAX} characters");
    value.as_str().filter(fits).map(str::to_owned).ok_or_else(|| bad(member, value, expected()))
}

pub(super) fn bad(
    member: &'static str,
    value: &Value,
    expected: impl Into<String>,
) -> SettingError {
    SettingError::BadMember { member, found: shortened(value), expected: expected.into() }
}

/// What was found, as far as it fits into a line.
pub(super) fn shortened(found: &impl Display) -> String {
    let text = found.to_string();
    let mut chars = text.chars().map(|symbol| if symbol.is_control() { ' ' } else { symbol });
    let shown: String = chars.by_ref().take(SETTING_FAULT_CHARS_MAX).collect();
    if chars.next().is_some() { format!("{shown}…") } else { shown }
}
