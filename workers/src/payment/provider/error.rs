//! What can go wrong with a call to the payment provider, told apart by what is to be done.

use hyper_util::client::legacy;
use thiserror::Error;

/// A call that did not come to an answer.
#[derive(Debug, Error)]
pub enum CallError {
    /// No connection: nothing was sent, and no order is to blame.
    #[error("the payment provider cannot be reached")]
    Down(#[source] legacy::Error),
    /// Our secret key is not accepted. Every order would fail alike: treat it as [`Self::Down`].
    #[error("the payment provider does not accept the secret key (status {status})")]
    Denied {
        /// 401 or 403.
        status: u16,
    },
    /// No whole answer in time, or the connection broke. The outcome is unknown: repeat the call
    /// with the same key.
    #[error("the payment provider did not answer")]
    Unanswered(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The provider failed, or its answer makes no sense. It saves this answer under the key:
    /// repeat the call with a new one.
    #[error("the payment provider failed (status {status})")]
    Server {
        /// 5xx as a rule.
        status: u16,
    },
    /// The same key is in use at this moment, or we call too often: repeat later, same key.
    #[error("the payment provider is busy (status {status})")]
    Busy {
        /// 409 or 429.
        status: u16,
    },
    /// The request is wrong, and will be however often it is repeated.
    #[error("the payment provider refused the request (status {status}, {code}): {message}")]
    Refused {
        /// 4xx; 400 for a request that could not even be sent.
        status: u16,
        /// Stripe's `code`, or its `type` where there is none.
        code: String,
        /// Stripe's words.
        message: String,
    },
}

/// A provider cannot be called as configured.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// Not `http://host[:port]` or `https://host[:port]`.
    #[error("the payment provider's URL must be http:// or https:// with a host, and no more")]
    BaseUrl,
    /// Has characters that no header can hold.
    #[error("the payment provider's secret key is not visible ASCII")]
    SecretKey,
    /// The system's certificates cannot be read.
    #[error("no root certificates for the payment provider's TLS")]
    Certificates(#[source] std::io::Error),
}
