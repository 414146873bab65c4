//! Every event of the stream is published again, individually and in other batches: no effect is
//! repeated, and no outcome differs from the first.

use std::collections::BTreeSet;

use bytes::Bytes;
use hyper::StatusCode;
use orders::{Event, EventKind, OrderId, Status};
use serde_json::json;
use streams::{Profile, Publisher, batch};
use workers::payment;

use super::authentication::AUTHENTICATED_CARD;
use super::events::{PUBLISH_TIMEOUT, cancel_requested, ndjson_line};
use super::fixtures::{basket, item, with_another_card, with_payment_token};
use super::test_cluster::{TestCluster, plan};

#[tokio::test]
async fn republishing_every_event_changes_nothing_at_any_step() {
    let mut cluster = start().await;
    let ids = cluster.orders_covering_every_event().await;
    cluster.assert_quiescent_and_consistent(&ids).await;
    let before = cluster.outcome(&ids).await;
    let stored: BTreeSet<EventKind> = cluster.kinds().await;
    let all_but_conflicted: BTreeSet<EventKind> =
        EventKind::ALL.iter().copied().filter(|kind| *kind != EventKind::Conflicted).collect();
    assert_eq!(stored, all_but_conflicted);

    let lines = cluster.lines().await;
    cluster.republish_individually(&lines).await;
    cluster.assert_quiescent_and_consistent(&ids).await;
    assert_eq!(cluster.outcome(&ids).await, before);

    cluster.republish_batched(&lines).await;
    cluster.assert_quiescent_and_consistent(&ids).await;
    assert_eq!(cluster.outcome(&ids).await, before);
    cluster.verify_and_stop(&ids).await;
}

async fn start() -> TestCluster {
    let mut plan = plan(Profile::Single);
    plan.envs = [
        ("MILLRACE_PAYMENT_TIMEOUT", "3s"),
        ("MILLRACE_PAYMENT_POLL_INTERVAL", "1s"),
        ("MILLRACE_UNSHIPPABLE", "GIANT"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    let cluster = TestCluster::start(plan).await;
    cluster.load_catalog(&[item("REPEATED", 50), item("GIANT REPEATED", 50)]).await;
    cluster
}

/// An event's kind, and its record in the stream.
type StoredEvent = (EventKind, Bytes);

impl TestCluster {
    /// Places orders that together cause every event but `conflicted`, and waits until all are
    /// final.
    async fn orders_covering_every_event(&mut self) -> Vec<OrderId> {
        let one = basket(&[("REPEATED", 1)]);
        let fulfilled = self.post(0, "fulfilled", &one).await;
        self.wait_until_final(&[fulfilled.order_id()]).await;
        assert_eq!(self.cancel(0, fulfilled.signed_id()).await.status, StatusCode::CONFLICT);
        let mut ids = vec![
            fulfilled.order_id(),
            self.place("rejected", &basket(&[("REPEATED", 51)])).await,
            self.place("declined", &with_payment_token(one.clone(), "tok_chargeDeclined")).await,
            self.place("giant", &basket(&[("GIANT REPEATED", 1), ("REPEATED", 1)])).await,
        ];
        let giant = self.post(0, "giant-again", &basket(&[("GIANT REPEATED", 2)])).await;
        self.wait_until_final(&[giant.order_id()]).await;
        let reason = json!({"code": "unshippable", "skus": ["GIANT REPEATED"]});
        assert_eq!(self.current_status(giant.signed_id()).await["reason"], reason);
        ids.push(giant.order_id());

        // A card whose buyer never authenticates it.
        let card = with_payment_token(one.clone(), AUTHENTICATED_CARD);
        let unauthenticated = self.place("unauthenticated", &card).await;
        self.wait_for_event(unauthenticated, EventKind::RequiresAction).await;
        self.publish_submission("unauthenticated").await;
        ids.push(unauthenticated);

        // A card that is declined, and another one.
        let card = with_another_card(one.clone(), "tok_chargeDeclined");
        let another_card = self.place("another-card", &card).await;
        self.wait_for_event(another_card, EventKind::RequiresAction).await;
        self.publish_tokens("another-card", [Some("tok_visa")]).await;
        ids.push(another_card);

        // As from an edge that does not know that it is too late.
        let late = ndjson_line(&cancel_requested("fulfilled"));
        self.publish(EventKind::CancelRequested, &[late]).await;
        self.stop_worker(payment::POOL).await;
        let cancelled = self.post(0, "cancelled", &one).await;
        self.wait_for_status(cancelled.order_id(), Status::Reserved).await;
        self.cancel(0, cancelled.signed_id()).await;
        let expired = self.place("expired", &one).await;
        self.wait_for_status(expired, Status::Withdrawn).await;
        self.start_worker(payment::POOL).await;
        ids.extend([cancelled.order_id(), expired]);
        self.wait_until_final(&ids).await;
        ids
    }

    /// Everything that differs if an effect is repeated.
    async fn outcome(&self, ids: &[OrderId]) -> impl PartialEq + std::fmt::Debug + use<> {
        let lines: BTreeSet<StoredEvent> = self.lines().await.into_iter().collect();
        let intents = self.sources.provider.list_intents(None).await.unwrap().data;
        let refunds = self.sources.provider.list_refunds(None).await.unwrap().data;
        let on_hand = [self.on_hand("REPEATED").await, self.on_hand("GIANT REPEATED").await];
        (lines, self.views(ids).await, intents.len(), refunds.len(), on_hand)
    }

    async fn kinds(&self) -> BTreeSet<EventKind> {
        self.lines().await.into_iter().map(|(kind, _)| kind).collect()
    }

    /// Every event of the stream, repeats included.
    async fn lines(&self) -> Vec<StoredEvent> {
        let messages = self.order_messages().await;
        let lines = messages.into_iter().flat_map(|message| message.lines);
        let kind = |line: &Bytes| serde_json::from_slice::<Event>(line).unwrap().body.kind();
        lines.map(|line| (kind(&line), line)).collect()
    }

    /// Publishes each event as its own message, the last one first.
    async fn republish_individually(&self, lines: &[StoredEvent]) {
        let publisher = Publisher::new(self.sources.connection.clone());
        for (kind, line) in lines.iter().rev() {
            let line = Bytes::from([&line[..], b"\n"].concat());
            publisher.publish(&batch::republish(*kind, line), PUBLISH_TIMEOUT).await.unwrap();
        }
    }

    /// Publishes all events of a kind as one message that has each of them twice.
    async fn republish_batched(&self, lines: &[StoredEvent]) {
        for &kind in EventKind::ALL {
            let matching = lines.iter().filter(|(line_kind, _)| *line_kind == kind);
            let records: Vec<Vec<u8>> =
                matching.map(|(_, line)| [line, &b"\n"[..]].concat()).collect();
            if !records.is_empty() {
                self.publish(kind, &[&records[..], &records[..]].concat()).await;
            }
        }
    }
}
