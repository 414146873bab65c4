//! Where webhooks are sent, and the secret that signs them.

use std::borrow::Cow;
use std::str::FromStr;

use hyper::Uri;
use hyper::http::uri::Scheme;

use super::error::ApiError;
use super::webhook_signature::WebhookSecret;

/// Where webhooks are sent: nowhere, unless both the URL and the secret are set.
///
/// `POST /control` accepts `webhook_url` (empty: none) and `webhook_secret`; one that is absent
/// keeps its value.
#[derive(Clone, Debug, Default)]
pub struct WebhookConfig {
    url: Option<WebhookUrl>,
    secret: Option<WebhookSecret>,
}

/// The URL of a receiver of webhooks, by plain HTTP.
#[derive(Clone, Debug)]
pub struct WebhookUrl(Uri);

/// The text is not the URL of a receiver.
#[derive(Debug, thiserror::Error)]
#[error("give an http:// URL: the simulator sends webhooks by plain HTTP only")]
pub struct InvalidWebhookUrl;

impl FromStr for WebhookUrl {
    type Err = InvalidWebhookUrl;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        let url: Uri = url.parse().map_err(|_| InvalidWebhookUrl)?;
        let is_http = url.scheme() == Some(&Scheme::HTTP);
        let has_host = url.host().is_some_and(|host| !host.is_empty());
        if is_http && has_host { Ok(Self(url)) } else { Err(InvalidWebhookUrl) }
    }
}

impl WebhookConfig {
    /// Webhooks are sent to `url`.
    pub fn new(url: WebhookUrl, secret: WebhookSecret) -> WebhookConfig {
        WebhookConfig { url: Some(url), secret: Some(secret) }
    }

    /// The receiver, and the secret that signs what it gets.
    pub(super) fn target(&self) -> Option<(&Uri, &WebhookSecret)> {
        Some((&self.url.as_ref()?.0, self.secret.as_ref()?))
    }

    /// This configuration with the changes of a form.
    pub(super) fn with_changes<'a>(
        mut self,
        form: impl IntoIterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
    ) -> Result<WebhookConfig, ApiError> {
        for (name, value) in form {
            match name.as_ref() {
                "webhook_url" if value.is_empty() => self.url = None,
                "webhook_url" => {
                    let url = value.parse().map_err(|error| ApiError::invalid(&name, &error))?;
                    self.url = Some(url);
                }
                "webhook_secret" => {
                    let secret = value.parse().map_err(|error| ApiError::invalid(&name, &error))?;
                    self.secret = Some(secret);
                }
                _ => return Err(ApiError::parameter(&name, "parameter_unknown")),
            }
        }
        if self.url.is_some() && self.secret.is_none() {
            return Err(ApiError::parameter("webhook_secret", "parameter_missing"));
        }
        Ok(self)
    }
}
