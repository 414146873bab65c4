//! The stock cache in Redis: one entry for each SKU with its version, which expires when it is too
//! old to be shown.

use orders::{Sku, StockView};
use redis::Script;

use crate::cache::Cache;
use crate::limits::{STOCK_CACHE_TIMEOUT, STOCK_CACHE_TTL};

/// Writes entries, each a version, a space and the content, unless the stored one is newer.
const WRITE: &str = r"
for i, key in ipairs(KEYS) do
    local written, held = ARGV[i + 1], redis.call('GET', key)
    local version = tonumber(string.match(written, '^%d+'))
    local held_version = held and tonumber(string.match(held, '^%d+'))
    if not held_version or held_version <= version then
        redis.call('SET', key, written, 'PX', ARGV[1])
    end
end";

/// The cached stock of each of `skus`.
pub(super) async fn read(cache: &Cache, skus: &[Sku]) -> Vec<Option<StockView>> {
    // MGET without a key is an error, and would count as a failure of Redis.
    if skus.is_empty() {
        return Vec::new();
    }
    let mut command = redis::cmd("MGET");
    for sku in skus {
        command.arg(key(sku));
    }
    let entries: Option<Vec<Option<String>>> = cache.query(&command, STOCK_CACHE_TIMEOUT).await;
    let entries = entries.unwrap_or_default().into_iter();
    let views = entries.map(|entry| entry.and_then(|entry| parse_entry(&entry)));
    // Redis is not trusted: an entry must be about the SKU of its key, and a short reply is padded.
    let views = views.chain(std::iter::repeat(None));
    skus.iter().zip(views).map(|(sku, view)| view.filter(|view| view.sku == *sku)).collect()
}

/// Caches the stock that the workers reported.
pub(super) async fn write(cache: &Cache, views: &[StockView]) {
    if views.is_empty() {
        return;
    }
    let script = Script::new(WRITE);
    let mut invocation = script.prepare_invoke();
    invocation.arg(STOCK_CACHE_TTL.as_millis() as u64);
    for view in views {
        invocation.key(key(&view.sku)).arg(entry(view));
    }
    cache.run_script(&invocation, STOCK_CACHE_TIMEOUT).await;
}

fn key(sku: &Sku) -> String {
    format!("stock:{sku}")
}

fn entry(view: &StockView) -> String {
    let content = serde_json::to_string(view).expect("stock has string keys and integers");
    format!("{} {content}", view.version)
}

fn parse_entry(entry: &str) -> Option<StockView> {
    let (_version, content) = entry.split_once(' ')?;
    serde_json::from_str(content).ok()
}
