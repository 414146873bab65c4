//! What an operator can set for a pool: one JSON object, whose members are all optional. Pure.

use orders::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::autoscale::Autoscale;
use super::member::{flag, number, shortened, text, time};
use super::setting_error::SettingError;
use crate::limits::{POOL_BATCH_MAX, POOL_RATE_MAX, POOL_WORKERS_MAX};

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

const MEMBERS: &str = "paused, until, workers, rate, batch, autoscale, why and by";

impl PoolSetting {
    /// Parses what is in the bucket.
    ///
    /// # Errors
    /// It is not a setting; the error says which member is wrong, and what to write.
    pub fn parse(json: &[u8]) -> Result<Self, SettingError> {
        let value: Value = serde_json::from_slice(json)
            .map_err(|err| SettingError::NotJson { fault: err.to_string() })?;
        let members = match value {
            Value::Object(members) => members,
            other => return Err(SettingError::NotAnObject { found: shortened(&other) }),
        };
        let setting = Self::of_members(members)?;
        if setting.until.is_some() && !setting.paused {
            return Err(SettingError::Incomplete { member: "until", other: "paused" });
        }
        Ok(setting)
    }

    fn of_members(members: Map<String, Value>) -> Result<Self, SettingError> {
        let mut setting = Self::default();
        for (member, value) in members {
            match &*member {
                "paused" => setting.paused = flag("paused", &value)?,
                "until" => setting.until = Some(time("until", &value)?),
                "workers" => {
                    setting.workers = Some(number("workers", &value, 1..=POOL_WORKERS_MAX)?);
                }
                "rate" => setting.rate = Some(number("rate", &value, 1..=POOL_RATE_MAX)?),
                "batch" => setting.batch = Some(number("batch", &value, 1..=POOL_BATCH_MAX)?),
                "autoscale" => setting.autoscale = Some(Autoscale::parse(&value)?),
                "why" => setting.why = Some(text("why", &value)?),
                "by" => setting.by = Some(text("by", &value)?),
                _ => {
                    let (member, known) = (shortened(&member), MEMBERS.to_owned());
                    return Err(SettingError::UnknownMember { member, known });
                }
            }
        }
        Ok(setting)
    }

    /// The value to write into the bucket.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a setting has text keys, flags, integers and texts")
    }

    /// Whether the pool is paused at `now`. While the time is not known, a pause lasts.
    pub fn is_paused_at(&self, now: Option<Timestamp>) -> bool {
        let is_over = |until: Timestamp| now.is_some_and(|now| now >= until);
        self.paused && !self.paused_until().is_some_and(is_over)
    }

    /// When the pause ends; `None` if there is none, or if it has no end.
    pub fn paused_until(&self) -> Option<Timestamp> {
        let until = OffsetDateTime::parse(self.until.as_ref()?, &Rfc3339).ok()?;
        Some(Timestamp::from_millis((until.unix_timestamp_nanos() / 1_000_000) as i64))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

#[cfg(test)]
mod tests {
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
