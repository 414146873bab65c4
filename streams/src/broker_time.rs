//! The time of a broker, which decides how old a message is and when a retry is due. No clock of an
//! edge or a worker does: any of them may be wrong, and may be set while the process runs.
//!
//! The leader of a stream writes its time into each message and compares schedules with it, so it is
//! asked: each time, since an offset that is kept would be wrong once a clock is set or the leader
//! changes. The answer is late by less than the time that the request took. After a change of leader,
//! times differ by as much as the clocks of the brokers do.

use std::time::Duration;

use bytes::Bytes;
use orders::Timestamp;
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::{Instant, sleep};

use crate::inspect_error::{InspectError, inspect_error};
use crate::limits::{API_TIMEOUT, PUBLISH_RESEND_AFTER, PUBLISH_RETRY_DELAY};
use crate::{Connection, PublishError, Publisher, Requester};

/// The time in a reply of the JetStream API; there is none if it is an error.
#[derive(Deserialize)]
struct TimedReply {
    ts: Option<String>,
}

impl Publisher {
    /// The time of the broker that leads `stream`, for messages that are published into it. Asks until
    /// it answers or `timeout` expires. The time is at most a second old.
    pub async fn broker_time(
        &self,
        stream: &'static str,
        timeout: Duration,
    ) -> Result<Timestamp, PublishError> {
        let deadline = Instant::now() + timeout;
        while Instant::now() < deadline {
            let requester = Requester::new(self.connection().clone());
            match ask(&requester, stream, PUBLISH_RESEND_AFTER).await {
                Ok(time) => return Ok(time),
                Err(err) => tracing::debug!(%err, "no time from broker, asking again"),
            }
            sleep(PUBLISH_RETRY_DELAY).await;
        }
        Err(PublishError::Unacknowledged)
    }
}

/// The time of the broker that leads `stream`.
pub(crate) async fn broker_time(
    connection: &Connection,
    stream: &str,
) -> Result<Timestamp, InspectError> {
    ask(&Requester::new(connection.clone()), stream, API_TIMEOUT).await
}

/// The same within `timeout`.
pub(crate) async fn ask(
    requester: &Requester,
    stream: &str,
    timeout: Duration,
) -> Result<Timestamp, InspectError> {
    let subject = format!("$JS.API.STREAM.INFO.{stream}");
    let reply = requester.request(&subject, Bytes::new(), timeout).await;
    let reply = reply.map_err(|err| inspect_error(stream, err))?;
    parse(&reply).ok_or_else(|| inspect_error(stream, "the broker's reply has no time"))
}

fn parse(reply: &[u8]) -> Option<Timestamp> {
    let reply: TimedReply = serde_json::from_slice(reply).ok()?;
    let time = OffsetDateTime::parse(&reply.ts?, &Rfc3339).ok()?;
    Some(Timestamp::from_millis((time.unix_timestamp_nanos() / 1_000_000) as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_reply_is_that_of_the_broker() {
        let reply = br#"{"config":{},"ts":"2026-11-20T05:07:26.123456789Z"}"#;
        assert_eq!(parse(reply), Some(Timestamp::from_millis(1_795_151_246_123)));
    }

    #[test]
    fn a_reply_without_a_time_has_none() {
        for reply in [r#"{"error":{"code":404}}"#, r#"{"ts":"soon"}"#, r#"{"ts":7}"#, "{}", ""] {
            assert_eq!(parse(reply.as_bytes()), None, "{reply}");
        }
    }
}
