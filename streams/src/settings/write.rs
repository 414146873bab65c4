//! Writes a setting, if it is still the one that the writer has seen.

use async_nats::HeaderMap;
use async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE;
use orders::Timestamp;
use serde::Deserialize;
use thiserror::Error;
use tokio::time::{Instant, timeout};

use super::setting::Setting;
use crate::inspect_error::InspectError;
use crate::limits::API_TIMEOUT;
use crate::subjects::{bucket_stream, setting_subject};
use crate::{Connection, broker_time};

/// A setting was not written, or is not known to be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WriteSettingError {
    /// Someone else was faster.
    #[error("the setting has changed since it was read: look at it, and repeat the command")]
    Changed,
    /// The key of the command may not write it.
    #[error(
        "the brokers do not permit this key to write the setting: take that of `operator` or `admin`"
    )]
    NotPermitted,
    /// The bucket, or its leader, does not answer.
    #[error(
        "no broker has acknowledged the setting: look whether it is there, and repeat the command"
    )]
    NotAcknowledged,
    /// The broker has refused it.
    #[error("the broker refuses the setting: {0}")]
    Refused(String),
}

/// What a broker replies to a write.
#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    stream: String,
    #[serde(default)]
    seq: u64,
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    err_code: u32,
    #[serde(default)]
    description: String,
}

/// JetStream API error codes: the last message of the subject is another one.
const WRONG_LAST_SEQUENCE: [u32; 2] = [10071, 10164];

/// Writes the setting of `key`, whose revision is `seen`, or 0 if it has none. Returns the new revision.
///
/// # Errors
/// It has another revision, or no broker acknowledges it: then it may be written all the same. It is sent once, since
/// a repeat would be refused because of the first.
pub async fn write_setting<S: Setting>(
    connection: &Connection,
    key: &str,
    setting: &S,
    seen: u64,
) -> Result<u64, WriteSettingError> {
    let subject = setting_subject(S::BUCKET, key);
    connection.events.watch(&subject);
    let mut headers = HeaderMap::new();
    headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, seen.to_string());
    let mut request = connection.replies.register();
    let sent_at = Instant::now();
    let sent = request.send(&subject, headers, setting.to_json().into()).await;
    sent.map_err(|_| WriteSettingError::NotAcknowledged)?;
    // A refusal for lack of a permission comes before the answer to what is sent after it.
    connection.flush().await;
    if connection.events.was_denied(&subject, sent_at) {
        return Err(WriteSettingError::NotPermitted);
    }
    let reply = timeout(API_TIMEOUT, request.next_reply()).await;
    let reply = reply.map_err(|_| WriteSettingError::NotAcknowledged)?;
    classify(&bucket_stream(S::BUCKET), &reply.payload)
}

/// The time of the brokers, by which the end of a pause is decided.
///
/// # Errors
/// The leader of the bucket does not answer.
pub async fn settings_time<S: Setting>(connection: &Connection) -> Result<Timestamp, InspectError> {
    broker_time::broker_time(connection, &bucket_stream(S::BUCKET)).await
}

fn classify(bucket: &str, reply: &[u8]) -> Result<u64, WriteSettingError> {
    match serde_json::from_slice(reply) {
        Ok(Reply { error: Some(Refusal { err_code, .. }), .. })
            if WRONG_LAST_SEQUENCE.contains(&err_code) =>
        {
            Err(WriteSettingError::Changed)
        }
        Ok(Reply { error: Some(Refusal { description, .. }), .. }) => {
            Err(WriteSettingError::Refused(description))
        }
        Ok(Reply { stream, seq, .. }) if stream == bucket && seq > 0 => Ok(seq),
        _ => Err(WriteSettingError::NotAcknowledged),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_written_only_once_the_bucket_has_acknowledged_it() {
        let changed =
            r#"{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 3"}}"#;
        let full =
            r#"{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"}}"#;
        for (reply, expected) in [
            (r#"{"stream":"KV_POOLS","seq":7}"#, Ok(7)),
            (r#"{"stream":"OTHER","seq":7}"#, Err(WriteSettingError::NotAcknowledged)),
            ("", Err(WriteSettingError::NotAcknowledged)),
            (changed, Err(WriteSettingError::Changed)),
            (full, Err(WriteSettingError::Refused("maximum bytes exceeded".to_owned()))),
        ] {
            assert_eq!(classify("KV_POOLS", reply.as_bytes()), expected, "{reply}");
        }
    }
}
