//! Clients that place orders at a steady rate: each keeps its connection, switches to another edge
//! when asked to close it, and never repeats a request that it has sent.

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

use super::test_cluster::{DEADLINE, wait_until};

const CLIENTS: usize = 8;
/// Short enough that an edge which drains gets one more request from each client.
const ORDER_INTERVAL: Duration = Duration::from_millis(100);

/// Running clients.
pub(crate) struct SteadyClients {
    stop: CancellationToken,
    answered: Arc<AtomicU64>,
    sent: Arc<[Notify]>,
    tasks: JoinSet<ClientResults>,
}

/// The results of some clients.
#[derive(Debug, Default)]
pub(crate) struct ClientResults {
    /// Orders that were answered 202.
    pub(crate) placed: Vec<OrderId>,
    /// How often an edge asked to close the connection.
    pub(crate) switched_edge: usize,
    /// Every other response, and every request without one.
    pub(crate) failures: Vec<String>,
}

struct SteadyClient {
    http: Client<HttpConnector, Full<Bytes>>,
    edges: Vec<String>,
    /// The index of the connected edge, modulo the number of edges.
    edge_index: usize,
    /// For each edge, notified of each request as it is sent.
    sent: Arc<[Notify]>,
    results: ClientResults,
}

impl SteadyClients {
    /// Starts clients of `edges`, each with the basket that `fill` makes of its number.
    pub(crate) fn start(edges: &[String], fill: impl Fn(usize) -> Value) -> Self {
        let stop = CancellationToken::new();
        let answered = Arc::<AtomicU64>::default();
        let sent: Arc<[Notify]> = edges.iter().map(|_| Notify::new()).collect();
        let mut tasks = JoinSet::new();
        for number in 0..CLIENTS {
            let (basket, stop, answered) =
                (fill(number).to_string(), stop.clone(), answered.clone());
            let mut client = SteadyClient::new(edges, number, sent.clone());
            tasks.spawn(async move {
                let mut ticks = interval(ORDER_INTERVAL);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                for order in 0.. {
                    ticks.tick().await;
                    if stop.is_cancelled() {
                        break;
                    }
                    client.place(&format!("steady-{number}-{order}"), &basket).await;
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                client.results
            });
        }
        Self { stop, answered, sent, tasks }
    }

    /// Waits until `count` more orders are answered.
    pub(crate) async fn wait_for_answers(&self, count: u64) {
        let target = self.answered.load(Ordering::Relaxed) + count;
        wait_until("the clients are answered", async || {
            self.answered.load(Ordering::Relaxed) >= target
        })
        .await;
    }

    /// Waits until a request is in flight to the edge with this index.
    pub(crate) async fn wait_for_request_to(&self, edge: usize) {
        let sent = timeout(DEADLINE, self.sent[edge].notified()).await;
        sent.expect("no client sends to the edge");
    }

    /// Stops the clients, and returns their results.
    pub(crate) async fn stop(self) -> ClientResults {
        self.stop.cancel();
        let mut all = ClientResults::default();
        for ClientResults { placed, switched_edge, failures } in self.tasks.join_all().await {
            all.placed.extend(placed);
            all.switched_edge += switched_edge;
            all.failures.extend(failures);
        }
        all
    }
}

impl SteadyClient {
    fn new(edges: &[String], edge_index: usize, sent: Arc<[Notify]>) -> Self {
        let http = Client::builder(TokioExecutor::new()).build_http();
        let results = ClientResults::default();
        Self { http, edges: edges.to_vec(), edge_index, sent, results }
    }

    /// Places one order. Only a request that could not be sent may be sent to another edge: the
    /// outcome of any other is unknown.
    async fn place(&mut self, key: &str, basket: &str) {
        for _ in 0..self.edges.len() {
            let edge = self.edge_index % self.edges.len();
            let request = Request::post(format!("{}/v1/orders", self.edges[edge]))
                .header(CONTENT_TYPE, "application/json")
                .header("Idempotency-Key", key)
                .body(Full::from(basket.to_owned()))
                .unwrap();
            self.sent[edge].notify_waiters();
            match timeout(DEADLINE, self.http.request(request)).await.unwrap() {
                Ok(response) => return self.record(response).await,
                Err(err) if err.is_connect() => self.edge_index += 1,
                Err(err) => return self.results.failures.push(format!("{key}: {err:?}")),
            }
        }
        self.results.failures.push(format!("{key}: no edge accepts a connection"));
    }

    async fn record(&mut self, response: Response<Incoming>) {
        if response.headers().get(CONNECTION).is_some_and(|value| value == "close") {
            self.edge_index += 1;
            self.results.switched_edge += 1;
        }
        let status = response.status();
        match response.into_body().collect().await.map(http_body_util::Collected::to_bytes) {
            Ok(body) if status == StatusCode::ACCEPTED => {
                let body: Value = serde_json::from_slice(&body).unwrap();
                let id = body["order_id"].as_str().unwrap()[..32].parse().unwrap();
                self.results.placed.push(id);
            }
            other => self.results.failures.push(format!("{status}: {other:?}")),
        }
    }
}
