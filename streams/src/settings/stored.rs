//! Reads a setting by direct get, which any broker with the bucket answers, and so also while it has no
//! leader.

use async_nats::{HeaderMap, Message, StatusCode};
use bytes::Bytes;
use orders::Timestamp;
use serde_json::json;
use thiserror::Error;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::setting::Setting;
use super::setting_error::SettingError;
use crate::limits::{SETTING_HISTORY, SETTING_READ_TIMEOUT, SETTING_RESEND_AFTER};
use crate::subjects::{KV_OPERATION, bucket_stream, setting_subject};
use crate::{RequestError, Requester};

/// What is in the bucket for a key.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredSetting<S> {
    /// Its revision, by which `nats kv` names it.
    pub revision: u64,
    /// When it was written, by the time of the broker.
    pub written_at: Timestamp,
    /// The setting. That of a key that was deleted is the default.
    pub setting: Result<S, SettingError>,
}

/// A setting cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReadSettingError {
    /// No broker has the bucket, or none answers.
    #[error("no broker answers for the bucket of the setting")]
    NotAnswered(#[from] RequestError),
    /// The reply is not one of a broker.
    #[error("the broker's reply has no {0}")]
    NoHeader(&'static str),
    /// The broker refuses the request.
    #[error("the broker refuses to read the setting: {0}")]
    Refused(String),
}

/// The setting of `key`; `None` if the bucket has none.
///
/// # Errors
/// No broker answers.
pub async fn read_setting<S: Setting>(
    requester: &Requester,
    key: &str,
) -> Result<Option<StoredSetting<S>>, ReadSettingError> {
    let (stream, subject) = (bucket_stream(S::BUCKET), setting_subject(S::BUCKET, key));
    get(requester, &format!("$JS.API.DIRECT.GET.{stream}.{subject}"), Bytes::new()).await
}

/// The settings of `key` that the bucket remembers, from the oldest on.
///
/// # Errors
/// No broker answers.
pub async fn read_settings<S: Setting>(
    requester: &Requester,
    key: &str,
) -> Result<Vec<StoredSetting<S>>, ReadSettingError> {
    let (stream, subject) = (bucket_stream(S::BUCKET), setting_subject(S::BUCKET, key));
    let request = format!("$JS.API.DIRECT.GET.{stream}");
    let (mut history, mut from) = (Vec::new(), 1);
    while history.len() < SETTING_HISTORY as usize {
        let body = json!({"seq": from, "next_by_subj": subject}).to_string();
        let Some(stored) = get(requester, &request, body.into()).await? else { break };
        from = stored.revision + 1;
        history.push(stored);
    }
    Ok(history)
}

/// The setting of `key` that processes have, and the revision of what is in the bucket, 0 if there is nothing. While
/// that is not a setting, the last good one is in force that the bucket remembers; without one it is the default.
///
/// # Errors
/// No broker answers.
pub async fn setting_in_force<S: Setting>(
    requester: &Requester,
    key: &str,
) -> Result<(S, u64), ReadSettingError> {
    let Some(stored) = read_setting::<S>(requester, key).await? else {
        return Ok((S::default(), 0));
    };
    let setting = if let Ok(setting) = stored.setting {
        setting
    } else {
        let history = read_settings::<S>(requester, key).await?;
        let good = history.into_iter().rev().find_map(|stored| stored.setting.ok());
        good.unwrap_or_default()
    };
    Ok((setting, stored.revision))
}

async fn get<S: Setting>(
    requester: &Requester,
    request: &str,
    body: Bytes,
) -> Result<Option<StoredSetting<S>>, ReadSettingError> {
    let limits = (SETTING_READ_TIMEOUT, SETTING_RESEND_AFTER);
    parse(&requester.request_message(request, body, limits).await?)
}

fn parse<S: Setting>(reply: &Message) -> Result<Option<StoredSetting<S>>, ReadSettingError> {
    match reply.status {
        None | Some(StatusCode::OK) => {}
        Some(StatusCode::NOT_FOUND) => return Ok(None),
        Some(status) => {
            let description = reply.description.as_deref().unwrap_or_default();
            return Err(ReadSettingError::Refused(format!("{status} {description}")));
        }
    }
    let headers = reply.headers.as_ref();
    let header = |name| headers.and_then(|headers| headers.get(name)).map(ToString::to_string);
    let revision = header(async_nats::header::NATS_SEQUENCE).and_then(|text| text.parse().ok());
    let written_at = header(async_nats::header::NATS_TIME_STAMP).and_then(|text| time(&text));
    let setting =
        if headers.is_some_and(is_deletion) { Ok(S::default()) } else { S::parse(&reply.payload) };
    Ok(Some(StoredSetting {
        revision: revision.ok_or(ReadSettingError::NoHeader("revision"))?,
        written_at: written_at.ok_or(ReadSettingError::NoHeader("time"))?,
        setting,
    }))
}

fn is_deletion(headers: &HeaderMap) -> bool {
    headers.get(KV_OPERATION).is_some_and(|value| ["DEL", "PURGE"].contains(&value.as_str()))
}

fn time(text: &str) -> Option<Timestamp> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    Some(Timestamp::from_millis((time.unix_timestamp_nanos() / 1_000_000) as i64))
}

#[cfg(test)]
mod tests {
    use super::super::pool_setting::PoolSetting;
    use super::*;

    fn reply(status: Option<StatusCode>, headers: &[(&str, &str)], payload: &str) -> Message {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, *value);
        }
        Message {
            subject: "_INBOX.1".into(),
            reply: None,
            payload: payload.to_owned().into(),
            headers: Some(map),
            status,
            description: None,
            length: 0,
        }
    }

    const FROM_BROKER: [(&str, &str); 2] =
        [("Nats-Sequence", "7"), ("Nats-Time-Stamp", "2026-11-25T17:00:00.5Z")];

    #[test]
    fn a_reply_has_the_setting_with_its_revision_and_its_time() {
        let stored =
            parse::<PoolSetting>(&reply(None, &FROM_BROKER, r#"{"rate":3}"#)).unwrap().unwrap();
        assert_eq!((stored.revision, stored.written_at.as_millis() % 1_000), (7, 500));
        assert_eq!(stored.setting.unwrap().rate, Some(3));
        assert_eq!(parse::<PoolSetting>(&reply(Some(StatusCode::NOT_FOUND), &[], "")), Ok(None));
        assert!(parse::<PoolSetting>(&reply(None, &[], "{}")).is_err());
    }

    #[test]
    fn a_key_that_was_deleted_has_the_default() {
        for operation in ["DEL", "PURGE"] {
            let headers = [&FROM_BROKER[..], &[("KV-Operation", operation)]].concat();
            let stored = parse::<PoolSetting>(&reply(None, &headers, "")).unwrap().unwrap();
            assert_eq!(stored.setting, Ok(PoolSetting::default()));
        }
        assert!(
            parse::<PoolSetting>(&reply(None, &FROM_BROKER, "")).unwrap().unwrap().setting.is_err()
        );
    }
}
