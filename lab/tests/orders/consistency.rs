//! The books: stream, database and provider must tell the same story, and it must be a good one.

use std::collections::BTreeMap;

use millrace::audit::{AuditMode, Report, audit};
use orders::{Event, EventKind, OrderId, Status};
use streams::dead_letter::{self, StoredDeadLetter};
use streams::{Profile, Replay, Replayed, names, stream_state};
use tokio::time::timeout;
use workers::payment::held_funds;

use super::test_cluster::{DEADLINE, Shop};

/// More payments than any test makes.
const PAYMENTS_MAX: i64 = 10_000;

impl Shop {
    /// Makes sure that `ids` are final, that what was shipped is paid and nothing else is, and that
    /// an audit of the whole shop passes. Others may be at work meanwhile.
    pub(crate) async fn books_balance(&self, ids: &[OrderId]) {
        let views = self.until_final(ids).await;
        let payments = held_funds::page(&self.books.database, None, PAYMENTS_MAX).await.unwrap();
        let held: BTreeMap<OrderId, i64> =
            payments.iter().map(|payment| (payment.order_id, payment.amount)).collect();
        for (id, view) in ids.iter().zip(&views) {
            let is_paid = held.get(id).is_some_and(|amount| *amount > 0);
            assert_eq!(is_paid, view.status == Status::Fulfilled, "order {id} is {}", view.status);
        }
        self.audited(AuditMode::Live).await;
    }

    /// Waits until nothing is on its way, and makes sure that all books agree to the last line,
    /// that no order is in between, and that none is among the dead letters.
    pub(crate) async fn books_close(&self, ids: &[OrderId]) {
        self.books_balance(ids).await;
        let report = self.audited(AuditMode::Quiesced).await;
        assert_eq!((report.in_flight, report.dead), (0, 0));
    }

    /// An audit of the whole shop, which passes.
    pub(crate) async fn audited(&self, mode: AuditMode) -> Report {
        let findings = audit(&self.books, Report::new(Profile::Single), &[], mode).await.unwrap();
        assert_eq!(findings.report.problems, []);
        assert!(findings.report.passed);
        findings.report
    }

    /// Waits until the stream says that this has happened to an order.
    pub(crate) async fn until_told(&self, id: OrderId, kind: EventKind) {
        let mut replay = Replay::from_start(&self.books.connection, names::ORDERS).await.unwrap();
        let told =
            async { while !told_in(&replay.next().await.unwrap(), id).any(|told| told == kind) {} };
        timeout(DEADLINE, told).await.unwrap_or_else(|_| panic!("{kind} is not told of {id}"));
    }

    /// All that the stream says about one order, repeats included.
    pub(crate) async fn told(&self, id: OrderId) -> Vec<EventKind> {
        let messages = self.messages(names::ORDERS).await;
        messages.iter().flat_map(|message| told_in(message, id)).collect()
    }

    /// The dead letters that wait for a decision.
    pub(crate) async fn dead_letters(&self) -> Vec<StoredDeadLetter> {
        dead_letter::unresolved(&self.books.connection).await.unwrap()
    }

    /// What a stream holds now.
    pub(crate) async fn messages(&self, stream: &str) -> Vec<Replayed> {
        let state = stream_state(&self.books.connection, stream).await.unwrap();
        let mut messages = Vec::new();
        if state.messages == 0 {
            return messages;
        }
        let mut replay = Replay::from_start(&self.books.connection, stream).await.unwrap();
        while messages.last().is_none_or(|last: &Replayed| last.sequence < state.last_sequence) {
            messages.push(replay.next().await.unwrap());
        }
        messages
    }
}

/// What a message says about one order. A record that a test has put there by hand is no event.
fn told_in(message: &Replayed, id: OrderId) -> impl Iterator<Item = EventKind> {
    let events = message.lines.iter().filter_map(|line| serde_json::from_slice::<Event>(line).ok());
    events.filter(move |event| event.order_id == id).map(|event| event.body.kind())
}
