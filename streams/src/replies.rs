//! Requests and their replies, by one subscription for each connection.
//!
//! The client's own requests keep an entry for ever when no reply comes (nats.rs issue 1617); here
//! an entry lives as long as somebody waits. It also takes the late reply to an earlier try.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_nats::{Client, HeaderMap, Message, SubscribeError, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::mpsc;

/// Replies to the tries of one request that may wait to be read; any of them will do.
const REPLIES_BUFFERED_MAX: usize = 4;

type PendingReplies = Arc<Mutex<HashMap<u64, mpsc::Sender<Message>>>>;

/// Where replies to this connection's requests arrive.
#[derive(Clone)]
pub(crate) struct ReplyRouter {
    client: Client,
    inbox: Arc<str>,
    next: Arc<AtomicU64>,
    awaited: PendingReplies,
}

/// One request that waits for its reply.
pub(crate) struct PendingRequest {
    client: Client,
    token: u64,
    reply_to: String,
    replies: mpsc::Receiver<Message>,
    awaited: PendingReplies,
}

impl ReplyRouter {
    /// Listens for replies from now on: a request that is sent next finds its reply here.
    pub(crate) async fn start(client: Client) -> Result<Self, SubscribeError> {
        let inbox: Arc<str> = client.new_inbox().into();
        let replies = client.subscribe(format!("{inbox}.*")).await?;
        let awaited = PendingReplies::default();
        tokio::spawn(route(replies, inbox.len() + 1, awaited.clone()));
        Ok(Self { client, inbox, next: Arc::default(), awaited })
    }

    /// A place for the reply to a request that may be sent several times.
    pub(crate) fn wait(&self) -> PendingRequest {
        let token = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, replies) = mpsc::channel(REPLIES_BUFFERED_MAX);
        lock(&self.awaited).insert(token, sender);
        PendingRequest {
            client: self.client.clone(),
            token,
            reply_to: format!("{}.{token}", self.inbox),
            replies,
            awaited: self.awaited.clone(),
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

    /// The next reply to any of the tries.
    pub(crate) async fn next(&mut self) -> Message {
        match self.replies.recv().await {
            Some(reply) => reply,
            // The connection is closed: nothing will come, and the caller's wait is bounded.
            None => std::future::pending().await,
        }
    }
}

impl Drop for PendingRequest {
    fn drop(&mut self) {
        lock(&self.awaited).remove(&self.token);
    }
}

async fn route(mut replies: Subscriber, prefix: usize, awaited: PendingReplies) {
    while let Some(reply) = replies.next().await {
        let token = reply.subject.get(prefix..).and_then(|token| token.parse::<u64>().ok());
        let waiting = token.and_then(|token| lock(&awaited).get(&token).cloned());
        if let Some(waiting) = waiting {
            // Full means that a reply is there to be read already.
            waiting.try_send(reply).ok();
        }
    }
}

fn lock(
    awaited: &PendingReplies,
) -> std::sync::MutexGuard<'_, HashMap<u64, mpsc::Sender<Message>>> {
    awaited.lock().unwrap_or_else(PoisonError::into_inner)
}
