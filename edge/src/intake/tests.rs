//! What a batch is made of.

use super::*;

fn id(n: u8) -> OrderId {
    OrderId::from_bytes([n; 16])
}

fn digest(n: u8) -> BodyDigest {
    BodyDigest::from_bytes([n; 16])
}

/// Submissions of (order, content), each with what Redis says of it, and where they wait.
fn gathered(
    submissions: &[(u8, u8, Option<u8>)],
) -> (Batch, News, Vec<oneshot::Receiver<Outcome>>) {
    let (mut all, mut known, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
    for (order, content, stands) in submissions {
        let (outcome, waits) = oneshot::channel();
        let line = format!("{order}:{content}\n").into_bytes();
        all.push(Submission { order_id: id(*order), digest: digest(*content), line, outcome });
        known.push(stands.map(digest));
        waiting.push(waits);
    }
    let (batch, news) = gather(all, known);
    (batch, news, waiting)
}

fn outcomes(batch: &Batch) -> Vec<Outcome> {
    batch.waiting.iter().map(|(_, once_stored)| *once_stored).collect()
}

#[test]
fn the_same_order_twice_in_a_batch_is_one_record_and_the_later_one_a_replay() {
    let (batch, news, _waiting) = gathered(&[(1, 1, None), (2, 2, None), (1, 1, None)]);
    assert_eq!((batch.records, &batch.lines[..]), (2, &b"1:1\n2:2\n"[..]));
    assert_eq!(
        outcomes(&batch),
        [false, false, true].map(|replayed| Outcome::Accepted { replayed })
    );
    assert_eq!(news, [(id(1), digest(1)), (id(2), digest(2))]);
}

#[test]
fn of_two_orders_under_one_id_in_a_batch_the_first_stands_once_it_is_stored() {
    let (batch, _, mut waiting) = gathered(&[(1, 1, None), (1, 2, None)]);
    assert_eq!((batch.records, &batch.lines[..]), (1, &b"1:1\n"[..]));
    assert_eq!(outcomes(&batch), [Outcome::Accepted { replayed: false }, Outcome::Conflict]);
    assert!(waiting[1].try_recv().is_err(), "answered before the first one is stored");
}

#[test]
fn another_order_than_the_known_one_is_refused_at_once_and_not_stored() {
    let (batch, _, mut waiting) = gathered(&[(1, 2, Some(1)), (1, 1, Some(1))]);
    assert_eq!(waiting[0].try_recv(), Ok(Outcome::Conflict));
    assert_eq!((batch.records, &batch.lines[..]), (1, &b"1:1\n"[..]));
    assert_eq!(outcomes(&batch), [Outcome::Accepted { replayed: true }]);
}

#[test]
fn a_known_order_is_stored_again_all_the_same() {
    let (batch, news, _waiting) = gathered(&[(1, 1, Some(1))]);
    assert_eq!(batch.records, 1);
    assert_eq!(outcomes(&batch), [Outcome::Accepted { replayed: true }]);
    assert!(news.is_empty());
}
