//! A client of `/control`: changes the faults of a running simulator.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::time::sleep;

use super::limits::LATE_POLL_INTERVAL;

/// Posts `form`, such as `latency_ms=200&fail=none`, to the simulator at `url`. For the parameters
/// see [`FaultConfig`](super::FaultConfig).
pub async fn set_faults(url: &str, form: &str) -> Result<()> {
    control(url, form).await.map(|_| ())
}

/// Makes every late confirm due, and waits until each has had its effect.
pub async fn finish_late_confirms(url: &str) -> Result<()> {
    while control(url, "late_ms=0").await? > 0 {
        sleep(LATE_POLL_INTERVAL).await;
    }
    Ok(())
}

/// Posts `form`. Returns how many late confirms are to come.
async fn control(url: &str, form: &str) -> Result<u64> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let request = Request::post(format!("{url}/control")).body(Full::from(form.to_owned()))?;
    let response = client.request(request).await?;
    let status = response.status();
    ensure!(status.is_success(), "the payment simulator rejected `{form}`: {status}");
    let body: Value = serde_json::from_slice(&response.into_body().collect().await?.to_bytes())?;
    body["late_confirms"].as_u64().context("the payment simulator does not count late confirms")
}
