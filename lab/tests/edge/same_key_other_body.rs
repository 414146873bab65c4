//! Another body under a used key: Redis only raises a question, and the order's row, which a worker
//! reads, is the answer.

use orders::{BodyDigest, IdempotencyKey, OrderId, PlaceOrder};
use serde_json::{Value, json};
use streams::Request;
use streams::subjects::STATUS_GET;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::idempotency::post_until;
use super::raw_http::{ORDER, OTHER_ORDER, RawHttp, Reply};
use super::test_edge::{DEADLINE, TestEdge, fresh_key};
use crate::test_servers::{TestServers, wait_until};

#[tokio::test]
async fn without_a_row_no_entry_in_redis_refuses_an_order() {
    let servers = TestServers::shared().await;
    let edge = servers.start_edge().await;
    let key = fresh_key();
    servers.assert_accepted_against_redis(&edge, &key, ORDER, OTHER_ORDER).await;
    let stored = servers.stored_events_of(id_of(&key)).await;
    assert!(!stored.is_empty());
    let is_of_order = |event: &Value| event["event"]["created"]["digest"] == digest(ORDER);
    assert!(stored.iter().all(is_of_order), "{stored:?}");
    edge.stop().await;
}

#[tokio::test]
async fn the_row_decides_which_body_is_refused_and_corrects_redis() {
    let servers = TestServers::start_with_streams().await;
    let worker = Worker::start(&servers).await;
    let _answering = worker.answer_all(row_of(ORDER));
    let edge = servers.start_edge().await;
    let key = fresh_key();
    servers.cache_body(&key, OTHER_ORDER).await;

    let repeated = post_until(&edge, &key, ORDER, |reply| {
        assert_accepted(reply, ORDER);
        reply.header("idempotent-replayed").is_some()
    });
    repeated.await;
    wait_until("Redis has the body of the row", async || {
        servers.cached_body(&key).await == Some(digest(ORDER))
    })
    .await;
    let mut ttl = redis::cmd("TTL");
    let ttl: u64 = ttl.arg(cache_key(&key)).query_async(&mut servers.redis().await).await.unwrap();
    assert!((23 * 60 * 60..=24 * 60 * 60).contains(&ttl), "kept for {ttl} s");
    let refused = post_until(&edge, &key, OTHER_ORDER, |reply| reply.status != 202).await;
    refused.assert_problem(422, "idempotency-key-reused");
    // Redis and the row differ in the other direction as well.
    servers.cache_body(&key, OTHER_ORDER).await;
    let refused = post_until(&edge, &key, OTHER_ORDER, |reply| reply.status != 202).await;
    refused.assert_problem(422, "idempotency-key-reused");
    edge.stop().await;
}

#[tokio::test]
async fn a_worker_that_reports_no_digest_refuses_no_body() {
    let servers = TestServers::start_with_streams().await;
    let worker = Worker::start(&servers).await;
    // So does a worker of an earlier version, for every order, and any worker for an order that was
    // withdrawn before it was reserved.
    let _answering = worker.answer_all(reserved());
    let edge = servers.start_edge().await;
    let key = fresh_key();
    servers.assert_accepted_against_redis(&edge, &key, ORDER, OTHER_ORDER).await;
    servers.assert_accepted_against_redis(&edge, &key, OTHER_ORDER, ORDER).await;
    edge.stop().await;
}

#[tokio::test]
async fn the_question_about_one_order_delays_no_other_and_ends_without_an_answer() {
    let servers = TestServers::start_with_streams().await;
    let mut worker = Worker::start(&servers).await;
    let edge = servers.start_edge().await;
    let (key, mut client) = (fresh_key(), edge.connect().await);

    let deadline = Instant::now() + DEADLINE;
    loop {
        let (mut asking, request) = servers.post_until_asked(&edge, &mut worker, &key).await;
        assert_accepted(&client.post(&fresh_key(), ORDER).await, ORDER);
        request.reply(serde_json::to_vec(&[row_of(ORDER)]).unwrap()).await;
        let reply = asking.reply().await;
        if reply.status != 202 {
            reply.assert_problem(422, "idempotency-key-reused");
            break;
        }
        assert!(Instant::now() < deadline, "the answer always comes too late");
    }

    let (mut asking, _unanswered) = servers.post_until_asked(&edge, &mut worker, &key).await;
    assert_accepted(&asking.reply().await, OTHER_ORDER);
    edge.stop().await;
}

/// A worker that the test answers for.
struct Worker(mpsc::Receiver<Request>, AbortOnDropHandle<()>);

impl Worker {
    async fn start(servers: &TestServers) -> Self {
        let mut requests = servers.worker_requests(STATUS_GET).await;
        let (sender, receiver) = mpsc::channel(1);
        let receiving = tokio::spawn(async move {
            while let Some(request) = requests.next().await {
                sender.send(request).await.ok();
            }
        });
        Self(receiver, AbortOnDropHandle::new(receiving))
    }

    /// Answers every request with this view.
    fn answer_all(self, view: Value) -> AbortOnDropHandle<()> {
        let Self(mut requests, receiving) = self;
        AbortOnDropHandle::new(tokio::spawn(async move {
            let _receiving = receiving;
            while let Some(request) = requests.recv().await {
                let ids: Vec<String> = serde_json::from_slice(&request.payload).unwrap();
                let views: Vec<_> = ids.iter().map(|_| &view).collect();
                request.reply(serde_json::to_vec(&views).unwrap()).await;
            }
        }))
    }
}

impl TestServers {
    /// Asserts that `order` is accepted while Redis has `cached` under its key. Another key, which the
    /// edge finds in Redis right before and right after, shows that it has read Redis.
    async fn assert_accepted_against_redis(
        &self,
        edge: &TestEdge,
        key: &str,
        order: &str,
        cached: &str,
    ) {
        let deadline = Instant::now() + DEADLINE;
        let mut client = edge.connect().await;
        let other_key = fresh_key();
        self.cache_body(&other_key, ORDER).await;
        loop {
            self.cache_body(key, cached).await;
            let before = client.post(&other_key, ORDER).await;
            assert_accepted(&client.post(key, order).await, order);
            let after = client.post(&other_key, ORDER).await;
            if [before, after].iter().all(|reply| reply.header("idempotent-replayed").is_some()) {
                return;
            }
            assert!(Instant::now() < deadline, "Redis is never read");
        }
    }

    /// Posts the other order under `key`, for which Redis has [`ORDER`], until the edge asks for the
    /// order's row. Returns the connection on which the reply will come, and the question.
    async fn post_until_asked(
        &self,
        edge: &TestEdge,
        worker: &mut Worker,
        key: &str,
    ) -> (RawHttp, Request) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            self.cache_body(key, ORDER).await;
            let mut client = edge.connect().await;
            client.send(super::raw_http::post(key, OTHER_ORDER)).await;
            tokio::select! {
                request = worker.0.recv() => return (client, request.unwrap()),
                // Redis did not reply in time, so the edge had no reason to ask.
                reply = client.reply() => assert_accepted(&reply, OTHER_ORDER),
            }
            assert!(Instant::now() < deadline, "the edge asks for no row");
        }
    }

    /// Makes Redis say that `order` was acknowledged under `key`.
    async fn cache_body(&self, key: &str, order: &str) {
        let digest = BodyDigest::of(&PlaceOrder::parse(order.as_bytes()).unwrap());
        let mut set = redis::cmd("SET");
        set.arg(cache_key(key)).arg(&digest.as_bytes()[..]);
        set.exec_async(&mut self.redis().await).await.unwrap();
    }

    /// The digest that Redis has for `key`, in digits.
    async fn cached_body(&self, key: &str) -> Option<String> {
        let mut get = redis::cmd("GET");
        let bytes: Option<Vec<u8>> =
            get.arg(cache_key(key)).query_async(&mut self.redis().await).await.unwrap();
        Some(BodyDigest::from_bytes(bytes?.try_into().ok()?).into())
    }

    pub(super) async fn redis(&self) -> redis::aio::MultiplexedConnection {
        let client = self.processes.admin_redis().client().unwrap();
        timeout(DEADLINE, client.get_multiplexed_async_connection()).await.unwrap().unwrap()
    }
}

fn cache_key(key: &str) -> Vec<u8> {
    [b"order:", &id_of(key).as_bytes()[..]].concat()
}

fn id_of(key: &str) -> OrderId {
    OrderId::derive(&orders::CallerName::PUBLIC, &key.parse::<IdempotencyKey>().unwrap())
}

fn digest(order: &str) -> String {
    BodyDigest::of(&PlaceOrder::parse(order.as_bytes()).unwrap()).into()
}

#[track_caller]
fn assert_accepted(reply: &Reply, order: &str) {
    assert_eq!(reply.status, 202, "{reply:?}");
    assert_eq!(reply.json()["body_digest"], digest(order));
}

fn reserved() -> Value {
    json!({"status": "reserved", "reason": null, "history": [{"status": "reserved", "at_ms": 0}]})
}

fn row_of(order: &str) -> Value {
    let mut view = reserved();
    view["body_digest"] = digest(order).into();
    view
}
