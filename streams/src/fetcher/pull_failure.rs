//! Why a broker did not serve a pull request, understood from its status and description.

use std::mem::{Discriminant, discriminant};

use async_nats::StatusCode;
use thiserror::Error;

/// Why a pull request was not served.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PullFailure {
    /// The consumer, perhaps with its stream, was deleted while the request waited.
    #[error("the consumer was deleted")]
    ConsumerGone,
    /// Another broker leads the consumer, or the broker that leads it stops.
    #[error("the consumer's leader has changed")]
    LeaderChanged,
    /// The consumer does not exist, or it has no leader: the broker does not say which.
    #[error("no broker serves the consumer: it does not exist, or it has no leader")]
    NoResponder,
    /// A limit of the consumer that was set by hand.
    #[error("the request exceeds a limit of the consumer: {0}")]
    LimitExceeded(String),
    /// As many requests wait as the consumer allows.
    #[error("too many requests wait for messages of the consumer")]
    TooManyWaiting,
    /// The broker drops the request, and says so to the connection.
    #[error("the NATS user of this process may not publish to {0}")]
    NoPermission(String),
    /// Not even an answer that there is no message.
    #[error("the broker does not reply")]
    NoReply,
    /// The connection over which the request was sent was lost.
    #[error("the connection was lost")]
    Disconnected,
    /// Any other status of the broker, or an error of the client.
    #[error("{0}")]
    Other(String),
}

impl PullFailure {
    /// What a status says that neither accompanies nor replaces messages.
    pub(super) fn from_status(status: StatusCode, description: Option<&str>) -> Self {
        let description = description.unwrap_or_default();
        match (status.as_u16(), description) {
            (503, _) => Self::NoResponder,
            (409, "Consumer Deleted") => Self::ConsumerGone,
            (409, "Leadership Change" | "Server Shutdown") => Self::LeaderChanged,
            (409, "Exceeded MaxWaiting") => Self::TooManyWaiting,
            (409, limit) if limit.starts_with("Exceeded ") => {
                Self::LimitExceeded(limit.trim_start_matches("Exceeded ").to_owned())
            }
            (status, description) => Self::Other(format!("status {status} {description}")),
        }
    }

    pub(super) fn other(error: impl Into<async_nats::Error>) -> Self {
        Self::Other(error.into().to_string())
    }

    /// Whether messages of the request may arrive later.
    pub(super) const fn is_silence(&self) -> bool {
        matches!(self, Self::NoReply | Self::Disconnected)
    }

    /// Whether the consumer may be missing, or its settings changed, so that a look at it helps.
    pub const fn concerns_topology(&self) -> bool {
        !matches!(self, Self::LeaderChanged | Self::NoPermission(_) | Self::Disconnected)
    }

    /// What a person must do.
    pub(super) const fn remedy(&self) -> &'static str {
        match self {
            Self::ConsumerGone | Self::NoResponder => {
                "none at first: a worker creates it again within seconds, and brokers elect a \
                 leader; if it lasts, see what `millrace status` says of its stream"
            }
            Self::LeaderChanged => {
                "none while a broker restarts; if it lasts, see NO LEADER in `millrace status`"
            }
            Self::LimitExceeded(_) => "none: a worker removes the limit within seconds",
            Self::TooManyWaiting => "stop workers of this pool",
            Self::NoPermission(_) => {
                "allow it to this user in the brokers' configuration and reload them; nothing of \
                 this consumer is processed until then"
            }
            Self::NoReply | Self::Disconnected => "check the brokers: `nats server list`",
            Self::Other(_) => "compare the consumer's settings: `nats consumer info`",
        }
    }

    /// Whether it says anything that is not logged: the connection logs that it was lost, and that no
    /// broker serves the consumer may follow from whatever was logged before.
    pub(super) const fn says_more(&self, is_anything_logged: bool) -> bool {
        match self {
            Self::Disconnected => false,
            Self::ConsumerGone | Self::NoResponder | Self::NoReply => !is_anything_logged,
            _ => true,
        }
    }

    /// Which of the reasons it is, whatever its text.
    pub(super) fn kind(&self) -> Discriminant<Self> {
        discriminant(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts of nats-server's consumer.go and jetstream.go.
    #[test]
    fn each_status_of_a_broker_is_understood() {
        for (status, description, expected) in [
            (503, None, PullFailure::NoResponder),
            (409, Some("Consumer Deleted"), PullFailure::ConsumerGone),
            (409, Some("Leadership Change"), PullFailure::LeaderChanged),
            (409, Some("Server Shutdown"), PullFailure::LeaderChanged),
            (409, Some("Exceeded MaxWaiting"), PullFailure::TooManyWaiting),
            (
                409,
                Some("Exceeded MaxRequestBatch of 1"),
                PullFailure::LimitExceeded("MaxRequestBatch of 1".to_owned()),
            ),
            (
                409,
                Some("Consumer is push based"),
                PullFailure::Other("status 409 Consumer is push based".to_owned()),
            ),
            (
                400,
                Some("Bad Request - x"),
                PullFailure::Other("status 400 Bad Request - x".to_owned()),
            ),
        ] {
            let status = StatusCode::try_from(status).unwrap_or(StatusCode::OK);
            assert_eq!(PullFailure::from_status(status, description), expected);
        }
    }
}
