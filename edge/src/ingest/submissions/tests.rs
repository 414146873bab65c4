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

/// The known content of each order, once the batch is stored.
fn known(batch: &Batch) -> Vec<Option<BodyDigest>> {
    let results = batch.pending.iter().map(|(_, result_if_stored)| match result_if_stored {
        SubmitResult::Stored { known_digest } => *known_digest,
        SubmitResult::Unknown => panic!("the result of a stored order is known"),
    });
    results.collect()
}

#[test]
fn a_repeated_order_in_a_batch_is_stored_once() {
    let (batch, new_entries, _receivers) = batch_of(&[(1, 1, None), (2, 2, None), (1, 1, None)]);
    assert_eq!((batch.records, &batch.lines[..]), (2, &b"1:1\n2:2\n"[..]));
    assert_eq!(known(&batch), [None, None, Some(digest(1))]);
    assert_eq!(new_entries, [(id(1), digest(1)), (id(2), digest(2))]);
}

#[test]
fn two_different_orders_under_one_id_in_a_batch_are_both_stored() {
    let (batch, new_entries, mut receivers) = batch_of(&[(1, 1, None), (1, 2, None), (1, 1, None)]);
    assert_eq!((batch.records, &batch.lines[..]), (2, &b"1:1\n1:2\n"[..]));
    assert_eq!(known(&batch), [None, Some(digest(1)), Some(digest(1))]);
    assert_eq!(new_entries, [(id(1), digest(1))]);
    assert!(receivers[1].try_recv().is_err(), "answered before it is stored");
}

#[test]
fn an_order_is_stored_whatever_is_cached_under_its_id() {
    let (batch, new_entries, mut receivers) = batch_of(&[(1, 2, Some(1)), (1, 1, Some(1))]);
    assert_eq!((batch.records, &batch.lines[..]), (2, &b"1:2\n1:1\n"[..]));
    assert_eq!(known(&batch), [Some(digest(1)), Some(digest(1))]);
    assert!(new_entries.is_empty());
    assert!(receivers[0].try_recv().is_err(), "answered before it is stored");
}
