//! `POST /v1/orders:batch`: places many orders with one request. Each line of the body is an order with its
//! key, and each line of the response answers one of them, in the same sequence. A line is as durable as a
//! single order, and one that is refused fails alone.

mod answer;
mod lines;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt, Stream, stream};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use orders::TraceParent;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::task::AbortOnDropHandle;

use super::request_head::require_media_type;
use crate::caller::Caller;
use crate::limits::{BATCH_BYTES_PENDING_MAX, BATCH_CHUNK_BYTES, BATCH_LINES_PENDING_MAX};
use crate::problem::Problem;
use crate::response::{HttpResponse, stream_of};
use crate::state::ShardState;
use answer::answer;
use lines::{Line, Lines};

/// The media types of lines of JSON.
const MEDIA_TYPES: [&str; 3] = ["application/x-ndjson", "application/ndjson", "application/jsonl"];

/// Whether a batch may be placed. Returns its slot.
pub(super) fn accept(
    state: &ShardState,
    headers: &HeaderMap,
) -> Result<OwnedSemaphorePermit, Problem> {
    state.gates.check()?;
    require_media_type(headers, &MEDIA_TYPES)?;
    state.batch_slots.try_request().ok_or(Problem::Overloaded)
}

/// Answers each line of the body, which is read as fast as its orders are stored.
pub(super) fn place_batch(
    state: &Arc<ShardState>,
    caller: Arc<Caller>,
    trace: Option<TraceParent>,
    body: Incoming,
    slot: OwnedSemaphorePermit,
) -> HttpResponse {
    let batch = Batch {
        state: state.clone(),
        caller,
        trace,
        lines: Lines::new(body),
        pending: VecDeque::new(),
        pending_bytes: 0,
        is_read: false,
        _slot: slot,
    };
    stream_of(MEDIA_TYPES[0], batch.answers())
}

/// A batch of which a part is read and a part is answered.
struct Batch {
    state: Arc<ShardState>,
    caller: Arc<Caller>,
    /// That of the request, and so of all its orders.
    trace: Option<TraceParent>,
    lines: Lines,
    /// The lines that were read and are not answered yet, in their sequence.
    pending: VecDeque<Pending>,
    pending_bytes: usize,
    is_read: bool,
    _slot: OwnedSemaphorePermit,
}

/// A line that waits for its answer. It is answered in a task of its own: one that is complete holds no
/// slot, however slowly its client reads.
struct Pending {
    bytes: usize,
    answer: AbortOnDropHandle<Bytes>,
}

impl Batch {
    fn answers(self) -> impl Stream<Item = Bytes> {
        stream::unfold(self, async |mut batch| Some((batch.next().await?, batch)))
    }

    /// The answers that are ready, at least one; `None` if every line is answered.
    async fn next(&mut self) -> Option<Bytes> {
        let mut chunk = BytesMut::from(&self.next_answer().await?[..]);
        while chunk.len() < BATCH_CHUNK_BYTES {
            let ready = self.pending.front_mut().and_then(|it| (&mut it.answer).now_or_never());
            let Some(Ok(answer)) = ready else { break };
            self.answered();
            chunk.extend_from_slice(&answer);
        }
        Some(chunk.freeze())
    }

    /// The answer to the first line that has none, while more lines are read.
    async fn next_answer(&mut self) -> Option<Bytes> {
        loop {
            let has_room = self.pending.len() < BATCH_LINES_PENDING_MAX
                && self.pending_bytes < BATCH_BYTES_PENDING_MAX;
            let Self { state, caller, lines, pending, .. } = self;
            let next_line = next_line(state, caller, lines);
            let Some(first) = pending.front_mut() else {
                if self.is_read {
                    return None;
                }
                let next = next_line.await;
                self.begin(next);
                continue;
            };
            tokio::select! {
                biased;
                answer = &mut first.answer => {
                    self.answered();
                    // After a panic the response ends here: what is not answered is repeated.
                    return answer.ok();
                }
                next = next_line, if has_room && !self.is_read => self.begin(next),
            }
        }
    }

    /// Begins to answer a line, unless the body has ended.
    fn begin(&mut self, next: Option<(Line, OwnedSemaphorePermit)>) {
        let Some((line, slot)) = next else {
            self.is_read = true;
            return;
        };
        self.is_read = line.is_last();
        let bytes = line.content.as_ref().map_or(0, Bytes::len);
        let answer = answer(self.state.clone(), self.caller.clone(), self.trace, line, slot);
        let answer = AbortOnDropHandle::new(tokio::spawn(answer));
        self.pending_bytes += bytes;
        self.pending.push_back(Pending { bytes, answer });
    }

    /// The first line is answered.
    fn answered(&mut self) {
        self.pending_bytes -= self.pending.pop_front().map_or(0, |line| line.bytes);
    }
}

/// The next line of the body, and a slot for its order. Cancel-safe.
async fn next_line(
    state: &ShardState,
    caller: &Caller,
    lines: &mut Lines,
) -> Option<(Line, OwnedSemaphorePermit)> {
    // A line that is not answered is repeated by its client.
    if state.is_draining() || !caller.is_valid_at(SystemTime::now()) {
        return None;
    }
    let slot = state.batch_slots.order().await;
    Some((lines.next().await?, slot))
}
