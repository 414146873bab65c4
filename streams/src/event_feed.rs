//! The events of the lanes while they are published: what an edge sees that follows orders. They come over core NATS,
//! so nothing is stored for it, and what is published without a subscriber costs nothing. What was missed does not come
//! again.

use std::future::poll_fn;
use std::task::{Context, Poll};

use async_nats::Subscriber;
use bytes::Bytes;
use futures_util::StreamExt;
use orders::EventKind;
use tokio::sync::watch;

use crate::limits::FEED_MESSAGES_MAX;
use crate::subjects::fed_subject;
use crate::{BrokerAccess, ConnectError, Connection, ListenError};

/// A connection over which events can be followed.
pub struct EventFeed {
    connection: Connection,
    kinds: &'static [EventKind],
}

/// The events that are published as long as this is kept.
pub struct FedEvents {
    connection: Connection,
    /// In the sequence of the lifecycle.
    kinds: Vec<Subscriber>,
    gaps: watch::Receiver<u64>,
}

/// What a feed has.
#[derive(Debug, PartialEq, Eq)]
pub enum Fed {
    /// The lines of a message.
    Batch(Bytes),
    /// Messages may have been missed. Those from now on come.
    Gap,
}

impl EventFeed {
    /// Connects, to follow events of these `kinds`, in the sequence of the lifecycle. `name` is what operators see in
    /// the brokers' list of connections.
    ///
    /// # Errors
    /// See [`Connection::open`].
    pub async fn open(
        access: &BrokerAccess,
        name: &str,
        kinds: &'static [EventKind],
    ) -> Result<Self, ConnectError> {
        let set =
            |options: async_nats::ConnectOptions| options.subscription_capacity(FEED_MESSAGES_MAX);
        let connection = Connection::open_with(access, name, set).await?;
        Ok(Self { connection, kinds })
    }

    /// Subscribes. What is published after this returns comes, if the broker is connected; if it is not, a
    /// [`Fed::Gap`] comes once it is.
    ///
    /// # Errors
    /// The connection is closed.
    pub async fn subscribe(&self) -> Result<FedEvents, ListenError> {
        let gaps = self.connection.events.gaps();
        let mut kinds = Vec::new();
        for kind in self.kinds {
            let subscriber = self.connection.client.subscribe(fed_subject(*kind)).await;
            kinds.push(subscriber.map_err(ListenError)?);
        }
        self.connection.flush().await;
        Ok(FedEvents { connection: self.connection.clone(), kinds, gaps })
    }
}

impl FedEvents {
    /// What comes next; `None` when the connection is closed. Cancel-safe.
    pub async fn next(&mut self) -> Option<Fed> {
        tokio::select! {
            biased;
            changed = self.gaps.changed() => {
                changed.ok()?;
                // The client library subscribes again before this comes back.
                self.connection.flush().await;
                Some(Fed::Gap)
            }
            next = poll_fn(|context| poll_next(&mut self.kinds, context)) => next.map(Fed::Batch),
        }
    }
}

/// The next message. Of several that are there, one that is earlier in the lifecycle of an order comes first, since
/// each kind has a queue of its own.
fn poll_next(kinds: &mut [Subscriber], context: &mut Context<'_>) -> Poll<Option<Bytes>> {
    for kind in kinds {
        if let Poll::Ready(message) = kind.poll_next_unpin(context) {
            return Poll::Ready(message.map(|message| message.payload));
        }
    }
    Poll::Pending
}
