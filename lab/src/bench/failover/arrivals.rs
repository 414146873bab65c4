//! Orders that arrive at times fixed in advance, in turn at each edge, each posted once. An order
//! whose edge answers slowly delays no other: it has a connection to itself until its answer.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use bytes::Bytes;
use hyper::StatusCode;
use orders::Timestamp;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::load::ack_record::AckRecord;
use crate::order_client::{OrderClient, new_key_prefix};

/// An edge answers within 5 s: twice that is an edge that hangs.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The orders to post, and to whom.
pub(super) struct Arrivals {
    client: OrderClient,
    bodies: Vec<Bytes>,
    key_prefix: String,
    /// Orders per second, over all edges.
    rate: f64,
}

/// The answer to one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Response {
    /// When the order arrived, in milliseconds since 1970.
    pub(super) due_at_ms: i64,
    /// From its arrival to its answer.
    pub(super) took: Duration,
    /// `None` if the connection broke or the edge hung.
    pub(super) status: Option<StatusCode>,
}

impl Arrivals {
    pub(super) fn prepare(edge_urls: &[String], bodies: &Path, rate: f64) -> Result<Self> {
        let text = std::fs::read_to_string(bodies);
        let text = text.with_context(|| format!("cannot read {}", bodies.display()))?;
        Ok(Self {
            client: OrderClient::without_retries(edge_urls)?,
            bodies: text.lines().map(|body| Bytes::from(body.to_owned())).collect(),
            key_prefix: new_key_prefix(),
            rate,
        })
    }

    /// Posts until the sender of `stopped` is dropped, and waits for all answers.
    pub(super) async fn post_until(
        self,
        mut stopped: oneshot::Receiver<()>,
    ) -> (Vec<Response>, Vec<AckRecord>) {
        let (started, started_at) = (Instant::now(), Timestamp::from(SystemTime::now()));
        let mut posts = JoinSet::new();
        let mut answered = (Vec::new(), Vec::new());
        for number in 0_u32.. {
            let due = started + Duration::from_secs_f64(f64::from(number) / self.rate);
            tokio::select! {
                _ = &mut stopped => break,
                () = sleep_until(due) => {}
            }
            let since = due.duration_since(started).as_millis() as i64;
            let due_at = Timestamp::from_millis(started_at.as_millis() + since);
            posts.spawn(self.post(number as usize, due, due_at));
            while let Some(post) = posts.try_join_next() {
                record(&mut answered, post.ok());
            }
        }
        while let Some(post) = posts.join_next().await {
            record(&mut answered, post.ok());
        }
        answered
    }

    fn post(
        &self,
        number: usize,
        due: Instant,
        due_at: Timestamp,
    ) -> impl Future<Output = (Response, Option<AckRecord>)> + use<> {
        let client = self.client.clone();
        let key = format!("{}-{number}", self.key_prefix);
        let body = self.bodies[number % self.bodies.len()].clone();
        async move {
            let answer = client.place_once(number, key, body, ANSWER_TIMEOUT).await;
            let took = due.elapsed();
            let (status, acknowledged) =
                answer.map_or((None, None), |(status, acknowledged)| (Some(status), acknowledged));
            let record = acknowledged.and_then(|entry| {
                Some(AckRecord {
                    id: entry.id().ok()?,
                    digest: entry.body_digest,
                    posted_at: due_at,
                })
            });
            // A 202 that cannot be audited is as good as none.
            let is_unreadable = status == Some(StatusCode::ACCEPTED) && record.is_none();
            let status = status.filter(|_| !is_unreadable);
            (Response { due_at_ms: due_at.as_millis(), took, status }, record)
        }
    }
}

type Answered = (Vec<Response>, Vec<AckRecord>);

fn record(answered: &mut Answered, post: Option<(Response, Option<AckRecord>)>) {
    if let Some((response, acknowledged)) = post {
        answered.0.push(response);
        answered.1.extend(acknowledged);
    }
}

/// How often each answer other than a 202 was given.
pub(super) fn refusals(responses: &[Response]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for response in responses.iter().filter(|response| !response.is_accepted()) {
        let name = response.status.map_or_else(|| "none".to_owned(), |it| it.as_u16().to_string());
        *counts.entry(name).or_default() += 1;
    }
    counts
}

impl Response {
    pub(super) fn is_accepted(&self) -> bool {
        self.status == Some(StatusCode::ACCEPTED)
    }

    pub(super) const fn answered_at_ms(&self) -> i64 {
        self.due_at_ms + self.took.as_millis() as i64
    }
}
