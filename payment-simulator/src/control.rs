//! Telling a running provider how to behave from now on.

use anyhow::{Result, ensure};
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

/// Posts `form`, such as `latency_ms=200&fail=none`, to the provider at `url`: see
/// [`FaultConfig`](super::Behaviour).
pub async fn control(url: &str, form: &str) -> Result<()> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let request = Request::post(format!("{url}/control")).body(Full::from(form.to_owned()))?;
    let status = client.request(request).await?.status();
    ensure!(status.is_success(), "the provider refused {form}: {status}");
    Ok(())
}
