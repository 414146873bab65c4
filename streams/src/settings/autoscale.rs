//! Between which limits the number of workers of a pool follows its backlog. Pure.

use serde::Serialize;
use serde_json::Value;

use super::member::{bad, number, shortened};
use super::setting_error::SettingError;
use crate::limits::{POOL_WORKERS_MAX, SCALE_TARGET_SECONDS_MAX};

/// How many workers a pool may have, and how long its orders may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Autoscale {
    /// Workers, at least.
    pub min: u32,
    /// Workers, at most.
    pub max: u32,
    /// How long an order may wait, in seconds. More workers are wanted while the oldest waits longer, or the last
    /// one will.
    pub target_seconds: u32,
}

const NAME: &str = "autoscale";
const MIN: &str = "autoscale.min";
const MAX: &str = "autoscale.max";
const TARGET: &str = "autoscale.target_seconds";

impl Autoscale {
    /// Parses the member `autoscale` of a setting.
    pub(super) fn parse(value: &Value) -> Result<Self, SettingError> {
        let expected = r#"an object such as {"min":1,"max":8,"target_seconds":2}"#;
        let Value::Object(members) = value else { return Err(bad(NAME, value, expected)) };
        let (mut min, mut max, mut target_seconds) = (None, None, None);
        for (member, value) in members {
            match &**member {
                "min" => min = Some(number(MIN, value, 0..=POOL_WORKERS_MAX)?),
                "max" => max = Some(number(MAX, value, 1..=POOL_WORKERS_MAX)?),
                "target_seconds" => {
                    target_seconds = Some(number(TARGET, value, 1..=SCALE_TARGET_SECONDS_MAX)?);
                }
                _ => {
                    let member = format!("{NAME}.{}", shortened(member));
                    let known = "min, max and target_seconds";
                    return Err(SettingError::UnknownMember { member, known });
                }
            }
        }
        let lacks = |other| SettingError::Incomplete { member: NAME, other };
        let min = min.ok_or_else(|| lacks(MIN))?;
        let max = max.ok_or_else(|| lacks(MAX))?;
        let target_seconds = target_seconds.ok_or_else(|| lacks(TARGET))?;
        if min > max {
            let found = format!("{min} and {MAX} {max}");
            let expected = "no more than the latter".to_owned();
            return Err(SettingError::BadMember { member: MIN, found, expected });
        }
        Ok(Self { min, max, target_seconds })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_three_members_are_needed_and_no_other_is_taken() {
        let whole = json!({"min": 0, "max": 8, "target_seconds": 2});
        let parsed = Autoscale::parse(&whole).unwrap();
        assert_eq!(parsed, Autoscale { min: 0, max: 8, target_seconds: 2 });
        assert_eq!(serde_json::to_value(parsed).unwrap(), whole);
        let fault = |value: Value| Autoscale::parse(&value).unwrap_err().to_string();
        assert!(fault(json!(true)).contains("`autoscale` is true: write an object such as"));
        assert!(fault(json!({"min": 1, "max": 8})).contains("without `autoscale.target_seconds`"));
        assert!(
            fault(json!({"min": 9, "max": 8, "target_seconds": 2})).contains(
                "`autoscale.min` is 9 and autoscale.max 8: write no more than the latter"
            )
        );
        assert!(fault(json!({"maximum": 8})).starts_with("`autoscale.maximum` is not a member"));
        assert!(fault(json!({"max": 0})).contains("a whole number from 1 to 1000"));
    }
}
