//! Bodies: read within their limits, and counted while they are held.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::limits::{BODIES_BYTES_MAX, BODY_BYTES_MAX, BODY_PATIENCE};
use crate::problem::Problem;

/// The room that all bodies in memory share.
#[derive(Clone)]
pub(crate) struct Bodies(Arc<Semaphore>);

/// A body, and the room it takes until it is dropped.
#[derive(Default)]
pub(crate) struct Body {
    pub(crate) bytes: Bytes,
    /// Kept for as long as anything made of the body is in memory.
    pub(crate) held: Option<OwnedSemaphorePermit>,
}

impl Bodies {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(BODIES_BYTES_MAX)))
    }

    /// All of `incoming`, or what is wrong with it. Stops reading as soon as it is known.
    pub(crate) async fn receive(&self, incoming: Incoming) -> Result<Body, Problem> {
        if incoming.size_hint().lower() > BODY_BYTES_MAX as u64 {
            return Err(Problem::BodyTooLarge);
        }
        timeout(BODY_PATIENCE, self.read(incoming)).await.map_err(|_| Problem::BodyTooSlow)?
    }

    async fn read(&self, mut incoming: Incoming) -> Result<Body, Problem> {
        let mut body = Body::default();
        let mut more = BytesMut::new();
        while let Some(frame) = incoming.frame().await {
            // Trailers say nothing here.
            let Ok(data) = frame.map_err(|_| Problem::BodyBroken)?.into_data() else { continue };
            if body.bytes.len() + more.len() + data.len() > BODY_BYTES_MAX {
                return Err(Problem::BodyTooLarge);
            }
            self.hold(&mut body, data.len())?;
            // Most bodies come in one piece, which is not copied.
            if body.bytes.is_empty() {
                body.bytes = data;
            } else {
                more.extend_from_slice(&data);
            }
        }
        if !more.is_empty() {
            body.bytes = [&body.bytes[..], &more[..]].concat().into();
        }
        Ok(body)
    }

    fn hold(&self, body: &mut Body, bytes: usize) -> Result<(), Problem> {
        let room = self.0.clone().try_acquire_many_owned(bytes as u32);
        let room = room.map_err(|_| Problem::Overloaded)?;
        match &mut body.held {
            Some(held) => held.merge(room),
            None => body.held = Some(room),
        }
        Ok(())
    }
}
