//! What a broker's reply to a published message says.

use serde::Deserialize;

/// Instead of an error code: the message is larger than the broker accepts, and was not sent.
pub(super) const NOT_SENT: u32 = 0;
/// JetStream API error code: the message is larger than the stream's `max_msg_size`.
pub(super) const MESSAGE_SIZE_EXCEEDS_MAXIMUM: u32 = 10054;
/// JetStream API error codes of a leader that is busy: a message with the same id is being processed, and
/// too many messages wait.
const BUSY_ERROR_CODES: [u32; 2] = [10158, 10167];
/// JetStream API error codes of a broker that does not lead the stream: no leader yet, no longer the leader,
/// and a server that is shutting down.
const NOT_SERVED_ERROR_CODES: [u32; 4] = [10008, 10009, 10039, 10076];

/// The broker's acknowledgement that a message is stored on a quorum, as durably as the profile
/// claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PubAck {
    /// The stream that holds it.
    pub stream: String,
    /// Its sequence number in the stream.
    pub sequence: u64,
    /// Whether a message with the same id was already stored.
    pub duplicate: bool,
}

pub(super) enum Reply {
    PubAck(PubAck),
    Rejected(ApiError),
    /// The leader answers, and will store the message later.
    Busy,
    /// The stream has no leader that answers now.
    NotServed,
}

#[derive(Deserialize)]
pub(super) struct ApiError {
    #[serde(rename = "err_code")]
    pub(super) code: u32,
    #[serde(default)]
    pub(super) description: String,
}

#[derive(Deserialize)]
struct PubAckReply {
    #[serde(default)]
    stream: String,
    /// The JetStream domain; ours has none.
    domain: Option<String>,
    #[serde(default)]
    seq: u64,
    #[serde(default)]
    duplicate: bool,
    error: Option<ApiError>,
}

/// What a reply says about a message for `stream`; `None` if it is about another stream.
pub(super) fn classify(reply: &[u8], stream: &str) -> Option<Reply> {
    // A status without a body means that no stream has the subject right now.
    let Ok(reply) = serde_json::from_slice::<PubAckReply>(reply) else {
        return Some(Reply::NotServed);
    };
    let is_ours = reply.stream == stream && reply.domain.is_none();
    match reply {
        PubAckReply { error: Some(error), .. } if BUSY_ERROR_CODES.contains(&error.code) => {
            Some(Reply::Busy)
        }
        PubAckReply { error: Some(error), .. } if NOT_SERVED_ERROR_CODES.contains(&error.code) => {
            Some(Reply::NotServed)
        }
        PubAckReply { error: Some(error), .. } => Some(Reply::Rejected(error)),
        PubAckReply { seq: sequence, duplicate, .. } if is_ours && sequence > 0 => {
            Some(Reply::PubAck(PubAck { stream: reply.stream, sequence, duplicate }))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_ack(reply: &str) -> bool {
        matches!(classify(reply.as_bytes(), "ORDERS_1"), Some(Reply::PubAck(_)))
    }

    #[test]
    fn only_an_ack_of_the_stream_that_was_meant_counts() {
        assert!(is_ack(r#"{"stream":"ORDERS_1","seq":7}"#));
        assert!(is_ack(r#"{"stream":"ORDERS_1","seq":7,"duplicate":true}"#));
        for reply in [
            r#"{"stream":"AUDIT_TRAIL","seq":7}"#,
            r#"{"stream":"ORDERS_1","seq":7,"domain":"leaf"}"#,
            r#"{"stream":"orders","seq":7}"#,
            r#"{"stream":"ORDERS_1","seq":0}"#,
            r#"{"stream":"ORDERS_1"}"#,
            r#"{"seq":7}"#,
            r#"{"stream":"ORDERS_1","seq":7,"error":{"err_code":10077}}"#,
            "{}",
            "",
            "OK",
        ] {
            assert!(!is_ack(reply), "{reply}");
        }
    }
}
