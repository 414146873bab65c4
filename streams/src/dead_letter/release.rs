//! Room for new dead letters: the oldest resolved ones go once the stream is half full, so that it
//! never fills up with what needs no operator any more.

use super::resolution::{DeadLetterError, StoredDeadLetter, read};
use crate::inspect_error::inspect_error;
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
        remove(connection, letter).await?;
    }
    Ok(letters.len())
}

/// The resolutions last: a letter without its resolution would be unresolved again.
async fn remove(connection: &Connection, letter: &StoredDeadLetter) -> Result<(), DeadLetterError> {
    let stream = connection.jetstream.get_stream_no_info(subjects::DEAD_LETTERS).await;
    let stream = stream.map_err(|err| inspect_error(subjects::DEAD_LETTERS, err))?;
    let letters = letter.copies.iter().chain([&letter.number]);
    for number in letters.chain(&letter.resolution_numbers) {
        let removed = stream.delete_message(*number).await;
        removed.map_err(|err| inspect_error(subjects::DEAD_LETTERS, err))?;
    }
    Ok(())
}
