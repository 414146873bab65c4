//! Refunds that the provider accepted and that failed later: each is a dead letter, and its order keeps
//! its stock, until an operator replays it.

use anyhow::Result;
use millrace::dead_letters::{ResolveRequest, resolve};
use streams::Connection;
use streams::dead_letter::{ResolutionKind, unresolved};
use workers::payment;

const RESOLUTION: ResolveRequest<'_> = ResolveRequest {
    action: ResolutionKind::Replayed,
    by: "chaos",
    why: "the provider refunds again",
};

/// Replays the dead letters of refunds. Returns how many there were.
pub(super) async fn replay(connection: &Connection) -> Result<u64> {
    let mut count = 0;
    for letter in unresolved(connection).await? {
        if letter.content.step == payment::REFUND.name {
            resolve(connection, &letter, RESOLUTION).await?;
            count += 1;
        }
    }
    Ok(count)
}
