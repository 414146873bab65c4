//! How many requests a caller may make: 100 a second by default, over all edges. While one question to Redis is in
//! flight, the next one fills. Without Redis each edge permits its share.

mod addresses;
mod config;
mod edge_count;
mod gcra;
mod headers;
mod shared_quota;

use std::collections::HashMap;
use std::num::NonZeroU32;

use orders::SigningKeys;
use streams::{GroupLimits, GroupReceiver, GroupSender, group_commit};
use tokio::sync::oneshot;
use tokio::time::Instant;

pub(crate) use addresses::AddressQuota;
pub use config::QuotaConfig;
pub(crate) use edge_count::EdgeCount;
pub(crate) use gcra::Verdict;

use crate::cache::Cache;
use crate::caller::Caller;
use crate::generations::Generations;
use crate::limits::{QUOTA_BATCH_MAX, QUOTA_CALLERS_MAX, QUOTA_WAITING_MAX};
use crate::problem::Problem;
use gcra::{ArrivalTime, Policy};
use shared_quota::{Taken, Wanted};

/// The quota of every caller, at one shard.
pub(crate) struct CallerQuota {
    queue: GroupSender<Request>,
    /// Callers are counted under pseudonyms: names may be e-mail addresses.
    pseudonyms: SigningKeys,
}

struct Request {
    caller: [u8; 16],
    reply: oneshot::Sender<Verdict>,
}

/// Counts the requests of callers.
pub(crate) struct QuotaTask {
    queue: GroupReceiver<Request>,
    cache: Cache,
    policy: Policy,
    edges: EdgeCount,
    /// What this shard has permitted, also as Redis decided.
    own: Generations<[u8; 16], ArrivalTime>,
}

impl CallerQuota {
    /// A quota of so many requests a second, and what counts them until the quota is dropped.
    pub(crate) fn new(
        requests: NonZeroU32,
        pseudonyms: SigningKeys,
        cache: Cache,
        edges: EdgeCount,
    ) -> (Self, QuotaTask) {
        let (items, waiting) = (QUOTA_BATCH_MAX, QUOTA_WAITING_MAX);
        let (sender, queue) = group_commit(GroupLimits { items, bytes: items, waiting });
        let policy = Policy { name: CALLER, requests: requests.get() };
        (
            Self { queue: sender, pseudonyms },
            QuotaTask { queue, cache, policy, edges, own: Generations::new(QUOTA_CALLERS_MAX) },
        )
    }

    /// Counts a request of `caller`.
    pub(crate) async fn take(&self, caller: &Caller) -> Result<Verdict, Problem> {
        let (reply, verdict) = oneshot::channel();
        let request = Request { caller: self.pseudonyms.pseudonym(&caller.name), reply };
        self.queue.try_enqueue(request, 1).map_err(|_| Problem::Overloaded)?;
        let verdict = verdict.await.map_err(|_| Problem::Overloaded)?;
        match verdict.refused_for {
            None => Ok(verdict),
            Some(_) => Err(Problem::QuotaExceeded(verdict)),
        }
    }
}

impl QuotaTask {
    pub(crate) async fn run(mut self) {
        while let Some(requests) = self.queue.next().await {
            let mut callers: HashMap<[u8; 16], Vec<Request>> = HashMap::new();
            for request in requests {
                callers.entry(request.caller).or_default().push(request);
            }
            let wanted: Vec<_> = callers
                .iter()
                .map(|(&caller, it)| Wanted { caller, requests: it.len() as u32 })
                .collect();
            match shared_quota::take(&self.cache, self.policy, &wanted).await {
                Some(taken) => {
                    for (Wanted { caller, .. }, taken) in wanted.into_iter().zip(taken) {
                        let requests = callers.remove(&caller).unwrap_or_default();
                        self.answer(caller, requests, taken);
                    }
                }
                None => callers.into_values().flatten().for_each(|it| self.answer_alone(it)),
            }
        }
    }

    /// Answers the requests of a caller as Redis has decided.
    fn answer(&mut self, caller: [u8; 16], requests: Vec<Request>, taken: Taken) {
        let (policy, share, now) = (self.policy, self.share(), Instant::now());
        let own = self.own.get_or_insert(caller, ArrivalTime::new(now));
        let next = policy.next_after(taken.full_after);
        for (sequence, request) in (1..).zip(requests) {
            let is_permitted = sequence <= taken.permitted;
            if is_permitted {
                own.count(share, now);
            }
            let verdict = Verdict {
                refused_for: (!is_permitted).then_some(next),
                remaining: taken.remaining + taken.permitted.saturating_sub(sequence),
                full_after: taken.full_after,
                policy,
            };
            // The client may have gone.
            request.reply.send(verdict).ok();
        }
    }

    /// Answers a request without Redis.
    fn answer_alone(&mut self, Request { caller, reply }: Request) {
        let (share, now) = (self.share(), Instant::now());
        let own = self.own.get_or_insert(caller, ArrivalTime::new(now));
        reply.send(own.take(share, now)).ok();
    }

    /// The share of this shard, which clients see by another name: it is of one edge.
    fn share(&self) -> Policy {
        let requests = (self.policy.requests / self.edges.shards()).max(1);
        Policy { name: SHARE, requests }
    }
}

/// The names of the policies.
const CALLER: &str = "caller";
const SHARE: &str = "caller-at-edge";
