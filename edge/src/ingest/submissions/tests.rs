//! Tests of how a batch is built from submissions and cached digests.

use super::*;

fn id(n: u8) -> OrderId {
    OrderId::from_bytes([n; 16])
}

fn digest(n: u8) -> BodyDigest {
    BodyDigest::from_bytes([n; 16])
}

/// Builds a batch from (order, content, cached content), and returns the receiver of each result.
fn batch_of(
    submissions: &[(u8, u8, Option<u8>)],
) -> (Batch, NewEntries, Vec<oneshot::Receiver<SubmitResult>>) {
    let mut all = Vec::new();
    let mut cached_digests = Vec::new();
    let mut receivers = Vec::new();
    for (order, content, cached) in submissions {
        let (reply, receiver) = oneshot::channel();
        let line = format!("{order}:{content}\n").into_bytes();
        all.push(Submission { order_id: id(*order), digest: digest(*content), line, reply });
        cached_digests.push(cached.map(digest));
        receivers.push(receiver);
    }
    let (batch, new_entries) = build_batch(all, cached_digests);
    (batch, new_entries, receivers)
}

fn results(batch: &Batch) -> Vec<SubmitResult> {
    batch.pending.iter().map(|(_, result_if_stored)| *result_if_stored).collect()
}

#[test]
fn a_repeated_order_in_a_batch_is_stored_once_and_the_repeat_is_a_replay() {
    let (batch, new_entries, _receivers) = batch_of(&[(1, 1, None), (2, 2, None), (1, 1, None)]);
    assert_eq!((batch.records, &batch.lines[..]), (2, &b"1:1\n2:2\n"[..]));
    assert_eq!(
        results(&batch),
        [false, false, true].map(|replayed| SubmitResult::Accepted { replayed })
    );
    assert_eq!(new_entries, [(id(1), digest(1)), (id(2), digest(2))]);
}

#[test]
fn of_two_different_orders_under_one_id_in_a_batch_the_first_wins_once_it_is_stored() {
    let (batch, _, mut receivers) = batch_of(&[(1, 1, None), (1, 2, None)]);
    assert_eq!((batch.records, &batch.lines[..]), (1, &b"1:1\n"[..]));
    let expected = [SubmitResult::Accepted { replayed: false }, SubmitResult::Conflict];
    assert_eq!(results(&batch), expected);
    assert!(receivers[1].try_recv().is_err(), "answered before the first one is stored");
}

#[test]
fn an_order_that_differs_from_the_cached_one_is_refused_at_once_and_not_stored() {
    let (batch, _, mut receivers) = batch_of(&[(1, 2, Some(1)), (1, 1, Some(1))]);
    assert_eq!(receivers[0].try_recv(), Ok(SubmitResult::Conflict));
    assert_eq!((batch.records, &batch.lines[..]), (1, &b"1:1\n"[..]));
    assert_eq!(results(&batch), [SubmitResult::Accepted { replayed: true }]);
}

#[test]
fn a_cached_order_is_stored_again() {
    let (batch, new_entries, _receivers) = batch_of(&[(1, 1, Some(1))]);
    assert_eq!(batch.records, 1);
    assert_eq!(results(&batch), [SubmitResult::Accepted { replayed: true }]);
    assert!(new_entries.is_empty());
}
