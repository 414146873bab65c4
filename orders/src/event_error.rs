//! Why a record is not an event. What it says is logged and listed, so it repeats no value of the record.

use thiserror::Error;

/// Why a record is not an event.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EventError {
    /// It has a name that this version does not know: of an event, a reason or a state. A newer version may
    /// have written it.
    #[error("{0}")]
    Unsupported(String),
    /// No version has such an event.
    #[error("{0}")]
    Invalid(String),
}

impl From<serde_json::Error> for EventError {
    fn from(err: serde_json::Error) -> Self {
        let error = err.to_string();
        if is_unknown_name(&error) {
            Self::Unsupported(error)
        } else {
            Self::Invalid(without_value(&error))
        }
    }
}

/// Whether an error of serde's is about the name of a variant that this version does not have.
pub fn is_unknown_name(error: &str) -> bool {
    error.starts_with("unknown variant ")
}

/// An error of serde's without the value that it is about, which may be a text about a person.
fn without_value(error: &str) -> String {
    for what in ["invalid type", "invalid value", "invalid length"] {
        if !error.starts_with(what) {
            continue;
        }
        // What is expected is said last, and contains no value.
        let expected = error.rfind(", expected ").map_or("", |at| &error[at..]);
        return format!("{what}{expected}");
    }
    error.to_owned()
}

#[cfg(test)]
mod tests {
    use crate::{Event, EventError, OrderId};

    #[test]
    fn an_error_says_what_is_expected_and_not_what_the_record_has() {
        let error = |order: &str| {
            let id = OrderId::from_bytes([7; 16]);
            let digest = "0".repeat(32);
            let body = format!(r#"{{"created":{{"digest":"{digest}","order":{order}}}}}"#);
            let line = format!(r#"{{"order_id":"{id}","at_ms":1,"event":{body}}}"#);
            match Event::parse(line.as_bytes()).unwrap_err() {
                EventError::Unsupported(error) | EventError::Invalid(error) => error,
            }
        };
        let total = r#""total":{"amount":1,"currency":"GBP"},"lines":[]"#;
        for members in [
            r#""shipping_address":"Secret, expected Secret""#,
            r#""shipping_address":{"name":"n","line1":"l","country":"Secret"}"#,
            r#""contact":["Secret","Secret","Secret"]"#,
            r#""contact":"Secret""#,
            r#""metadata":"Secret""#,
            r#""metadata":{"Secret":["Secret"]}"#,
            r#""customer_id":["Secret"]"#,
        ] {
            let error = error(&format!("{{{total},{members}}}"));
            assert!(!error.contains("Secret"), "{members}: {error}");
            assert!(error.contains("at line 1 column "), "{members}: {error}");
        }
        assert!(error("{}").starts_with("missing field `total`"));
        assert!(error(r#"{"total":"x"}"#).starts_with("invalid type, expected struct Money"));
    }
}
