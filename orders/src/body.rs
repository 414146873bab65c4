//! A JSON body that a client sent.

use serde::de::Deserialize;

use crate::InvalidOrder;
use crate::field_error::FieldErrors;

/// Reads a body, and reports all field errors at once. `check` returns `None` only after adding an error.
pub(crate) fn parse_body<'a, B: Deserialize<'a>, T>(
    body: &'a [u8],
    check: impl FnOnce(B, &mut FieldErrors) -> Option<T>,
) -> Result<T, InvalidOrder> {
    // One check of the whole body for UTF-8 is faster than one of each text. Of a body that fails it, the parser
    // finds the place.
    let read = match str::from_utf8(body) {
        Ok(body) => serde_json::from_str(body),
        Err(_) => serde_json::from_slice(body),
    };
    let read = read.map_err(|err| InvalidOrder::NotJson(err.to_string()))?;
    let mut errors = FieldErrors::default();
    match check(read, &mut errors) {
        Some(checked) if errors.is_empty() => Ok(checked),
        _ => Err(errors.into_invalid_order()),
    }
}
