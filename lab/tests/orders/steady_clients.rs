//! Regular buyers: each keeps its connection, goes to another edge when it is told to, and takes
//! nothing back that it has sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{CONNECTION, CONTENT_TYPE};
use hyper::{Request, Response, StatusCode, body::Incoming};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use orders::OrderId;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::test_cluster::{DEADLINE, until};

const BUYERS: usize = 8;
/// Often enough that an edge which drains sees each of them once more.
const EVERY: Duration = Duration::from_millis(100);

/// Regular buyers who are at it.
pub(crate) struct Regulars {
    leave: CancellationToken,
    served: Arc<AtomicU64>,
    sent: Arc<[Notify]>,
    buyers: JoinSet<Visits>,
}

/// What became of the orders of some buyers.
#[derive(Debug, Default)]
pub(crate) struct Visits {
    /// Orders that were answered 202.
    pub(crate) placed: Vec<OrderId>,
    /// How often an edge asked to go elsewhere.
    pub(crate) moved: usize,
    /// What was answered otherwise, or not at all.
    pub(crate) failures: Vec<String>,
}

struct Buyer {
    http: Client<HttpConnector, Full<Bytes>>,
    edges: Vec<String>,
    /// The number of the edge to which the connection is.
    at: usize,
    /// Told of each request to the edge with that number, as it is sent.
    sent: Arc<[Notify]>,
    visits: Visits,
}

impl Regulars {
    /// Lets them come to `edges` and order what `fill` puts into the basket with a buyer's number.
    pub(crate) fn come(edges: &[String], fill: impl Fn(usize) -> Value) -> Self {
        let (leave, served) = (CancellationToken::new(), Arc::<AtomicU64>::default());
        let sent: Arc<[Notify]> = edges.iter().map(|_| Notify::new()).collect();
        let mut buyers = JoinSet::new();
        for number in 0..BUYERS {
            let (basket, leave, served) = (fill(number).to_string(), leave.clone(), served.clone());
            let mut buyer = Buyer::new(edges, number, sent.clone());
            buyers.spawn(async move {
                let mut ticks = interval(EVERY);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                for order in 0.. {
                    ticks.tick().await;
                    if leave.is_cancelled() {
                        break;
                    }
                    buyer.place(&format!("regular-{number}-{order}"), &basket).await;
                    served.fetch_add(1, Ordering::Relaxed);
                }
                buyer.visits
            });
        }
        Self { leave, served, sent, buyers }
    }

    /// Waits until so many orders more have an answer.
    pub(crate) async fn until_served(&self, more: u64) {
        let wanted = self.served.load(Ordering::Relaxed) + more;
        until("the regulars are served", async || self.served.load(Ordering::Relaxed) >= wanted)
            .await;
    }

    /// Waits until a request is on its way to the edge with this number.
    pub(crate) async fn until_sent_to(&self, edge: usize) {
        timeout(DEADLINE, self.sent[edge].notified()).await.expect("nobody comes to the edge");
    }

    /// Lets them leave.
    pub(crate) async fn leave(self) -> Visits {
        self.leave.cancel();
        let mut all = Visits::default();
        for Visits { placed, moved, failures } in self.buyers.join_all().await {
            all.placed.extend(placed);
            all.moved += moved;
            all.failures.extend(failures);
        }
        all
    }
}

impl Buyer {
    fn new(edges: &[String], at: usize, sent: Arc<[Notify]>) -> Self {
        let http = Client::builder(TokioExecutor::new()).build_http();
        Self { http, edges: edges.to_vec(), at, sent, visits: Visits::default() }
    }

    /// Places one order. Only a request that could not be sent may be sent elsewhere: of any other,
    /// nobody knows what became of it.
    async fn place(&mut self, key: &str, basket: &str) {
        for _ in 0..self.edges.len() {
            let edge = self.at % self.edges.len();
            let request = Request::post(format!("{}/v1/orders", self.edges[edge]))
                .header(CONTENT_TYPE, "application/json")
                .header("Idempotency-Key", key)
                .body(Full::from(basket.to_owned()))
                .unwrap();
            self.sent[edge].notify_waiters();
            match timeout(DEADLINE, self.http.request(request)).await.unwrap() {
                Ok(answer) => return self.hear(answer).await,
                Err(err) if err.is_connect() => self.at += 1,
                Err(err) => return self.visits.failures.push(format!("{key}: {err:?}")),
            }
        }
        self.visits.failures.push(format!("{key}: no edge takes a connection"));
    }

    async fn hear(&mut self, answer: Response<Incoming>) {
        if answer.headers().get(CONNECTION).is_some_and(|value| value == "close") {
            self.at += 1;
            self.visits.moved += 1;
        }
        let status = answer.status();
        match answer.into_body().collect().await.map(http_body_util::Collected::to_bytes) {
            Ok(body) if status == StatusCode::ACCEPTED => {
                let body: Value = serde_json::from_slice(&body).unwrap();
                let id = body["order_id"].as_str().unwrap()[..32].parse().unwrap();
                self.visits.placed.push(id);
            }
            other => self.visits.failures.push(format!("{status}: {other:?}")),
        }
    }
}
