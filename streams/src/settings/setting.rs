//! What an operator can set: one JSON object, whose members are all optional. Pure.

use std::fmt::Debug;

use orders::Timestamp;
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::member::shortened;
use super::setting_error::SettingError;

/// The value of a key in a bucket of settings. The default is that of a key without one.
pub trait Setting: Debug + Clone + Default + PartialEq + Serialize + Send + 'static {
    /// The bucket whose keys have such values.
    const BUCKET: &'static str;
    /// The names of its members, as a sentence lists them.
    const MEMBERS: &'static str;

    /// Sets the member of this name. Returns whether there is one.
    ///
    /// # Errors
    /// It cannot have this value.
    fn set_member(&mut self, name: &str, value: &Value) -> Result<bool, SettingError>;

    /// Whether it has a pause, and the end of that in RFC 3339.
    fn pause(&self) -> (bool, Option<&str>);

    /// Replaces the pause.
    fn set_pause(&mut self, paused: bool, until: Option<String>);

    /// Replaces the reason, and who gave it.
    fn sign(&mut self, why: String, by: String);

    /// Who has written it.
    fn author(&self) -> Option<&str>;

    /// Parses what is in the bucket.
    ///
    /// # Errors
    /// It is not a setting; the error says which member is wrong, and what to write.
    fn parse(json: &[u8]) -> Result<Self, SettingError> {
        let value: Value = serde_json::from_slice(json)
            .map_err(|err| SettingError::NotJson { fault: err.to_string() })?;
        let members = match value {
            Value::Object(members) => members,
            other => return Err(SettingError::NotAnObject { found: shortened(&other) }),
        };
        let mut setting = Self::default();
        for (name, value) in members {
            if !setting.set_member(&name, &value)? {
                let (member, known) = (shortened(&name), Self::MEMBERS);
                return Err(SettingError::UnknownMember { member, known });
            }
        }
        match setting.pause() {
            (false, Some(_)) => Err(SettingError::Incomplete { member: "until", other: "paused" }),
            _ => Ok(setting),
        }
    }

    /// The value to write into the bucket.
    fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a setting has text keys, flags, integers and texts")
    }

    /// Whether it is paused at `now`. While the time is not known, a pause lasts.
    fn is_paused_at(&self, now: Option<Timestamp>) -> bool {
        let is_over = |until: Timestamp| now.is_some_and(|now| now >= until);
        self.pause().0 && !self.paused_until().is_some_and(is_over)
    }

    /// When the pause ends; `None` if there is none, or if it has no end.
    fn paused_until(&self) -> Option<Timestamp> {
        let until = OffsetDateTime::parse(self.pause().1?, &Rfc3339).ok()?;
        Some(Timestamp::from_millis((until.unix_timestamp_nanos() / 1_000_000) as i64))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(super) const fn is_false(flag: &bool) -> bool {
    !*flag
}
