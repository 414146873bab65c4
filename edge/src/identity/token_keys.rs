//! The keys of the issuer, kept up to date: read again after a time, and once a token has the id of an unknown key,
//! at a bounded rate. While the issuer is away, the last ones are used.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};

use super::key_set::{Expected, KeySet};
use super::key_source::{KeySource, KeySourceError};
use crate::limits::{TOKEN_KEYS_RETRY_INTERVAL, TOKEN_KEYS_TIMEOUT};

/// The keys of the issuer. Cheap to clone.
#[derive(Clone)]
pub(super) struct TokenKeys {
    state: watch::Receiver<KeyState>,
    wanted: Arc<Notify>,
}

/// What was read last.
#[derive(Clone, Default)]
pub(super) struct KeyState {
    /// `None` until they were read once.
    pub(super) keys: Option<Arc<KeySet>>,
    /// Changes with them.
    pub(super) version: u64,
    read_at: Option<Instant>,
}

/// Reads them.
pub(super) struct KeyReader {
    source: KeySource,
    expected: Expected,
    wanted: Arc<Notify>,
    state: watch::Sender<KeyState>,
    /// What the source had.
    text: Option<Bytes>,
    has_failed: bool,
}

impl TokenKeys {
    /// The keys of `source`, and what keeps them up to date. A file must have keys: one that has none, or does not
    /// exist, is a mistake; an issuer may be away.
    pub(super) async fn open(
        source: KeySource,
        expected: Expected,
    ) -> Result<(Self, KeyReader), KeySourceError> {
        let is_file = matches!(source, KeySource::File(_));
        let wanted = Arc::new(Notify::new());
        let (state, receiver) = watch::channel(KeyState::default());
        let keys = Self { state: receiver, wanted: wanted.clone() };
        let mut reader =
            KeyReader { source, expected, wanted, state, text: None, has_failed: false };
        if is_file {
            reader.try_read().await?;
            if keys.current().keys.is_none_or(|keys| keys.is_empty()) {
                return Err(KeySourceError::NoKey);
            }
        } else {
            reader.read().await;
        }
        Ok((keys, reader))
    }

    /// What was read last.
    pub(super) fn current(&self) -> KeyState {
        self.state.borrow().clone()
    }

    /// What is newer than version `seen`. Has them read again for it, unless that was done just now. `None` if there is
    /// nothing newer.
    pub(super) async fn newer_than(&self, seen: u64) -> Option<KeyState> {
        let mut state = self.state.clone();
        let before = state.borrow_and_update().clone();
        if before.version != seen {
            return Some(before);
        }
        if before.read_at.is_some_and(|at| at.elapsed() < TOKEN_KEYS_RETRY_INTERVAL) {
            return None;
        }
        self.wanted.notify_one();
        timeout(TOKEN_KEYS_TIMEOUT, state.changed()).await.ok()?.ok()?;
        let after = state.borrow().clone();
        (after.version != before.version).then_some(after)
    }
}

impl KeyReader {
    /// Runs for as long as the process.
    pub(super) async fn run(mut self) {
        loop {
            let has_keys = self.state.borrow().keys.is_some();
            let interval = if has_keys && !self.has_failed {
                self.source.refresh_interval()
            } else {
                TOKEN_KEYS_RETRY_INTERVAL
            };
            tokio::select! {
                () = sleep(interval) => {}
                () = self.wanted.notified() => {}
            }
            // Several requests may have asked for what one of them got.
            let read_at = self.state.borrow().read_at;
            if read_at.is_none_or(|at| at.elapsed() >= TOKEN_KEYS_RETRY_INTERVAL) {
                self.read().await;
            }
        }
    }

    /// Reads the keys. A failure is logged once.
    async fn read(&mut self) {
        match self.try_read().await {
            Ok(()) if self.has_failed => {
                tracing::info!("keys of the issuer of tokens are read again");
                self.has_failed = false;
            }
            Ok(()) => {}
            Err(err) => {
                if !self.has_failed {
                    let err: &dyn std::error::Error = &err;
                    tracing::warn!(err, "cannot read the keys of the issuer of tokens");
                    self.has_failed = true;
                }
                self.state.send_modify(|state| state.read_at = Some(Instant::now()));
            }
        }
    }

    async fn try_read(&mut self) -> Result<(), KeySourceError> {
        let text = self.source.read().await?;
        let is_new = self.text.as_ref() != Some(&text);
        let keys = is_new.then(|| KeySet::parse(&text, &self.expected)).transpose()?;
        self.text = Some(text);
        if keys.as_ref().is_some_and(KeySet::is_empty) {
            tracing::warn!("the issuer of tokens has no key, and every token is refused");
        }
        self.state.send_modify(|state| {
            state.read_at = Some(Instant::now());
            if let Some(keys) = keys {
                state.keys = Some(Arc::new(keys));
                state.version += 1;
            }
        });
        Ok(())
    }
}
