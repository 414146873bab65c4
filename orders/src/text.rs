//! Texts of an order's body.

use std::borrow::Cow;

use crate::Personal;
use crate::json::Json;
use crate::limits::TEXT_LENGTH_MAX;

/// A text of an identifier's length. Its error quotes it.
pub(crate) fn short_text<'a>(value: &Json<'a>) -> Result<Cow<'a, str>, String> {
    let text = value.text()?;
    if is_text(text, TEXT_LENGTH_MAX) {
        Ok(text.clone())
    } else {
        Err(format!("{}, got {value}", expected(TEXT_LENGTH_MAX)))
    }
}

/// A text about a person. Its error does not repeat it.
pub(crate) fn personal_text<'a>(value: &Json<'a>) -> Result<Personal<Cow<'a, str>>, String> {
    unquoted_text(value, TEXT_LENGTH_MAX).map(Personal::new)
}

/// A text of up to `length_max` characters that may say something about a person.
pub(crate) fn unquoted_text<'a>(
    value: &Json<'a>,
    length_max: usize,
) -> Result<Cow<'a, str>, String> {
    match value {
        Json::Text(text) if is_text(text, length_max) => Ok(text.clone()),
        Json::Text(_) => Err(expected(length_max)),
        other => Err(format!("{} is not a string", other.type_name())),
    }
}

/// Whether this is 1 to `length_max` characters, none of them a control character. Of such a text neither
/// canonical JSON nor a body needs more bytes than the other.
pub(crate) fn is_text(text: &str, length_max: usize) -> bool {
    (1..=length_max).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

fn expected(length_max: usize) -> String {
    format!("must be 1 to {length_max} characters without control characters")
}
