//! A buyer whose bank asks: waits until the order says so, and approves or denies the payment on the
//! bank's page.

use std::time::Duration;

use anyhow::Result;
use hyper::StatusCode;
use millrace::audit::Problem;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::workload::Authentication;
use crate::input::GOOD_CARD;
use crate::order_client::OrderClient;

/// How long a buyer looks at an order that may still get to its payment.
const WAIT_MAX: Duration = Duration::from_mins(2);
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Statuses from which an order may still get to its payment.
const BEFORE_PAYMENT: [&str; 2] = ["accepted", "reserved"];

/// Authenticates the payment of an order, if the bank asks before the order ends another way. Returns a
/// response that violates the API.
pub(super) async fn authenticate(
    client: &OrderClient,
    edge: usize,
    order_id: &str,
    authentication: Authentication,
) -> Result<Option<Problem>> {
    let Some(page) = wait_for_bank(client, edge, order_id).await? else { return Ok(None) };
    sleep(authentication.think_time).await;
    client.decide(&page, authentication.approves).await?;
    let payment = if authentication.approves { json!({}) } else { json!({"token": GOOD_CARD}) };
    let status = client.submit_payment(edge, order_id, &payment).await?;
    Ok(match status {
        // A conflict: the provider's webhook was faster, or the order is cancelled.
        None | Some(StatusCode::ACCEPTED | StatusCode::CONFLICT) => None,
        Some(status) => {
            let detail = format!("its payment was answered with {status}");
            Some(Problem { subject: order_id.to_owned(), detail })
        }
    })
}

/// The bank's page; `None` if the order needs no authentication any more.
async fn wait_for_bank(
    client: &OrderClient,
    edge: usize,
    order_id: &str,
) -> Result<Option<String>> {
    let deadline = Instant::now() + WAIT_MAX;
    while Instant::now() < deadline {
        let order = client.order(edge, order_id).await?.unwrap_or(Value::Null);
        let page = order["next_action"]["redirect_url"].as_str();
        if page.is_some() {
            return Ok(page.map(str::to_owned));
        }
        if order["status"].as_str().is_some_and(|status| !BEFORE_PAYMENT.contains(&status)) {
            return Ok(None);
        }
        sleep(POLL_INTERVAL).await;
    }
    Ok(None)
}
