//! Raw requests to the JetStream API, as an operator's tool sends them: fault injection changes what
//! the product itself never would.

use serde_json::Value;
use thiserror::Error;

use crate::Connection;
use crate::limits::API_TIMEOUT;

/// A request to the JetStream API had no effect.
#[derive(Debug, Error)]
pub enum BrokerApiError {
    /// No broker replied in time.
    #[error("the brokers did not reply to {subject}")]
    NoReply {
        /// The request.
        subject: String,
        /// The client's error; `None` if it timed out.
        source: Option<async_nats::RequestError>,
    },
    /// The reply is not JSON.
    #[error("invalid reply")]
    InvalidReply(#[from] serde_json::Error),
    /// The brokers refused the request.
    #[error("refused: {0}")]
    Refused(String),
}

/// Sends a request, such as `STREAM.INFO.ORDERS_1`, and returns the reply.
pub async fn broker_api(
    connection: &Connection,
    request: &str,
    body: &Value,
) -> Result<Value, BrokerApiError> {
    let subject = format!("$JS.API.{request}");
    let reply = connection.client.request(subject.clone(), body.to_string().into());
    let reply = match tokio::time::timeout(API_TIMEOUT, reply).await {
        Ok(Ok(reply)) => reply,
        Ok(Err(source)) => return Err(BrokerApiError::NoReply { subject, source: Some(source) }),
        Err(_) => return Err(BrokerApiError::NoReply { subject, source: None }),
    };
    let reply: Value = serde_json::from_slice(&reply.payload)?;
    match reply.get("error") {
        Some(error) => Err(BrokerApiError::Refused(error.to_string())),
        None => Ok(reply),
    }
}
