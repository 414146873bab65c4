//! The time until a sale shows in what an edge answers.

use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Uri;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use tokio::time::{Instant, sleep, timeout};
use workers::database::Database;
use workers::inventory::stock;

use super::super::dataset::sku;

/// Time between two reads: less than the time that is measured by far.
const POLL_INTERVAL: Duration = Duration::from_millis(5);
/// Longer than a sale may take to show.
const SHOWN_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
struct Stock {
    on_hand: i64,
}

/// The time in seconds from a sale until the edge at `edge_url` shows it, at its longest: what was shown before
/// has just been looked up.
pub(super) async fn time_until_shown(edge_url: &str, database: &Database) -> Result<f64> {
    let uri: Uri = format!("{edge_url}/v1/stock/{}", sku(0)).parse()?;
    let client = Client::builder(TokioExecutor::new()).build_http();
    sell_and_wait(&client, &uri, database).await?;
    Ok(sell_and_wait(&client, &uri, database).await?.as_secs_f64())
}

async fn sell_and_wait(
    client: &Client<HttpConnector, Full<Bytes>>,
    uri: &Uri,
    database: &Database,
) -> Result<Duration> {
    let sold = stock::add(database, &sku(0).parse()?, -1).await?.context("unknown SKU")?;
    let started = Instant::now();
    let shown = async {
        loop {
            let response = client.get(uri.clone()).await?.into_body().collect().await?;
            let shown: Stock = serde_json::from_slice(&response.to_bytes())?;
            if shown.on_hand == sold {
                return anyhow::Ok(started.elapsed());
            }
            sleep(POLL_INTERVAL).await;
        }
    };
    timeout(SHOWN_TIMEOUT, shown).await.context("the sale does not show")?
}
