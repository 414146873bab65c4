//! A JSON body that a client sent.

use crate::InvalidOrder;
use crate::field_error::FieldErrors;
use crate::json::Json;

/// Parses a body, and reports all field errors at once. `parse` returns `None` only after adding an error.
pub(crate) fn parse_body<T>(
    body: &[u8],
    parse: impl FnOnce(&Json<'_>, &mut FieldErrors) -> Option<T>,
) -> Result<T, InvalidOrder> {
    let root: Json<'_> =
        serde_json::from_slice(body).map_err(|err| InvalidOrder::NotJson(err.to_string()))?;
    let mut errors = FieldErrors::default();
    match parse(&root, &mut errors) {
        Some(parsed) if errors.is_empty() => Ok(parsed),
        _ => Err(errors.into_invalid_order()),
    }
}
