//! Routes replies to pending requests, over one subscription per connection.
//!
//! The client library's own requests keep an entry forever if no reply arrives (nats.rs issue
//! 1617). Here an entry lives as long as its [`PendingRequest`], which also receives the late reply
//! to an earlier attempt.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::limits::REPLIES_BUFFERED_MAX;
use async_nats::{Client, HeaderMap, Message, SubscribeError, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::mpsc;

/// Where to deliver a reply, by the token in its subject.
type PendingReplies = HashMap<u64, mpsc::Sender<Message>>;

/// Receives the replies to this connection's requests.
#[derive(Clone)]
pub(crate) struct ReplyRouter {
    client: Client,
    inbox: Arc<str>,
    next_token: Arc<AtomicU64>,
    pending: Arc<Mutex<PendingReplies>>,
}

/// One request that is waiting for its reply.
pub(crate) struct PendingRequest {
    client: Client,
    token: u64,
    reply_to: String,
    replies: mpsc::Receiver<Message>,
    pending: Arc<Mutex<PendingReplies>>,
}

impl ReplyRouter {
    /// Subscribes to the inbox, before any request is sent.
    pub(crate) async fn start(client: Client) -> Result<Self, SubscribeError> {
        let inbox: Arc<str> = client.new_inbox().into();
        let replies = client.subscribe(format!("{inbox}.*")).await?;
        let pending = Arc::<Mutex<PendingReplies>>::default();
        tokio::spawn(route(replies, inbox.len() + 1, pending.clone()));
        Ok(Self { client, inbox, next_token: Arc::default(), pending })
    }

    /// Registers a request, which may then be sent several times.
    pub(crate) fn register(&self) -> PendingRequest {
        let token = self.next_token.fetch_add(1, Ordering::Relaxed);
        let (sender, replies) = mpsc::channel(REPLIES_BUFFERED_MAX);
        lock(&self.pending).insert(token, sender);
        PendingRequest {
            client: self.client.clone(),
            token,
            reply_to: format!("{}.{token}", self.inbox),
            replies,
            pending: self.pending.clone(),
        }
    }
}

impl PendingRequest {
    /// Sends the request once.
    pub(crate) async fn send(
        &self,
        subject: &str,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<(), async_nats::PublishError> {
        let (subject, reply_to) = (subject.to_owned(), self.reply_to.clone());
        self.client.publish_with_reply_and_headers(subject, reply_to, headers, payload).await
    }

    /// Publishes an empty message that is the request's own reply: it arrives once the broker has
    /// processed everything that was sent before.
    pub(crate) async fn send_to_itself(&self) -> Result<(), async_nats::PublishError> {
        self.client.publish(self.reply_to.clone(), Bytes::new()).await
    }

    /// The next reply to any of the attempts.
    pub(crate) async fn next_reply(&mut self) -> Message {
        match self.replies.recv().await {
            Some(reply) => reply,
            // The connection is closed: no reply will arrive, and the caller's wait has a timeout.
            None => std::future::pending().await,
        }
    }
}

impl Drop for PendingRequest {
    fn drop(&mut self) {
        lock(&self.pending).remove(&self.token);
    }
}

async fn route(mut replies: Subscriber, prefix: usize, pending: Arc<Mutex<PendingReplies>>) {
    while let Some(reply) = replies.next().await {
        let token = reply.subject.get(prefix..).and_then(|token| token.parse::<u64>().ok());
        let request = token.and_then(|token| lock(&pending).get(&token).cloned());
        if let Some(request) = request {
            // If the channel is full, unread replies are already available.
            request.try_send(reply).ok();
        }
    }
}

fn lock(pending: &Mutex<PendingReplies>) -> MutexGuard<'_, PendingReplies> {
    pending.lock().unwrap_or_else(PoisonError::into_inner)
}
