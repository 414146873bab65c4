//! Why a token is refused.

use hyper::header::HeaderValue;
use jsonwebtoken::errors::ErrorKind;

/// Why a request has no caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenFault {
    /// There is no `Authorization` with a bearer token, or several.
    Missing,
    /// The token is not a JWT, or one with a header that we do not know.
    Malformed,
    /// No key of the issuer has the token's `kid` and algorithm.
    UnknownKey,
    InvalidSignature,
    Expired,
    NotYetValid,
    WrongIssuer,
    WrongAudience,
    /// A claim is absent, or has another type.
    InvalidClaims,
    /// The subject cannot be the name of a caller.
    InvalidSubject,
    /// A token in the query is not one for this order, or has expired.
    EventsToken,
}

impl TokenFault {
    /// What the client can do about it.
    pub(crate) const fn detail(self) -> &'static str {
        match self {
            Self::Missing => {
                "Send one header Authorization: Bearer with a token of the issuer that this edge trusts."
            }
            Self::Malformed => "The token is not a signed JWT (RFC 7519), or has critical headers.",
            Self::UnknownKey => {
                "The issuer has no key with the kid of this token for its algorithm."
            }
            Self::InvalidSignature => "The signature of the token is not valid.",
            Self::Expired => "The token has expired; get another one.",
            Self::NotYetValid => "The token is not valid yet (nbf).",
            Self::WrongIssuer => "The token is from another issuer (iss) than this edge trusts.",
            Self::WrongAudience => "The token is for another audience (aud) than this edge.",
            Self::InvalidClaims => {
                "The token must have the claims sub, iss, aud and exp, and its scopes as text."
            }
            Self::InvalidSubject => {
                "The subject of the token must be 1 to 255 visible ASCII characters, and not `public`."
            }
            Self::EventsToken => {
                "The token in the query is not one for this order, or has expired; get another one."
            }
        }
    }

    /// The challenge to the client (RFC 6750, section 3): without an error for one that has sent no token.
    pub(crate) const fn challenge(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Missing => r#"Bearer realm="millrace""#,
            _ => r#"Bearer realm="millrace", error="invalid_token""#,
        })
    }
}

impl From<jsonwebtoken::errors::Error> for TokenFault {
    fn from(error: jsonwebtoken::errors::Error) -> Self {
        match error.kind() {
            ErrorKind::InvalidSignature => Self::InvalidSignature,
            ErrorKind::ExpiredSignature => Self::Expired,
            ErrorKind::ImmatureSignature => Self::NotYetValid,
            ErrorKind::InvalidIssuer => Self::WrongIssuer,
            ErrorKind::InvalidAudience => Self::WrongAudience,
            // The header is read before: what has another form are the claims.
            ErrorKind::MissingRequiredClaim(_)
            | ErrorKind::InvalidClaimFormat(_)
            | ErrorKind::Json(_) => Self::InvalidClaims,
            _ => Self::Malformed,
        }
    }
}
