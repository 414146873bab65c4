//! The timestamp type of rows and events.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Milliseconds since 1970-01-01T00:00:00Z. Displayed as RFC 3339 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The timestamp `millis` milliseconds after 1970-01-01T00:00:00Z.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub const fn as_millis(self) -> i64 {
        self.0
    }
}

/// Truncates to milliseconds; a time before 1970 becomes 1970-01-01T00:00:00Z.
impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self(since_epoch.as_millis() as i64)
    }
}

/// Parses RFC 3339, such as `2026-11-27T22:00:00Z`; truncates to milliseconds.
impl std::str::FromStr for Timestamp {
    type Err = time::error::Parse;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let time = OffsetDateTime::parse(text, &Rfc3339)?;
        Ok(Self((time.unix_timestamp_nanos() / 1_000_000) as i64))
    }
}

/// A timestamp before 1970 becomes 1970-01-01T00:00:00Z.
impl From<Timestamp> for SystemTime {
    fn from(timestamp: Timestamp) -> Self {
        Self::UNIX_EPOCH + Duration::from_millis(timestamp.0.max(0) as u64)
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .ok()
            .and_then(|time| time.format(&Rfc3339).ok());
        match text {
            Some(text) => f.write_str(&text),
            None => write!(f, "{} ms", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_displayed_as_rfc_3339() {
        assert_eq!(Timestamp::from_millis(0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(Timestamp::from_millis(1_500).to_string(), "1970-01-01T00:00:01.5Z");
    }

    #[test]
    fn a_displayed_timestamp_is_read_back_from_any_time_zone() {
        for text in ["2026-11-27T22:00:01.25Z", "2026-11-27T23:00:01.25+01:00"] {
            let timestamp: Timestamp = text.parse().unwrap();
            assert_eq!(timestamp.to_string(), "2026-11-27T22:00:01.25Z");
        }
        assert!("2026-11-27".parse::<Timestamp>().is_err());
    }

    #[test]
    fn a_system_time_is_truncated_to_the_millisecond() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_micros(1_234_567);
        assert_eq!(Timestamp::from(time), Timestamp::from_millis(1_234));
        let truncated = SystemTime::UNIX_EPOCH + Duration::from_millis(1_234);
        assert_eq!(SystemTime::from(Timestamp::from(time)), truncated);
    }

    #[test]
    fn a_timestamp_beyond_the_calendar_is_displayed_in_milliseconds() {
        assert_eq!(Timestamp::from_millis(i64::MAX).to_string(), format!("{} ms", i64::MAX));
    }
}
