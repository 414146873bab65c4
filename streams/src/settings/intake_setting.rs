//! What an operator can set for the intake of orders, at all edges. Pure.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::member::{flag, number, text, time};
use super::setting::{Setting, is_false};
use super::setting_error::SettingError;
use crate::limits::BACKLOG_SECONDS_MAX;
use crate::subjects::EDGES_BUCKET;

/// The setting of the intake.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct IntakeSetting {
    /// Whether new orders are refused. Requests about stored orders are accepted all the same.
    #[serde(skip_serializing_if = "is_false")]
    pub paused: bool,
    /// When that ends, by the time of the brokers, in RFC 3339; `None` if when it is taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// How long the oldest order may wait for inventory before new ones are refused. `None` for the value in the
    /// configuration of each edge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backlog_max_age_seconds: Option<u32>,
    /// The reason for the setting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Who has written it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

impl IntakeSetting {
    /// How long the oldest order may wait for inventory, if it is set.
    pub fn backlog_max_age(&self) -> Option<Duration> {
        self.backlog_max_age_seconds.map(|seconds| Duration::from_secs(seconds.into()))
    }
}

impl Setting for IntakeSetting {
    const BUCKET: &'static str = EDGES_BUCKET;
    const MEMBERS: &'static str = "paused, until, backlog_max_age_seconds, why and by";

    fn set_member(&mut self, name: &str, value: &Value) -> Result<bool, SettingError> {
        match name {
            "paused" => self.paused = flag("paused", value)?,
            "until" => self.until = Some(time("until", value)?),
            "backlog_max_age_seconds" => {
                let range = 1..=BACKLOG_SECONDS_MAX;
                self.backlog_max_age_seconds =
                    Some(number("backlog_max_age_seconds", value, range)?);
            }
            "why" => self.why = Some(text("why", value)?),
            "by" => self.by = Some(text("by", value)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn pause(&self) -> (bool, Option<&str>) {
        (self.paused, self.until.as_deref())
    }

    fn set_pause(&mut self, paused: bool, until: Option<String>) {
        (self.paused, self.until) = (paused, until);
    }

    fn sign(&mut self, why: String, by: String) {
        (self.why, self.by) = (Some(why), Some(by));
    }

    fn author(&self) -> Option<&str> {
        self.by.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let json = r#"{"paused":true,"until":"2026-11-25T17:00:00Z","backlog_max_age_seconds":60,"why":"x","by":"ann"}"#;
        let setting = IntakeSetting::parse(json.as_bytes()).unwrap();
        assert_eq!(setting.backlog_max_age(), Some(Duration::from_mins(1)));
        assert_eq!(setting.to_json(), json);
    }

    #[test]
    fn a_fault_names_the_members_that_there_are_or_the_values_that_one_may_have() {
        let fault = |json: &str| IntakeSetting::parse(json.as_bytes()).unwrap_err().to_string();
        assert_eq!(
            fault(r#"{"rate":5}"#),
            "`rate` is not a member: there are paused, until, backlog_max_age_seconds, why and by"
        );
        assert_eq!(
            fault(r#"{"backlog_max_age_seconds":0}"#),
            "`backlog_max_age_seconds` is 0: write a whole number from 1 to 86400, or leave it out"
        );
    }
}
