//! The make-up of a cluster that is measured.

use std::path::PathBuf;

use streams::{Pool, Profile};
use workers::{payment, stages};

use crate::servers::Protection;

/// A worker is one thread, and payment's has twice the work of any other process but the brokers.
/// If all share two cores in equal parts, one payment worker does not get enough CPU.
const PAYMENT_WORKERS: usize = 2;

/// The processes of a cluster, and their environment.
#[derive(Clone)]
pub(in super::super) struct ClusterSpec {
    pub(in super::super) profile: Profile,
    /// The number of lanes; `None` for that of the profile.
    pub(in super::super) lanes: Option<usize>,
    pub(in super::super) edges: usize,
    /// The number of workers of each pool.
    pub(in super::super) workers: Vec<(Pool, usize)>,
    pub(in super::super) protection: Protection,
    /// A file with the keys by which edges verify tokens; `None` if callers are not authenticated.
    pub(in super::super) token_keys: Option<PathBuf>,
    /// Environment variables of every role.
    pub(in super::super) envs: Vec<(&'static str, &'static str)>,
}

impl ClusterSpec {
    /// One edge, two payment workers, and one worker for each other pool.
    pub(in super::super) fn default_for(profile: Profile) -> Self {
        let workers = stages::order_pools().into_iter().map(|pool| (pool, 1)).collect();
        let spec = Self {
            profile,
            lanes: None,
            edges: 1,
            workers,
            protection: Protection::Full,
            token_keys: None,
            envs: Vec::new(),
        };
        spec.with_workers(payment::POOL, PAYMENT_WORKERS)
    }

    /// The same with `count` workers in a pool.
    pub(in super::super) fn with_workers(mut self, pool: Pool, count: usize) -> Self {
        self.workers.retain(|(other, _)| *other != pool);
        self.workers.push((pool, count));
        self
    }

    /// The same without workers. Orders may wait for up to a day without intake being closed.
    pub(in super::super) fn without_workers(profile: Profile) -> Self {
        let envs = vec![("MILLRACE_BACKLOG_MAX_AGE", "1d")];
        Self { workers: Vec::new(), envs, ..Self::default_for(profile) }
    }
}
