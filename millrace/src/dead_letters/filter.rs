//! Selects dead letters by number, pool, reason and age.

use std::time::{Duration, SystemTime};

use clap::Args;
use orders::OrderId;
use streams::Pool;
use streams::dead_letter::{Reason, StoredDeadLetter};
use workers::stages;

/// Matches the dead letters that meet every condition that is set.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct LetterFilter {
    /// Only dead letters with these numbers
    #[arg(value_name = "NUMBER")]
    pub(crate) numbers: Vec<u64>,
    /// Only dead letters of this order, with the digits that an edge answered or those in events; may be repeated
    #[arg(long, value_name = "ID", value_parser = OrderId::parse_copied)]
    pub(crate) order: Vec<OrderId>,
    /// Only dead letters of this pool
    #[arg(long, value_parser = stages::pool_named)]
    pub(crate) pool: Option<Pool>,
    /// Only dead letters with this reason: undecodable, poison or exhausted
    #[arg(long)]
    pub(crate) reason: Option<Reason>,
    /// Only dead letters that are at most this old, such as 2h
    #[arg(long, value_name = "DURATION", value_parser = streams::parse_duration)]
    pub(crate) since: Option<Duration>,
}

impl LetterFilter {
    /// Whether no condition is set, so that every dead letter matches.
    pub(crate) const fn is_empty(&self) -> bool {
        self.numbers.is_empty()
            && self.order.is_empty()
            && self.pool.is_none()
            && self.reason.is_none()
            && self.since.is_none()
    }

    /// Whether `letter` meets every condition.
    pub(crate) fn matches(&self, letter: &StoredDeadLetter) -> bool {
        let is_of_pool =
            |pool| stages::step_named(&letter.content.step).is_some_and(|step| step.pool == pool);
        let is_of_order = || letter.order_id().is_some_and(|id| self.order.contains(&id));
        (self.numbers.is_empty() || self.numbers.contains(&letter.number))
            && (self.order.is_empty() || is_of_order())
            && self.pool.is_none_or(is_of_pool)
            && self.reason.is_none_or(|reason| letter.content.reason == reason)
            && self.since.is_none_or(|since| age(letter) <= since)
    }
}

fn age(letter: &StoredDeadLetter) -> Duration {
    let died_at = Duration::from_millis(letter.content.last_at_ms.as_millis().max(0) as u64);
    SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().saturating_sub(died_at)
}

#[cfg(test)]
mod tests {
    use orders::Timestamp;
    use streams::dead_letter::DeadLetter;
    use streams::{DeliveryHistory, Origin};

    use super::*;

    fn letter(number: u64, step: &str, reason: Reason, age: Duration) -> StoredDeadLetter {
        let died_at = SystemTime::UNIX_EPOCH.elapsed().unwrap().saturating_sub(age);
        let died_at = Timestamp::from_millis(died_at.as_millis() as i64);
        let origin = Origin { stream: "ORDERS_1".to_owned(), sequence: 1 };
        let content = DeadLetter {
            step: step.to_owned(),
            reason,
            error: String::new(),
            history: DeliveryHistory::new(origin, died_at),
            last_at_ms: died_at,
            record: format!(r#"{{"order_id":"{number:032x}"}}"#),
        };
        StoredDeadLetter::unresolved(number, content)
    }

    #[test]
    fn a_dead_letter_matches_if_it_meets_every_condition() {
        let old = letter(1, "charge", Reason::Exhausted, Duration::from_hours(3));
        let new = letter(2, "ship", Reason::Poison, Duration::from_mins(1));
        let matches = |filter: LetterFilter| (filter.matches(&old), filter.matches(&new));
        let any = LetterFilter::default;
        assert_eq!(matches(any()), (true, true));
        assert_eq!(matches(LetterFilter { numbers: vec![1], ..any() }), (true, false));
        let order = vec![OrderId::parse_copied(&format!("{:032X}", 1)).unwrap()];
        assert_eq!(matches(LetterFilter { order, ..any() }), (true, false));
        assert_eq!(
            matches(LetterFilter { pool: Some(workers::fulfilment::POOL), ..any() }),
            (false, true)
        );
        assert_eq!(
            matches(LetterFilter { reason: Some(Reason::Exhausted), ..any() }),
            (true, false)
        );
        let since = Some(Duration::from_hours(2));
        assert_eq!(matches(LetterFilter { since, ..any() }), (false, true));
        assert_eq!(matches(LetterFilter { since, numbers: vec![1], ..any() }), (false, false));
    }
}
