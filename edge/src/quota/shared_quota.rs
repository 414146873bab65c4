//! The arrival times that all edges share, in Redis: exact over all of them, by the clock of Redis alone.

use std::sync::LazyLock;
use std::time::Duration;

use redis::Script;

use super::gcra::Policy;
use crate::cache::{Cache, key};
use crate::limits::{CACHE_WRITE_TIMEOUT, EDGE_SEEN_FOR, QUOTA_TIMEOUT};

/// For each key, how many of the wanted requests are permitted, how many more would be, and the microseconds until a
/// whole burst would be. A time that is further away than a burst, by whatever clock, is cut to one. Times are
/// printed as whole numbers: they are exact in a double until the year 2255.
static TAKE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local rate, burst = tonumber(ARGV[1]), 1000000
local interval = burst / rate
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local taken = {}
for i, key in ipairs(KEYS) do
    local stored = tonumber(redis.call('GET', key) or now) or now
    local arrival = math.min(math.max(stored, now), now + burst)
    local left = math.floor((now + burst - arrival) / interval + 0.001)
    local permitted = math.min(tonumber(ARGV[1 + i]), left)
    arrival = arrival + permitted * interval
    if permitted > 0 then
        redis.call('SET', key, string.format('%.0f', arrival), 'PX', math.ceil((arrival - now) / 1000))
    end
    taken[3 * i - 2] = permitted
    taken[3 * i - 1] = left - permitted
    taken[3 * i] = math.ceil(arrival - now)
end
return taken",
    )
});

/// Says that an edge runs, and returns how many do.
static COUNT_EDGES: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local now = tonumber(redis.call('TIME')[1])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
redis.call('EXPIRE', KEYS[1], ARGV[2])
return redis.call('ZCARD', KEYS[1])",
    )
});

/// What the keys of quotas begin with.
const KEYS: &[u8; 6] = b"quota:";
const EDGES_KEY: &str = "edges";

/// Requests of one caller.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) caller: [u8; 16],
    pub(super) requests: u32,
}

/// How many of them are permitted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    pub(super) permitted: u32,
    /// How many more would be.
    pub(super) remaining: u32,
    /// How long until a whole burst would be.
    pub(super) full_after: Duration,
}

/// Counts requests of several callers, each only once; `None` if Redis does not answer in time.
pub(super) async fn take(cache: &Cache, policy: Policy, wanted: &[Wanted]) -> Option<Vec<Taken>> {
    let mut script = TAKE.prepare_invoke();
    script.arg(policy.requests);
    for Wanted { caller, requests } in wanted {
        script.key(&key(*KEYS, caller)[..]).arg(*requests);
    }
    let taken: Vec<i64> = cache.run_script(&script, QUOTA_TIMEOUT).await?;
    let taken = taken.chunks_exact(3).map(|of_caller| Taken {
        permitted: of_caller[0].max(0) as u32,
        remaining: of_caller[1].max(0) as u32,
        full_after: Duration::from_micros(of_caller[2].max(0) as u64),
    });
    let taken: Vec<_> = taken.collect();
    (taken.len() == wanted.len()).then_some(taken)
}

/// How many edges run; `None` if Redis does not answer.
pub(super) async fn count_edges(cache: &Cache, name: &str) -> Option<u32> {
    let mut script = COUNT_EDGES.prepare_invoke();
    script.key(EDGES_KEY).arg(name).arg(EDGE_SEEN_FOR.as_secs());
    cache.run_script(&script, CACHE_WRITE_TIMEOUT).await
}
