//! Every event of the stream comes again, alone and in other company: nothing is done twice, and
//! nothing else is told than before.

use std::collections::BTreeSet;

use bytes::Bytes;
use hyper::StatusCode;
use orders::{Event, EventKind, OrderId, Status};
use serde_json::json;
use streams::{Pool, Profile, Publisher, batch, names};

use super::fixtures::{basket, item, paid_with};
use super::test_cluster::{Shop, plan};

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

#[tokio::test]
async fn changes_nothing_at_any_step() {
    let mut shop = open().await;
    let ids = shop.on_every_way().await;
    shop.books_close(&ids).await;
    let before = shop.outcome(&ids).await;
    let told: BTreeSet<EventKind> = shop.kinds().await;
    let all_but_conflicted: BTreeSet<EventKind> =
        EventKind::ALL.into_iter().filter(|kind| *kind != EventKind::Conflicted).collect();
    assert_eq!(told, all_but_conflicted);

    let lines = shop.lines().await;
    shop.tell_alone(&lines).await;
    shop.books_close(&ids).await;
    assert_eq!(shop.outcome(&ids).await, before);

    shop.tell_together(&lines).await;
    shop.books_close(&ids).await;
    assert_eq!(shop.outcome(&ids).await, before);
    shop.close(&ids).await;
}

async fn open() -> Shop {
    let mut plan = plan(Profile::Single);
    plan.envs = [("MILLRACE_PAYMENT_TIMEOUT", "3s"), ("MILLRACE_UNSHIPPABLE", "GIANT")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
    let shop = Shop::open(plan).await;
    shop.sell(&[item("TWICE", 50), item("GIANT TWICE", 50)]).await;
    shop
}

/// An event's kind, and its line in the stream.
type OrderLine = (EventKind, Bytes);

impl Shop {
    /// Orders that together meet every event but `conflicted`, each at its end.
    async fn on_every_way(&mut self) -> Vec<OrderId> {
        let one = basket(&[("TWICE", 1)]);
        let fulfilled = self.post(0, "fulfilled", &one).await;
        self.until_final(&[fulfilled.order_id()]).await;
        assert_eq!(self.cancel(0, fulfilled.proven_id()).await.status, StatusCode::CONFLICT);
        let mut ids = vec![
            fulfilled.order_id(),
            self.place("rejected", &basket(&[("TWICE", 51)])).await,
            self.place("declined", &paid_with(one.clone(), "tok_chargeDeclined")).await,
            self.place("giant", &basket(&[("GIANT TWICE", 1), ("TWICE", 1)])).await,
        ];
        let giant = self.post(0, "giant-again", &basket(&[("GIANT TWICE", 2)])).await;
        self.until_final(&[giant.order_id()]).await;
        let reason = json!({"code": "unshippable", "skus": ["GIANT TWICE"]});
        assert_eq!(self.shown(giant.proven_id()).await["reason"], reason);
        ids.push(giant.order_id());

        // An edge that does not know that it is too late.
        let late = super::events::line(&super::events::cancel_requested("fulfilled"));
        self.publish(EventKind::CancelRequested, &[late]).await;
        self.send_home(Pool::Payment).await;
        let regretted = self.post(0, "regretted", &one).await;
        self.until_stands(regretted.order_id(), Status::Reserved).await;
        self.cancel(0, regretted.proven_id()).await;
        let expired = self.place("expired", &one).await;
        self.until_stands(expired, Status::Withdrawn).await;
        self.call_back(Pool::Payment).await;
        ids.extend([regretted.order_id(), expired]);
        self.until_final(&ids).await;
        ids
    }

    /// All that can be different after something was done twice.
    async fn outcome(&self, ids: &[OrderId]) -> impl PartialEq + std::fmt::Debug + use<> {
        let lines: BTreeSet<OrderLine> = self.lines().await.into_iter().collect();
        let intents = self.books.provider.list_intents(None).await.unwrap().data;
        let refunds = self.books.provider.list_refunds(None).await.unwrap().data;
        let on_hand = [self.on_hand("TWICE").await, self.on_hand("GIANT TWICE").await];
        (lines, self.views(ids).await, intents.len(), refunds.len(), on_hand)
    }

    async fn kinds(&self) -> BTreeSet<EventKind> {
        self.lines().await.into_iter().map(|(kind, _)| kind).collect()
    }

    /// Every line of the stream, repeats included.
    async fn lines(&self) -> Vec<OrderLine> {
        let messages = self.messages(names::ORDERS).await;
        let lines = messages.into_iter().flat_map(|message| message.lines);
        let kind = |line: &Bytes| serde_json::from_slice::<Event>(line).unwrap().body.kind();
        lines.map(|line| (kind(&line), line)).collect()
    }

    /// Each line as a message of its own, the last one first.
    async fn tell_alone(&self, lines: &[OrderLine]) {
        let publisher = Publisher::new(self.books.connection.clone());
        for (kind, line) in lines.iter().rev() {
            let line = Bytes::from([&line[..], b"\n"].concat());
            publisher.publish(&batch::again(*kind, line), PATIENCE).await.unwrap();
        }
    }

    /// All lines of a kind as one message, and each line twice in it.
    async fn tell_together(&self, lines: &[OrderLine]) {
        for kind in EventKind::ALL {
            let its = lines.iter().filter(|(its_kind, _)| *its_kind == kind);
            let its: Vec<Vec<u8>> = its.map(|(_, line)| [line, &b"\n"[..]].concat()).collect();
            if !its.is_empty() {
                self.publish(kind, &[&its[..], &its[..]].concat()).await;
            }
        }
    }
}
