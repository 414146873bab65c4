//! Pulling messages from a durable consumer that a whole pool shares.

mod asked;

use futures_util::FutureExt;
use thiserror::Error;

use crate::{Connection, Delivery, Source, batch};
use asked::Asked;

/// Messages that are asked for in advance: never so few that every pull waits for the broker, and so few
/// that they fit into memory if all of them are as large as can be (half a MiB, and half as many again
/// may be on their way).
const AHEAD_MIN: usize = 4;
const AHEAD_MAX: usize = 32;

/// Pulls from one durable consumer.
pub struct Puller {
    connection: Connection,
    source: Source,
    records_ahead: usize,
    /// Records of a message, by those that came last. It falls slowly: when messages grow, what was asked
    /// for by the size of a few small ones would be far too much.
    records_each: usize,
    asked: Option<Asked>,
    holding_back: bool,
    finishing: bool,
}

/// The broker could not be pulled from. The next pull starts anew.
#[derive(Debug, Error)]
#[error("cannot pull from consumer {durable} of stream {stream}")]
pub struct PullError {
    stream: &'static str,
    durable: String,
    source: async_nats::Error,
}

impl Puller {
    /// A puller for `source` that asks for about `records_ahead` records in advance, in four messages
    /// at least, and for as many more when half of them are taken. What waits here has its `ack_wait`
    /// running, so it must be little. Nothing is asked of the broker yet.
    pub fn new(connection: Connection, source: Source, records_ahead: usize) -> Self {
        let records_each = batch::RECORDS_MAX;
        Self {
            connection,
            source,
            records_ahead,
            records_each,
            asked: None,
            holding_back: false,
            finishing: false,
        }
    }

    /// Where it pulls from.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Waits for a message and takes those that are there with it, up to about `records_max`
    /// records in all. After [`finish`](Self::finish), none means that all have come. May be
    /// cancelled without losing a message.
    pub async fn next(&mut self, records_max: usize) -> Result<Vec<Delivery>, PullError> {
        match self.take(records_max).await {
            Ok(deliveries) => Ok(deliveries),
            Err(source) => {
                // Whatever went wrong, a new pull is the cure.
                self.give_back().await;
                let Source { stream, ref durable, .. } = self.source;
                Err(PullError { stream, durable: durable.clone(), source })
            }
        }
    }

    /// Whether to ask for no more than about one full batch, as whoever is slow should: what it does not
    /// hold is there for others. What was asked for already still comes.
    pub fn hold_back(&mut self, yes: bool) {
        self.holding_back = yes;
    }

    /// From now on nothing more is asked for: `next` gives what was asked for already. That takes
    /// about a second where there are no messages.
    pub fn finish(&mut self) {
        self.finishing = true;
    }

    /// Stops pulling at once and gives back what was asked for in advance. A message that the broker
    /// sends at this very moment is delivered again after `ack_wait`.
    pub async fn give_back(&mut self) {
        self.records_each = batch::RECORDS_MAX;
        let Some(asked) = self.asked.take() else { return };
        // What is given back while it still pulls would come here again.
        for message in asked.end().await {
            if let Ok(delivery) = Delivery::open(message) {
                delivery.give_back().await;
            }
        }
    }

    async fn take(&mut self, records_max: usize) -> Result<Vec<Delivery>, async_nats::Error> {
        let asked = match &mut self.asked {
            Some(asked) => asked,
            None if self.finishing => return Ok(Vec::new()),
            none => none.insert(Asked::open(&self.connection, &self.source).await?),
        };
        if self.finishing {
            asked.stop();
        }
        let (records_ahead, ahead_min, records_max) = if self.holding_back {
            (batch::RECORDS_MAX, 1, batch::RECORDS_MAX.min(records_max))
        } else {
            (self.records_ahead, AHEAD_MIN, records_max)
        };
        let ahead = (records_ahead / self.records_each).clamp(ahead_min, AHEAD_MAX);
        let mut deliveries = Vec::new();
        let mut records = 0;
        while records < records_max {
            let next = if deliveries.is_empty() {
                asked.next(ahead).await
            } else {
                match asked.next(ahead).now_or_never() {
                    Some(next) => next,
                    None => break,
                }
            };
            match next {
                Ok(Some(message)) => {
                    let delivery = Delivery::open(message)?;
                    records += delivery.records.len();
                    deliveries.push(delivery);
                }
                // What was taken is worked on first; the next call begins anew.
                Err(_) if !deliveries.is_empty() => {
                    self.asked = None;
                    break;
                }
                Err(err) => return Err(err),
                Ok(None) => break,
            }
        }
        if !deliveries.is_empty() {
            let each = records.div_ceil(deliveries.len());
            self.records_each = each.max(self.records_each / 2).max(1);
        }
        Ok(deliveries)
    }
}
