//! Which dead letters are meant.

use std::time::{Duration, SystemTime};

use clap::Args;
use streams::Pool;
use streams::dead_letter::{Reason, StoredDeadLetter};

/// Which letters: all that meet every condition.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct LetterFilter {
    /// Letters by their numbers
    #[arg(value_name = "NUMBER")]
    numbers: Vec<u64>,
    /// Letters of one pool: inventory, payment or fulfilment
    #[arg(long)]
    pool: Option<Pool>,
    /// Letters for one reason: undecodable, poison or exhausted
    #[arg(long)]
    reason: Option<Reason>,
    /// Letters of the last while, such as 2h
    #[arg(long, value_name = "DURATION", value_parser = streams::duration)]
    since: Option<Duration>,
}

impl LetterFilter {
    /// Whether nothing is chosen, so that every letter is meant.
    pub(super) const fn is_open(&self) -> bool {
        self.numbers.is_empty()
            && self.pool.is_none()
            && self.reason.is_none()
            && self.since.is_none()
    }

    /// Whether `letter` is meant.
    pub(super) fn matches(&self, letter: &StoredDeadLetter) -> bool {
        let is_of = |pool| letter.step().is_some_and(|step| step.pool() == pool);
        (self.numbers.is_empty() || self.numbers.contains(&letter.number))
            && self.pool.is_none_or(is_of)
            && self.reason.is_none_or(|reason| letter.content.reason == reason)
            && self.since.is_none_or(|since| age(letter) <= since)
    }
}

fn age(letter: &StoredDeadLetter) -> Duration {
    let died = Duration::from_millis(letter.content.last_at_ms.as_millis().max(0) as u64);
    SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().saturating_sub(died)
}

#[cfg(test)]
mod tests {
    use orders::Timestamp;
    use streams::dead_letter::DeadLetter;
    use streams::{DeliveryHistory, Origin};

    use super::*;

    fn letter(number: u64, step: &str, reason: Reason, age: Duration) -> StoredDeadLetter {
        let died = SystemTime::UNIX_EPOCH.elapsed().unwrap().saturating_sub(age);
        let died = Timestamp::from_millis(died.as_millis() as i64);
        let origin = Origin { stream: "ORDERS".to_owned(), sequence: 1 };
        let content = DeadLetter {
            step: step.to_owned(),
            reason,
            error: String::new(),
            history: DeliveryHistory { origin, first_at: died, attempts: 0, replays: 0 },
            last_at_ms: died,
            record: String::new(),
        };
        StoredDeadLetter { number, content, handled: None }
    }

    #[test]
    fn a_letter_is_meant_when_it_meets_every_condition() {
        let old = letter(1, "charge", Reason::Exhausted, Duration::from_hours(3));
        let new = letter(2, "ship", Reason::Poison, Duration::from_mins(1));
        let chosen = |filter: LetterFilter| (filter.matches(&old), filter.matches(&new));
        let any = LetterFilter::default;
        assert_eq!(chosen(any()), (true, true));
        assert_eq!(chosen(LetterFilter { numbers: vec![1], ..any() }), (true, false));
        assert_eq!(chosen(LetterFilter { pool: Some(Pool::Fulfilment), ..any() }), (false, true));
        assert_eq!(
            chosen(LetterFilter { reason: Some(Reason::Exhausted), ..any() }),
            (true, false)
        );
        let since = Some(Duration::from_hours(2));
        assert_eq!(chosen(LetterFilter { since, ..any() }), (false, true));
        assert_eq!(chosen(LetterFilter { since, numbers: vec![1], ..any() }), (false, false));
    }
}
