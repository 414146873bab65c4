//! The members by which a request selects dead letters, as the options of `millrace dead` do.

use serde_json::Value;
use streams::dead_letter::Reason;
use workers::stages;

use super::members::Members;
use super::order_id::{self, ORDER_ID};
use super::refusal::Refusal;
use crate::dead_letters::LetterFilter;
use crate::limits::LETTERS_RESOLVED_MAX;

/// The letters that a request is about: `numbers`, `order_id`, `pool`, `reason` and `since`, each of which may be
/// absent.
pub(super) fn take_filter(members: &mut Members) -> Result<LetterFilter, Refusal> {
    let numbers = format!("an array of up to {LETTERS_RESOLVED_MAX} numbers of dead letters");
    let numbers = members.take("numbers", &numbers, numbers_in)?.unwrap_or_default();
    let order = members.take("order_id", ORDER_ID, order_id::parse)?.into_iter().collect();
    let pools = stages::pools().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let pool = members.take("pool", &format!("one of {pools}"), |value| {
        stages::pool_named(value.as_str()?).ok()
    })?;
    let reasons = "undecodable, poison or exhausted";
    let reason: Option<Reason> =
        members.take("reason", reasons, |value| value.as_str()?.parse().ok())?;
    let since = members.take("since", "an age such as 2h", |value| {
        streams::parse_duration(value.as_str()?).ok()
    })?;
    Ok(LetterFilter { numbers, order, pool, reason, since })
}

fn numbers_in(value: &Value) -> Option<Vec<u64>> {
    let numbers = value.as_array().filter(|it| (1..=LETTERS_RESOLVED_MAX).contains(&it.len()))?;
    numbers.iter().map(Value::as_u64).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn filter(json: &str) -> Result<LetterFilter, Refusal> {
        take_filter(&mut Members::parse(json.as_bytes()).unwrap())
    }

    #[test]
    fn letters_are_selected_by_number_pool_reason_and_age() {
        assert!(filter("{}").unwrap().is_empty());
        let json = r#"{"numbers":[7,9],"pool":"payment","reason":"poison","since":"2h"}"#;
        let LetterFilter { numbers, order, pool, reason, since } = filter(json).unwrap();
        assert_eq!((numbers, order), (vec![7, 9], vec![]));
        assert_eq!(pool, Some(workers::payment::POOL));
        assert_eq!((reason, since), (Some(Reason::Poison), Some(Duration::from_hours(2))));
    }

    #[test]
    fn letters_of_an_order_are_selected_by_its_id_with_and_without_its_mac_in_any_case() {
        let id = orders::OrderId::from_bytes([0xab; 16]);
        for digits in [id.to_string(), format!(" {id}0123456789ABCDEF\n").to_uppercase()] {
            let json = serde_json::json!({"order_id": digits}).to_string();
            assert_eq!(filter(&json).unwrap().order, [id]);
        }
    }

    #[test]
    fn what_selects_nothing_is_refused_with_its_member() {
        let too_many = format!("{{\"numbers\":{:?}}}", vec![1; LETTERS_RESOLVED_MAX + 1]);
        for (json, member) in [
            (r#"{"numbers":[]}"#, "numbers"),
            (r#"{"numbers":7}"#, "numbers"),
            (r#"{"numbers":[-1]}"#, "numbers"),
            (&*too_many, "numbers"),
            (r#"{"pool":"kitchen"}"#, "pool"),
            (r#"{"reason":"bad"}"#, "reason"),
            (r#"{"since":2}"#, "since"),
            (r#"{"order_id":"ab"}"#, "order_id"),
        ] {
            assert_eq!(filter(json).err().unwrap().member.as_deref(), Some(member), "{json}");
        }
    }
}
