//! The members of a request: one JSON object. Each is taken by its name, and none may be left over. Pure.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::refusal::Refusal;
use crate::limits::{ADMIN_FAULT_CHARS_MAX, ADMIN_REQUEST_BYTES_MAX, ADMIN_TEXT_CHARS_MAX};

/// The members that are not taken yet.
pub(super) struct Members {
    members: Map<String, Value>,
    known: Vec<&'static str>,
}

impl Members {
    /// Parses a request. An empty one has no members, like `{}`.
    pub(super) fn parse(payload: &[u8]) -> Result<Self, Refusal> {
        if payload.len() > ADMIN_REQUEST_BYTES_MAX {
            let error = format!(
                "the request has more than {ADMIN_REQUEST_BYTES_MAX} bytes: ask in several"
            );
            return Err(Refusal::too_large(error));
        }
        let members = if payload.trim_ascii().is_empty() {
            Map::new()
        } else {
            let value: Value = serde_json::from_slice(payload).map_err(|err| {
                Refusal::invalid(format!(
                    "the request is not JSON ({err}): write one object, such as {{}}"
                ))
            })?;
            match value {
                Value::Object(members) => members,
                other => {
                    let found = shortened(&other.to_string());
                    let error = format!("the request is {found}: write one object, such as {{}}");
                    return Err(Refusal::invalid(error));
                }
            }
        };
        Ok(Self { members, known: Vec::new() })
    }

    /// What was asked for, as it was written, without who asks and why.
    pub(super) fn what(&self) -> Value {
        let mut what = self.members.clone();
        what.retain(|name, _| name != "by" && name != "why");
        Value::Object(what)
    }

    /// Who asks or why, if that can be read, whatever else is wrong.
    pub(super) fn peek_text(&self, name: &str) -> Option<String> {
        self.members.get(name).and_then(text)
    }

    /// A member, read by `read`, which is `None` for a value that is not `expected`.
    pub(super) fn take<T>(
        &mut self,
        name: &'static str,
        expected: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, Refusal> {
        self.known.push(name);
        let Some(value) = self.members.remove(name) else { return Ok(None) };
        let read = read(&value).map(Some);
        read.ok_or_else(|| {
            let found = shortened(&value.to_string());
            Refusal::member(name, format!("`{name}` is {found}: write {expected}, or leave it out"))
        })
    }

    /// The same for a member that must be there.
    pub(super) fn require<T>(
        &mut self,
        name: &'static str,
        expected: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<T, Refusal> {
        let missing = || Refusal::member(name, format!("`{name}` is missing: write {expected}"));
        self.take(name, expected, read)?.ok_or_else(missing)
    }

    /// A flag, which is false if it is absent.
    pub(super) fn flag(&mut self, name: &'static str) -> Result<bool, Refusal> {
        Ok(self.take(name, "true or false", Value::as_bool)?.unwrap_or_default())
    }

    /// A whole number in `range`.
    pub(super) fn number(
        &mut self,
        name: &'static str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, Refusal> {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        self.take(name, &expected, |value| value.as_u64().filter(|it| range.contains(it)))
    }

    /// A text that says something.
    pub(super) fn require_text(
        &mut self,
        name: &'static str,
        meaning: &str,
    ) -> Result<String, Refusal> {
        let expected =
            format!("{meaning}, in one line of at most {ADMIN_TEXT_CHARS_MAX} characters");
        self.require(name, &expected, text)
    }

    /// Ends the request: nothing may be left.
    pub(super) fn end(self) -> Result<(), Refusal> {
        let Some(unknown) = self.members.keys().next() else { return Ok(()) };
        let (unknown, known) = (shortened(unknown), self.known.join(", "));
        let error = format!("`{unknown}` is not a member: there are {known}");
        Err(Refusal::member(unknown, error))
    }
}

fn text(value: &Value) -> Option<String> {
    let text = value.as_str().filter(|text| text.chars().count() <= ADMIN_TEXT_CHARS_MAX)?;
    // It is shown in terminals.
    let is_shown = !text.trim().is_empty() && !text.contains(char::is_control);
    is_shown.then(|| text.to_owned())
}

/// As much of a value as an error quotes.
pub(super) fn shortened(value: &str) -> String {
    let mut chars = value.chars().map(|symbol| if symbol.is_control() { ' ' } else { symbol });
    let shown: String = chars.by_ref().take(ADMIN_FAULT_CHARS_MAX).collect();
    if chars.next().is_some() { format!("{shown}…") } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(json: &str) -> Members {
        Members::parse(json.as_bytes()).unwrap()
    }

    fn fault(refusal: Result<impl Sized, Refusal>) -> (Option<String>, String) {
        let refusal = refusal.err().unwrap();
        (refusal.member, refusal.error)
    }

    #[test]
    fn an_empty_request_has_no_members() {
        for empty in ["", " \n", "{}"] {
            let mut members = members(empty);
            assert_eq!(members.flag("all"), Ok(false));
            members.end().unwrap();
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_member_and_what_to_write() {
        for (json, expected) in [
            ("[1]", "the request is [1]: write one object, such as {}"),
            (
                "1 2",
                "the request is not JSON (trailing characters at line 1 column 3): write one object, such as {}",
            ),
        ] {
            let refusal = Members::parse(json.as_bytes()).err().unwrap();
            assert_eq!((refusal.code, &*refusal.error), (400, expected));
        }
        let limit = fault(members(r#"{"limit":0}"#).number("limit", 1..=9));
        let expected = "`limit` is 0: write a whole number from 1 to 9, or leave it out";
        assert_eq!(limit, (Some("limit".to_owned()), expected.to_owned()));
        let by = fault(members("{}").require_text("by", "who asks"));
        assert_eq!(by.1, "`by` is missing: write who asks, in one line of at most 500 characters");
        let too_long = format!(r#"{{"by":"{}"}}"#, "x".repeat(501));
        for empty in [r#"{"by":" "}"#, r#"{"by":"a\u001b[2J"}"#, &too_long] {
            assert!(
                fault(members(empty).require_text("by", "who asks")).1.starts_with("`by` is \"")
            );
        }
        let mut known = members(r#"{"al":true}"#);
        known.flag("all").unwrap();
        known.flag("handled").unwrap();
        let expected = "`al` is not a member: there are all, handled";
        assert_eq!(fault(known.end()), (Some("al".to_owned()), expected.to_owned()));
    }

    #[test]
    fn a_request_that_is_too_large_is_not_parsed() {
        let payload = vec![b' '; ADMIN_REQUEST_BYTES_MAX + 1];
        assert_eq!(Members::parse(&payload).err().unwrap().code, 413);
    }

    #[test]
    fn what_was_asked_is_recorded_without_who_and_why() {
        let members = members(r#"{"by":"ann","why":"fixed","numbers":[7]}"#);
        assert_eq!(members.what().to_string(), r#"{"numbers":[7]}"#);
        assert_eq!(members.peek_text("by").as_deref(), Some("ann"));
    }
}
