//! Errors of calls to the payment provider, classified by what the caller must do.

use std::time::Duration;

use hyper_util::client::legacy;
use thiserror::Error;

use super::decline::Decline;

/// Why a call to the provider has no usable response.
#[derive(Debug, Error)]
pub enum CallError {
    /// The connection failed: nothing was sent, and no order is at fault.
    #[error("the payment provider cannot be reached")]
    Unavailable(#[source] legacy::Error),
    /// The provider rejects the secret key. Every order would fail alike: treat it as
    /// [`Self::Unavailable`].
    #[error("the payment provider rejected the secret key (status {status})")]
    Denied {
        /// HTTP status: 401 or 403.
        status: u16,
    },
    /// No complete response in time, or the connection broke. The outcome is unknown: repeat the
    /// call with the same key.
    #[error("the payment provider did not respond")]
    NoResponse(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The provider failed, or its response is invalid. It stores this response under the key:
    /// repeat the call with a new key.
    #[error("the payment provider failed (status {status})")]
    Server {
        /// HTTP status, usually 5xx.
        status: u16,
        /// Whether this is the stored response to an earlier call with the same key.
        is_replayed: bool,
    },
    /// There are too many calls, whatever they are about: none has an effect for a while.
    #[error("the payment provider refuses calls for a while (status {status})")]
    RateLimited {
        /// HTTP status: 429, or 503 with a `Retry-After`.
        status: u16,
        /// How long the provider asks to wait, within the limit that we obey.
        retry_after: Option<Duration>,
    },
    /// The same key, or the object that the call is about, is in use by a concurrent call: repeat
    /// later with the same key.
    #[error("a concurrent call to the payment provider is in progress (status {status})")]
    Busy {
        /// HTTP status: 409 or 429.
        status: u16,
    },
    /// The provider does not take this payment, and repeating the call does not help: the amount,
    /// the currency or the card is at fault.
    #[error("the payment provider declined the payment ({})", .0.code)]
    Declined(Decline),
    /// The request is invalid, and repeating it does not help.
    #[error("the payment provider rejected the request (status {status}, {code}): {message}")]
    Refused {
        /// HTTP status: 4xx; 400 also for a request that could not be sent.
        status: u16,
        /// Stripe's `code`, or its `type` if it has no `code`.
        code: String,
        /// Stripe's `message`.
        message: String,
    },
}

/// The configuration of the provider is invalid.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The URL is not `http://host[:port]` or `https://host[:port]`.
    #[error("the payment provider's URL must be http(s)://HOST[:PORT], without a path")]
    BaseUrl,
    /// The secret key is empty, or has characters that are not allowed in an HTTP header.
    #[error("the payment provider's secret key must be one or more visible ASCII characters")]
    SecretKey,
    /// The system's root certificates cannot be read.
    #[error("cannot load the root certificates for the payment provider's TLS")]
    Certificates(#[source] std::io::Error),
}
