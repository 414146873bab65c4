//! Request bodies: read within their limits, and counted while they are in memory.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::limits::{
    BODIES_BYTES_MAX, BODY_BYTES_MAX, BODY_TIMEOUT, DISCARD_TIMEOUT, DISCARDED_BYTES_MAX,
};
use crate::problem::Problem;

/// The bytes that all request bodies in memory share, across all shards.
#[derive(Clone)]
pub(crate) struct BodyMemoryBudget(Arc<Semaphore>);

/// A request body, and its share of the budget until it is dropped.
#[derive(Default)]
pub(crate) struct Body {
    pub(crate) bytes: Bytes,
    /// Must be held for as long as anything made of the body is in memory.
    pub(crate) permit: Option<OwnedSemaphorePermit>,
}

/// Reads the rest of a body that is not wanted. Returns whether it has ended.
pub(crate) async fn discard(incoming: &mut Incoming) -> bool {
    if incoming.size_hint().lower() > DISCARDED_BYTES_MAX as u64 {
        return false;
    }
    let rest = async {
        let mut discarded = 0;
        while let Some(frame) = incoming.frame().await {
            discarded += frame.ok()?.data_ref().map_or(0, Bytes::len);
            if discarded > DISCARDED_BYTES_MAX {
                return None;
            }
        }
        Some(())
    };
    timeout(DISCARD_TIMEOUT, rest).await.is_ok_and(|end| end.is_some())
}

impl BodyMemoryBudget {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(BODIES_BYTES_MAX)))
    }

    /// Reads the whole body. Stops at the first violation of a limit.
    pub(crate) async fn receive(&self, incoming: &mut Incoming) -> Result<Body, Problem> {
        if incoming.size_hint().lower() > BODY_BYTES_MAX as u64 {
            return Err(Problem::BodyTooLarge);
        }
        timeout(BODY_TIMEOUT, self.read(incoming)).await.map_err(|_| Problem::BodyTimeout)?
    }

    async fn read(&self, incoming: &mut Incoming) -> Result<Body, Problem> {
        let mut body = Body::default();
        let mut rest = BytesMut::new();
        while let Some(frame) = incoming.frame().await {
            // Trailers carry nothing that is used here.
            let Ok(data) = frame.map_err(|_| Problem::BodyTruncated)?.into_data() else { continue };
            if body.bytes.len() + rest.len() + data.len() > BODY_BYTES_MAX {
                return Err(Problem::BodyTooLarge);
            }
            self.reserve(&mut body, data.len())?;
            // Most bodies arrive in one frame, which is not copied.
            if body.bytes.is_empty() {
                body.bytes = data;
            } else {
                rest.extend_from_slice(&data);
            }
        }
        if !rest.is_empty() {
            body.bytes = [&body.bytes[..], &rest[..]].concat().into();
        }
        Ok(body)
    }

    fn reserve(&self, body: &mut Body, bytes: usize) -> Result<(), Problem> {
        let added = self.0.clone().try_acquire_many_owned(bytes as u32);
        let added = added.map_err(|_| Problem::Overloaded)?;
        match &mut body.permit {
            Some(permit) => permit.merge(added),
            None => body.permit = Some(added),
        }
        Ok(())
    }
}
