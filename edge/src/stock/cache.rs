//! What Redis knows of stock: each entry with its version, for as long as it may be shown.

use orders::{Sku, StockView};
use redis::Script;

use crate::cache::Cache;
use crate::limits::{STOCK_CACHE_PATIENCE, STOCK_SHOWN_FOR};

/// Writes entries, each a version, a space and the content, unless a newer one stands there.
const WRITE: &str = r"
for i, key in ipairs(KEYS) do
    local written, held = ARGV[i + 1], redis.call('GET', key)
    local version = tonumber(string.match(written, '^%d+'))
    local held_version = held and tonumber(string.match(held, '^%d+'))
    if not held_version or held_version <= version then
        redis.call('SET', key, written, 'PX', ARGV[1])
    end
end";

/// What Redis knows of each of `skus`.
pub(super) async fn read(cache: &Cache, skus: &[Sku]) -> Vec<Option<StockView>> {
    let mut command = redis::cmd("MGET");
    for sku in skus {
        command.arg(key(sku));
    }
    let found: Option<Vec<Option<String>>> = cache.ask(&command, STOCK_CACHE_PATIENCE).await;
    let found = found.unwrap_or_default().into_iter().map(|entry| entry.and_then(|it| view(&it)));
    // What stands under a key must be about its SKU, and short answers are filled up.
    let found = found.chain(std::iter::repeat(None));
    skus.iter().zip(found).map(|(sku, view)| view.filter(|view| view.sku == *sku)).collect()
}

/// Writes what the database said.
pub(super) async fn write(cache: &Cache, views: &[StockView]) {
    if views.is_empty() {
        return;
    }
    let script = Script::new(WRITE);
    let mut writing = script.prepare_invoke();
    writing.arg(STOCK_SHOWN_FOR.as_millis() as u64);
    for view in views {
        writing.key(key(&view.sku)).arg(entry(view));
    }
    cache.run(&writing, STOCK_CACHE_PATIENCE).await;
}

fn key(sku: &Sku) -> String {
    format!("stock:{sku}")
}

fn entry(view: &StockView) -> String {
    let content = serde_json::to_string(view).expect("stock has text keys and whole numbers");
    format!("{} {content}", view.version)
}

fn view(entry: &str) -> Option<StockView> {
    let (_version, content) = entry.split_once(' ')?;
    serde_json::from_str(content).ok()
}
