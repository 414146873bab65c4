//! The trace that an order belongs to, as its client says (W3C Trace Context, version 00).

use std::fmt;
use std::str::FromStr;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};
use thiserror::Error;

use crate::hex::{digits, fmt_hex, from_hex};

/// The value of a header `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "String")]
pub struct TraceParent {
    trace_id: [u8; 16],
    parent_id: [u8; 8],
    flags: [u8; 1],
}

/// The id of a trace, as logs have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceId([u8; 16]);

/// Not the value of a header `traceparent` of version 00.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "a traceparent must be 00, the id of a trace, that of a span, and flags, in lower-case hexadecimal digits"
)]
pub struct InvalidTraceParent;

/// The only version.
const VERSION: &str = "00";

impl TraceParent {
    /// The id of the trace.
    pub const fn trace_id(&self) -> TraceId {
        TraceId(self.trace_id)
    }

    /// Adds it to a line that [`Event::write_line`](crate::Event::write_line) or
    /// [`Created::line`](crate::Created::line) has written, in the same bytes as the first would.
    pub fn add_to_line(&self, line: &mut Vec<u8>) {
        debug_assert!(line.ends_with(b"}\n"));
        line.truncate(line.len().saturating_sub(b"}\n".len()));
        line.extend_from_slice(br#","traceparent":"00-"#);
        line.extend_from_slice(self.trace_id.map(digits).as_flattened());
        line.push(b'-');
        line.extend_from_slice(self.parent_id.map(digits).as_flattened());
        line.push(b'-');
        line.extend_from_slice(self.flags.map(digits).as_flattened());
        line.extend_from_slice(b"\"}\n");
    }
}

/// Reads the member of a record. One that is not valid is none: no order fails because of its trace.
pub(crate) fn read_if_valid<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<TraceParent>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Member {
        Text(String),
        Other(IgnoredAny),
    }
    Ok(match Member::deserialize(deserializer)? {
        Member::Text(text) => text.parse().ok(),
        Member::Other(_) => None,
    })
}

impl FromStr for TraceParent {
    type Err = InvalidTraceParent;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('-');
        let mut next = || parts.next().ok_or(InvalidTraceParent);
        let (version, trace_id, parent_id, flags) = (next()?, next()?, next()?, next()?);
        if version != VERSION || parts.next().is_some() {
            return Err(InvalidTraceParent);
        }
        let flags = from_hex(flags).ok_or(InvalidTraceParent)?;
        Ok(Self { trace_id: id(trace_id)?, parent_id: id(parent_id)?, flags })
    }
}

/// An id, which is not zero.
fn id<const N: usize>(text: &str) -> Result<[u8; N], InvalidTraceParent> {
    from_hex(text).filter(|id| *id != [0; N]).ok_or(InvalidTraceParent)
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{VERSION}-{}-", self.trace_id())?;
        fmt_hex(&self.parent_id, f)?;
        f.write_str("-")?;
        fmt_hex(&self.flags, f)
    }
}

impl From<TraceParent> for String {
    fn from(trace: TraceParent) -> Self {
        trace.to_string()
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt_hex(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Event, EventBody, OrderId, Timestamp};

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_of_version_00_is_read_and_written_as_it_was() {
        let trace: TraceParent = VALID.parse().unwrap();
        assert_eq!(trace.to_string(), VALID);
        assert_eq!(trace.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    }

    #[test]
    fn any_other_text_is_none() {
        let zero = |from: usize, to: usize| {
            let zeros = "0".repeat(to - from);
            format!("{}{zeros}{}", &VALID[..from], &VALID[to..])
        };
        let invalid = [
            String::new(),
            VALID.to_uppercase(),
            VALID.replacen("00", "01", 1),
            VALID.replacen("00", "ff", 1),
            format!("{VALID}-00"),
            format!("{VALID} "),
            VALID.replace('-', "_"),
            VALID[..VALID.len() - 1].to_owned(),
            zero(3, 35),
            zero(36, 52),
        ];
        for text in invalid {
            assert_eq!(text.parse::<TraceParent>(), Err(InvalidTraceParent), "{text}");
        }
    }

    fn untraced() -> Event {
        Event {
            order_id: OrderId::from_bytes([7; 16]),
            at: Timestamp::from_millis(1),
            body: EventBody::CancelRefused,
            traceparent: None,
        }
    }

    #[test]
    fn a_record_is_read_whatever_its_traceparent_is() {
        let event = untraced();
        let mut line = Vec::new();
        event.write_line(&mut line);
        let line = String::from_utf8(line).unwrap();
        for invalid in ["5", "{}", "[\"a\"]", "null", "true", "\"00-\""] {
            let traced = line.replace("}\n", &format!(",\"traceparent\":{invalid}}}\n"));
            assert_eq!(Event::parse(traced.as_bytes()).as_ref(), Ok(&event), "{traced}");
        }
    }

    #[test]
    fn a_line_to_which_it_is_added_is_the_same_as_one_that_is_written_with_it() {
        let event = untraced();
        let (mut without, mut with) = (Vec::new(), Vec::new());
        event.write_line(&mut without);
        let trace: TraceParent = VALID.parse().unwrap();
        let traced = Event { traceparent: Some(trace), ..event };
        traced.write_line(&mut with);
        trace.add_to_line(&mut without);
        assert_eq!(String::from_utf8(without), String::from_utf8(with.clone()));
        assert_eq!(Event::parse(&with), Ok(traced));
    }
}
