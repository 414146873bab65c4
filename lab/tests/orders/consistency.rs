//! Stream, database and provider must agree, and must say that nothing is wrong.

use std::collections::BTreeMap;

use millrace::audit::{AuditMode, Report, audit};
use orders::{Event, EventKind, OrderId, Status};
use streams::dead_letter::{self, StoredDeadLetter};
use streams::{LanesReplay, Profile, Replay, Replayed, lanes, stream_state};
use tokio::time::timeout;
use workers::payment::held_funds::{self, HeldFunds};

use super::test_cluster::{DEADLINE, TestCluster, wait_until};

/// More payments than any test makes.
const PAYMENTS_MAX: i64 = 10_000;

impl TestCluster {
    /// Asserts that the orders are final, that of those that cost anything exactly the fulfilled ones are
    /// paid, and that an audit of the whole cluster passes. Other orders may be in flight.
    pub(crate) async fn assert_consistent(&self, ids: &[OrderId]) {
        let views = self.wait_until_final(ids).await;
        let payments = held_funds::page(&self.sources.database, None, PAYMENTS_MAX).await.unwrap();
        let payments: BTreeMap<OrderId, HeldFunds> =
            payments.into_iter().map(|payment| (payment.order_id, payment)).collect();
        for (id, view) in ids.iter().zip(&views) {
            let payment = payments.get(id);
            if payment.and_then(|it| it.charge).is_some_and(|charge| charge.amount == 0) {
                continue;
            }
            let is_paid = payment.is_some_and(|it| it.amount > 0);
            assert_eq!(is_paid, view.status == Status::Fulfilled, "order {id} is {}", view.status);
        }
        self.assert_audit_passes(AuditMode::Live).await;
    }

    /// Waits until the cluster is quiescent, and asserts that all sources agree on every order,
    /// that no order is in flight, and that there are no dead letters.
    pub(crate) async fn assert_quiescent_and_consistent(&self, ids: &[OrderId]) {
        self.assert_consistent(ids).await;
        let report = self.assert_audit_passes(AuditMode::Quiesced).await;
        assert_eq!((report.in_flight, report.dead), (0, 0));
        self.assert_nothing_was_denied();
    }

    /// Each role may do at the brokers what it does.
    fn assert_nothing_was_denied(&self) {
        let workers = self.processes.workers.iter().map(|(_, worker)| worker);
        let others = self.processes.edges.iter().chain(&self.processes.admins);
        for process in others.chain(workers) {
            let log = std::fs::read_to_string(process.log()).unwrap_or_default();
            let denied = log.lines().filter(|line| line.contains("lacks a permission"));
            assert_eq!(denied.collect::<Vec<_>>(), [""; 0], "{}", process.name());
        }
    }

    /// Audits the whole cluster, asserts that the audit passes, and returns its report.
    pub(crate) async fn assert_audit_passes(&self, mode: AuditMode) -> Report {
        let mut findings = None;
        // Brokers that elect a leader refuse to answer for a moment.
        wait_until("the audit can read everything", async || {
            findings = audit(&self.sources, Report::new(Profile::Single), None, mode).await.ok();
            findings.is_some()
        })
        .await;
        let findings = findings.unwrap();
        assert_eq!(findings.report.problems, []);
        assert!(findings.report.passed);
        findings.report
    }

    /// Waits until the stream has an event of this kind for an order.
    pub(crate) async fn wait_for_event(&self, id: OrderId, kind: EventKind) {
        let mut replay = LanesReplay::from_start(&self.sources.connection).await.unwrap();
        let stored = async {
            while !events_in(&replay.next().await.unwrap(), id).any(|event| event == kind) {}
        };
        timeout(DEADLINE, stored)
            .await
            .unwrap_or_else(|_| panic!("no `{kind}` is stored for order {id}"));
    }

    /// All events of one order in the stream, repeats included.
    pub(crate) async fn events_of(&self, id: OrderId) -> Vec<EventKind> {
        let messages = self.order_messages().await;
        messages.iter().flat_map(|message| events_in(message, id)).collect()
    }

    /// The unresolved dead letters.
    pub(crate) async fn dead_letters(&self) -> Vec<StoredDeadLetter> {
        dead_letter::unresolved(&self.sources.connection).await.unwrap()
    }

    /// The messages that the lanes hold now.
    pub(crate) async fn order_messages(&self) -> Vec<Replayed> {
        let mut messages = Vec::new();
        for lane in lanes(&self.sources.connection).await.unwrap() {
            messages.extend(self.messages(lane.stream()).await);
        }
        messages
    }

    /// The messages that a stream holds now.
    pub(crate) async fn messages(&self, stream: &str) -> Vec<Replayed> {
        let state = stream_state(&self.sources.connection, stream).await.unwrap();
        let mut messages = Vec::new();
        if state.messages == 0 {
            return messages;
        }
        let mut replay = Replay::from_start(&self.sources.connection, stream).await.unwrap();
        while let Some(message) = replay.next_until(state.last_sequence).await.unwrap() {
            messages.push(message);
        }
        messages
    }
}

/// The events of one order in a message. A record that a test has written by hand is skipped if it
/// is not an event.
fn events_in(message: &Replayed, id: OrderId) -> impl Iterator<Item = EventKind> {
    let events = message.lines.iter().filter_map(|line| serde_json::from_slice::<Event>(line).ok());
    events.filter(move |event| event.order_id == id).map(|event| event.body.kind())
}
