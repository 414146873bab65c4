//! What the parts of a chaos run share.

use tokio::time::Instant;
use workers::database::Database;

use super::ack_journal::AckJournal;
use crate::order_client::OrderClient;

/// What buyers, schedules and probes of a run share.
#[derive(Clone)]
pub(super) struct ChaosContext {
    pub(super) seed: u64,
    /// Whether some buyers use cards that their bank has authenticated.
    pub(super) authenticates: bool,
    /// The prefix of all idempotency keys of this run.
    pub(super) key_prefix: String,
    pub(super) client: OrderClient,
    pub(super) journal: AckJournal,
    pub(super) database: Database,
    pub(super) started: Instant,
}
