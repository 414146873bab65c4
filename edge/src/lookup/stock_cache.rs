//! The stock in Redis, which all edges share: an entry for each SKU, or the claim of the edge that is looking it
//! up. An entry keeps the expiry of its claim, so its age counts from before the database was asked, by the clock
//! of Redis alone.

use std::sync::LazyLock;

use orders::{Sku, StockView};
use redis::Script;

use crate::cache::Cache;
use crate::limits::{STOCK_CACHE_TIMEOUT, STOCK_CACHE_TTL, STOCK_CLAIM_TIME};

/// The first character of a claim.
const CLAIM_MARK: &str = "?";

/// Returns what each key holds, and claims those that hold nothing: `''`. What was not written here, which its
/// expiry shows, counts as nothing, and so does a claim whose edge takes too long.
static READ_OR_CLAIM: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local claim, ttl, claim_time = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local found = {}
for i, key in ipairs(KEYS) do
    local held = redis.call('GET', key) or ''
    local least = string.sub(held, 1, 1) == string.sub(claim, 1, 1) and ttl - claim_time or 0
    local left = held ~= '' and redis.call('PTTL', key) or 0
    if left <= least or left > ttl then
        held = ''
        redis.call('SET', key, claim, 'PX', ttl)
    end
    found[i] = held
end
return found",
    )
});

/// Replaces claims by entries. A claim that has expired or was taken over stays as it is: what was looked up for
/// it may be too old.
static FULFIL: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
for i, key in ipairs(KEYS) do
    if redis.call('GET', key) == ARGV[2 * i - 1] then
        redis.call('SET', key, ARGV[2 * i], 'KEEPTTL')
    end
end",
    )
});

/// What Redis has about a SKU.
pub(super) enum Cached {
    Found(Option<StockView>),
    /// The caller must look it up. Without a claim, Redis is away or has something that is not readable.
    Missing(Option<Claim>),
    /// Another lookup is in flight.
    Claimed,
}

/// The right to write an entry. No two are equal.
#[derive(Clone)]
pub(super) struct Claim(String);

/// Reads the stock of each of `skus`, and claims what is missing.
pub(super) async fn read_or_claim(cache: &Cache, skus: &[&Sku]) -> Vec<Cached> {
    let claim = Claim(format!("{CLAIM_MARK}{:032x}", rand::random::<u128>()));
    let mut script = READ_OR_CLAIM.prepare_invoke();
    let [ttl, claim_time] = [STOCK_CACHE_TTL, STOCK_CLAIM_TIME].map(|time| time.as_millis() as u64);
    script.arg(&claim.0).arg(ttl).arg(claim_time);
    for sku in skus {
        script.key(key(sku));
    }
    let entries: Option<Vec<Vec<u8>>> = cache.run_script(&script, STOCK_CACHE_TIMEOUT).await;
    // Redis is not trusted: a short reply is padded.
    let entries = entries.unwrap_or_default().into_iter().map(Some).chain(std::iter::repeat(None));
    let parse = |(sku, entry): (&&Sku, Option<Vec<u8>>)| match entry {
        Some(entry) if entry.is_empty() => Cached::Missing(Some(claim.clone())),
        Some(entry) if entry.starts_with(CLAIM_MARK.as_bytes()) => Cached::Claimed,
        Some(entry) => parse_entry(sku, &entry),
        None => Cached::Missing(None),
    };
    skus.iter().zip(entries).map(parse).collect()
}

/// Writes what was looked up: for each SKU its claim, and its stock.
pub(super) async fn fulfil(cache: &Cache, looked_up: &[(&Sku, &Claim, &Option<StockView>)]) {
    if looked_up.is_empty() {
        return;
    }
    let mut script = FULFIL.prepare_invoke();
    for (sku, claim, stock) in looked_up {
        let entry = serde_json::to_vec(stock).expect("stock has string keys and integers");
        script.key(key(sku)).arg(&claim.0).arg(entry);
    }
    cache.run_script::<()>(&script, STOCK_CACHE_TIMEOUT).await;
}

fn key(sku: &Sku) -> String {
    format!("stock:{sku}")
}

/// The stock in `entry`, which must be about `sku`.
fn parse_entry(sku: &Sku, entry: &[u8]) -> Cached {
    match serde_json::from_slice::<Option<StockView>>(entry) {
        Ok(stock) if stock.as_ref().is_none_or(|view| view.sku == *sku) => Cached::Found(stock),
        _ => Cached::Missing(None),
    }
}
