//! The clock by which reservations expire: that of the database, which stops while payment is paused.

use std::time::{Duration, SystemTime};

use deadpool_postgres::Object;

use crate::database::{Database, DatabaseError};
use crate::limits::PAUSES_READ_MAX;
use crate::step_input::StepError;

/// A time in which payment was paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pause {
    pub(crate) began_at: SystemTime,
    /// When it was last seen.
    pub(crate) seen_at: SystemTime,
}

/// The time for a reservation that lasts for `payment_timeout`: it has expired if it was made longer than that
/// before. Without a pause it is that of the database.
pub(crate) async fn expiry_time(
    database: &Database,
    payment_timeout: Duration,
) -> Result<SystemTime, StepError> {
    let read = async |connection: &mut Object| {
        let select = connection
            .prepare_cached(
                "SELECT began_at, seen_at, now() FROM (VALUES (1)) AS always LEFT JOIN (
                     SELECT began_at, seen_at FROM inventory.pauses_of_payment
                     ORDER BY began_at DESC LIMIT $1
                 ) AS pauses ON true ORDER BY began_at DESC",
            )
            .await?;
        let rows = connection.query(&select, &[&PAUSES_READ_MAX]).await?;
        let mut pauses = Vec::new();
        let mut now = SystemTime::UNIX_EPOCH;
        for row in rows {
            now = row.try_get(2)?;
            let times: (Option<SystemTime>, Option<SystemTime>) =
                (row.try_get(0)?, row.try_get(1)?);
            if let (Some(began_at), Some(seen_at)) = times {
                pauses.push(Pause { began_at, seen_at });
            }
        }
        Ok::<_, DatabaseError>((now, pauses))
    };
    let (now, pauses) = database.with_retries(read).await?;
    Ok(oldest_unexpired(now, payment_timeout, &pauses) + payment_timeout)
}

/// When the oldest reservation was made that has not expired at `now`: there are `timeout` of time without a pause
/// since then. `pauses` are the last ones, the youngest first.
fn oldest_unexpired(now: SystemTime, timeout: Duration, pauses: &[Pause]) -> SystemTime {
    let (mut at, mut left) = (now, timeout);
    for Pause { began_at, seen_at } in pauses {
        let running = at.duration_since(*seen_at).unwrap_or_default();
        if running >= left {
            break;
        }
        left -= running;
        at = at.min(*began_at);
    }
    at.checked_sub(left).unwrap_or(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_mins(15);

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(10_000 + seconds)
    }

    fn pause(began: u64, seen: u64) -> Pause {
        Pause { began_at: at(began), seen_at: at(seen) }
    }

    #[test]
    fn without_a_pause_reservations_expire_after_the_timeout() {
        assert_eq!(oldest_unexpired(at(900), TIMEOUT, &[]), at(0));
        assert_eq!(oldest_unexpired(at(2_000), TIMEOUT, &[pause(0, 100)]), at(1_100), "long ago");
    }

    #[test]
    fn the_time_of_a_pause_does_not_count() {
        let pauses = [pause(1_000, 5_000)];
        assert_eq!(oldest_unexpired(at(5_000), TIMEOUT, &pauses), at(100), "it is paused");
        assert_eq!(oldest_unexpired(at(5_300), TIMEOUT, &pauses), at(400));
        assert_eq!(oldest_unexpired(at(5_900), TIMEOUT, &pauses), at(5_000));
        assert_eq!(oldest_unexpired(at(6_000), TIMEOUT, &pauses), at(5_100));
    }

    #[test]
    fn several_pauses_add_up() {
        let pauses = [pause(2_000, 3_000), pause(1_000, 1_900), pause(0, 10)];
        assert_eq!(oldest_unexpired(at(3_100), TIMEOUT, &pauses), at(300));
    }

    #[test]
    fn time_never_goes_back_for_a_reservation() {
        let pauses = [pause(1_000, 5_000), pause(500, 600)];
        let times: Vec<_> =
            (0..7_000).map(|now| oldest_unexpired(at(now.max(5_000)), TIMEOUT, &pauses)).collect();
        assert!(times.is_sorted());
    }

    #[test]
    fn a_pause_that_was_seen_after_the_time_of_this_look_ends_now() {
        assert_eq!(oldest_unexpired(at(5_000), TIMEOUT, &[pause(1_000, 5_001)]), at(100));
    }
}
