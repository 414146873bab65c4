//! A client of `POST /control`: changes the faults of a running simulator.

use anyhow::{Result, ensure};
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

/// Posts `form`, such as `latency_ms=200&fail=none`, to the simulator at `url`. For the parameters
/// see [`FaultConfig`](super::FaultConfig).
pub async fn set_faults(url: &str, form: &str) -> Result<()> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let request = Request::post(format!("{url}/control")).body(Full::from(form.to_owned()))?;
    let status = client.request(request).await?.status();
    ensure!(status.is_success(), "the payment simulator rejected `{form}`: {status}");
    Ok(())
}
