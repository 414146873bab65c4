//! The clock of this process. It may be wrong, so no deadline is decided by it: that takes the time of
//! the broker or of the database.

use std::time::SystemTime;

use orders::Timestamp;

use crate::failpoint;

/// The time of this process's own clock.
pub fn own_time() -> Timestamp {
    failpoint!("clock" => return wrong_time());
    SystemTime::now().into()
}

/// A time that is wrong by the seconds of the failpoint `clock=SECONDS`, which may be negative.
#[cfg(feature = "failpoints")]
fn wrong_time() -> Timestamp {
    let seconds = crate::failpoints::value("clock").and_then(|seconds| seconds.parse().ok());
    let millis = Timestamp::from(SystemTime::now()).as_millis() + 1_000 * seconds.unwrap_or(0);
    Timestamp::from_millis(millis)
}
