//! Room for new dead letters: the oldest resolved ones go once the stream is half full, so that it
//! never fills up with what needs no operator any more.

use super::erasure::delete;
use super::resolution::{DeadLetterError, read};
use crate::limits::{DEAD_LETTERS_KEPT_PERCENT, DEAD_LETTERS_RELEASED_MAX};
use crate::{Connection, find_stream_state, subjects};

/// Removes the oldest resolved dead letters with their resolutions, up to 1,000 of them, if the
/// stream is more than half full. An unresolved one is never removed. Returns their number.
pub async fn release_resolved(connection: &Connection) -> Result<usize, DeadLetterError> {
    let state = find_stream_state(connection, subjects::DEAD_LETTERS).await?;
    let percent = state.and_then(|state| state.fill_percent());
    if percent.is_none_or(|percent| percent < DEAD_LETTERS_KEPT_PERCENT) {
        return Ok(0);
    }
    let mut letters = read(connection).await?;
    letters.retain(|letter| letter.resolution.is_some());
    letters.truncate(DEAD_LETTERS_RELEASED_MAX);
    for letter in &letters {
        delete(connection, letter).await?;
    }
    Ok(letters.len())
}
