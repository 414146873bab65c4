//! Erasing what dead letters say about a customer. A message cannot be changed, so what is left of a letter is stored
//! as another one, and then the letter is deleted, whose bytes the brokers overwrite.

use std::collections::BTreeSet;
use std::time::Duration;

use orders::{OrderId, erased, is_order_of, placed_order};
use thiserror::Error;

use super::resolution::{Resolution, StoredDeadLetter};
use super::{DeadLetter, Reason, to_json};
use crate::inspect_error::{InspectError, inspect_error};
use crate::outbound::Destination;
use crate::{Connection, OutboundMessage, PublishError, Publisher, Step, failpoint, subjects};

/// What is in place of the error of a record that no step could read: it may repeat a part of it.
const ERASED_ERROR: &str = "the record could not be read; what it says is erased";

/// A dead letter was not erased. It is unchanged, or is there twice until it is erased again.
#[derive(Debug, Error)]
pub enum EraseError {
    /// The brokers did not store what is left of it.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The letter could not be deleted.
    #[error(transparent)]
    Delete(#[from] InspectError),
}

/// The letters that say something about `customer`: their orders as they were placed, and other bodies that were
/// placed under the same keys. `orders` are those that rows name as theirs.
pub fn letters_of<'a>(
    letters: &'a [StoredDeadLetter],
    customer: &str,
    orders: &BTreeSet<OrderId>,
) -> Vec<&'a StoredDeadLetter> {
    let is_of_order = |record| placed_order(record).is_some_and(|id| orders.contains(&id));
    let is_theirs = |record| is_order_of(record, customer) || is_of_order(record);
    letters.iter().filter(|letter| is_theirs(&letter.content.record)).collect()
}

/// Erases what `letter`, which is one of `letters`, says about a person. It keeps its resolution. `step` is the one
/// that orders pass first, whose records they are.
pub async fn erase(
    connection: &Connection,
    letters: &[StoredDeadLetter],
    letter: &StoredDeadLetter,
    step: &Step,
    limit: Duration,
) -> Result<(), EraseError> {
    let publisher = Publisher::new(connection.clone());
    let left = left_of(&letter.content);
    // One that was interrupted may have stored it.
    let stored = letters.iter().find(|it| it.content == left);
    let number = match stored {
        Some(stored) => stored.number,
        None => publisher.publish(&message(letter.number, &left, step), limit).await?.sequence,
    };
    failpoint!("crash_in_erasure");
    let is_resolved = stored.is_some_and(|it| it.resolution.is_some());
    if let Some(resolution) = letter.resolution.as_ref().filter(|_| !is_resolved) {
        let resolution = Resolution { letter: number, ..resolution.clone() };
        publisher.publish(&resolution.message(step.pool.as_str()), limit).await?;
    }
    delete(connection, letter).await.map_err(EraseError::Delete)
}

/// A letter without what it says about a person.
fn left_of(letter: &DeadLetter) -> DeadLetter {
    let error = match letter.reason {
        Reason::Undecodable => ERASED_ERROR.to_owned(),
        Reason::Poison | Reason::Exhausted => letter.error.clone(),
    };
    DeadLetter { record: erased(&letter.record), error, ..letter.clone() }
}

fn message(number: u64, left: &DeadLetter, step: &Step) -> OutboundMessage {
    let destination = Destination::Stream(subjects::DEAD_LETTERS, step.dead_subject());
    OutboundMessage::with_id(destination, to_json(left).into(), &format!("erase.{number}"))
}

/// The resolutions last: a letter without its resolution would be unresolved again.
pub(super) async fn delete(
    connection: &Connection,
    letter: &StoredDeadLetter,
) -> Result<(), InspectError> {
    let stream = connection.jetstream.get_stream_no_info(subjects::DEAD_LETTERS).await;
    let stream = stream.map_err(|err| inspect_error(subjects::DEAD_LETTERS, err))?;
    let letters = letter.copies.iter().chain([&letter.number]);
    for number in letters.chain(&letter.resolution_numbers) {
        let removed = stream.delete_message(*number).await;
        removed.map_err(|err| inspect_error(subjects::DEAD_LETTERS, err))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use orders::Timestamp;

    use super::*;
    use crate::{DeliveryHistory, Origin};

    fn letter(number: u64, reason: Reason, record: &str) -> StoredDeadLetter {
        let at = Timestamp::from_millis(0);
        let origin = Origin { stream: "ORDERS_1".to_owned(), sequence: number };
        let (step, error) = ("reserve".to_owned(), "about Secret".to_owned());
        let (history, record) = (DeliveryHistory::new(origin, at), record.to_owned());
        let content = DeadLetter { step, reason, error, history, last_at_ms: at, record };
        StoredDeadLetter::unresolved(number, content)
    }

    fn created(order: u8, customer: &str) -> String {
        let id = OrderId::from_bytes([order; 16]);
        format!(
            r#"{{"order_id":"{id}","at_ms":1,"event":{{"created_v2":{{"digest":"d","order":{{"customer_id":"{customer}"}}}}}}}}"#
        )
    }

    #[test]
    fn letters_of_a_customer_are_their_orders_and_other_bodies_under_the_same_keys() {
        let letters = [
            letter(1, Reason::Poison, &created(1, "ann")),
            letter(2, Reason::Poison, &created(2, "bob")),
            letter(3, Reason::Poison, &created(3, "bob")),
            letter(4, Reason::Poison, &erased(&created(1, "ann"))),
            letter(
                5,
                Reason::Poison,
                r#"{"order_id":"03030303030303030303030303030303","event":"paid"}"#,
            ),
        ];
        let orders = BTreeSet::from([3, 4].map(|id| OrderId::from_bytes([id; 16])));
        let found = letters_of(&letters, "ann", &orders);
        assert_eq!(found.iter().map(|it| it.number).collect::<Vec<_>>(), [1, 3]);
    }

    #[test]
    fn an_error_about_what_could_not_be_read_is_erased_as_well() {
        let left = |reason| left_of(&letter(1, reason, &created(1, "ann")).content);
        assert_eq!(left(Reason::Undecodable).error, ERASED_ERROR);
        assert_eq!(left(Reason::Exhausted).error, "about Secret");
        assert!(!left(Reason::Poison).record.contains("ann"));
    }
}
