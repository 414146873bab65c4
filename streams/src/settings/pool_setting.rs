//! What an operator can set for a pool. Pure.

use serde::Serialize;
use serde_json::Value;

use super::autoscale::Autoscale;
use super::member::{flag, number, text, time};
use super::setting::{Setting, is_false};
use super::setting_error::SettingError;
use crate::limits::{POOL_BATCH_MAX, POOL_RATE_MAX, POOL_WORKERS_MAX};
use crate::subjects::POOLS_BUCKET;

/// The setting of a pool. The default is that of a pool without one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PoolSetting {
    /// Whether its workers pull nothing but what undoes.
    #[serde(skip_serializing_if = "is_false")]
    pub paused: bool,
    /// When that ends, by the time of the brokers, in RFC 3339; `None` if when it is taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// How many of its running workers pull. The others wait. `None` for all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<u32>,
    /// Orders a second, of all of its workers together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<u32>,
    /// About how many records a worker processes together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<u32>,
    /// Between which limits its number of workers follows its backlog. `workers` comes before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autoscale: Option<Autoscale>,
    /// The reason for the setting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Who has written it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

impl Setting for PoolSetting {
    const BUCKET: &'static str = POOLS_BUCKET;
    const MEMBERS: &'static str = "paused, until, workers, rate, batch, autoscale, why and by";

    fn set_member(&mut self, name: &str, value: &Value) -> Result<bool, SettingError> {
        match name {
            "paused" => self.paused = flag("paused", value)?,
            "until" => self.until = Some(time("until", value)?),
            "workers" => self.workers = Some(number("workers", value, 1..=POOL_WORKERS_MAX)?),
            "rate" => self.rate = Some(number("rate", value, 1..=POOL_RATE_MAX)?),
            "batch" => self.batch = Some(number("batch", value, 1..=POOL_BATCH_MAX)?),
            "autoscale" => self.autoscale = Some(Autoscale::parse(value)?),
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
    use orders::Timestamp;

    use super::*;

    fn fault(json: &str) -> String {
        PoolSetting::parse(json.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_setting_has_the_members_that_are_written() {
        assert_eq!(PoolSetting::parse(b"{}"), Ok(PoolSetting::default()));
        let json = r#"{"paused":true,"until":"2026-11-25T17:00:00Z","workers":3,"rate":200,"batch":64,"autoscale":{"min":1,"max":8,"target_seconds":2},"why":"x","by":"ann"}"#;
        let setting = PoolSetting::parse(json.as_bytes()).unwrap();
        assert_eq!((setting.workers, setting.rate, setting.batch), (Some(3), Some(200), Some(64)));
        assert_eq!(setting.to_json(), json, "what is written is read again");
    }

    #[test]
    fn what_is_not_a_setting_is_refused_with_the_member_its_fault_and_what_to_write() {
        assert!(fault("paused").starts_with("it is not JSON (expected value at line 1"));
        assert!(fault("").starts_with("it is not JSON (EOF"));
        assert_eq!(
            fault("[1]"),
            "it is [1] and not an object: write one, such as {\"paused\":true}"
        );
        assert_eq!(
            fault(r#"{"pasued":true}"#),
            "`pasued` is not a member: there are paused, until, workers, rate, batch, autoscale, why and by"
        );
        let or = ", or leave it out";
        for (json, expected) in [
            (r#"{"paused":"yes"}"#, r#"`paused` is "yes": write true or false"#),
            (
                r#"{"paused":true,"until":"17:00"}"#,
                r#"`until` is "17:00": write a time with its zone, such as 2026-11-25T17:00:00Z"#,
            ),
            (
                r#"{"workers":0}"#,
                "`workers` is 0: write a whole number from 1 to 1000 (to stop the pool, `paused`)",
            ),
            (r#"{"rate":1.5}"#, "`rate` is 1.5: write a whole number from 1 to 1000000"),
            (r#"{"batch":-1}"#, "`batch` is -1: write a whole number from 1 to 512"),
            (r#"{"why":null}"#, "`why` is null: write a text of at most 500 characters"),
        ] {
            assert_eq!(fault(json), format!("{expected}{or}"));
        }
        assert_eq!(
            fault(r#"{"until":"2026-11-25T17:00:00Z"}"#),
            "`until` means nothing without `paused`: write both, or leave it out"
        );
    }

    #[test]
    fn a_fault_is_one_line_whatever_was_written() {
        let long = format!("{{\"{}\\n\":1}}", "x".repeat(3_000));
        let fault = fault(&long);
        assert!(fault.chars().count() < 200 && !fault.contains('\n'), "{fault}");
    }

    #[test]
    fn a_pause_lasts_until_its_end_and_while_the_time_is_not_known() {
        let json = br#"{"paused":true,"until":"2026-11-25T17:00:00Z"}"#;
        let setting = PoolSetting::parse(json).unwrap();
        let end = setting.paused_until().unwrap().as_millis();
        assert!(setting.is_paused_at(None));
        assert!(setting.is_paused_at(Some(Timestamp::from_millis(end - 1))));
        assert!(!setting.is_paused_at(Some(Timestamp::from_millis(end))));
        let endless = PoolSetting { until: None, ..setting };
        assert!(endless.is_paused_at(Some(Timestamp::from_millis(i64::MAX))));
    }
}
