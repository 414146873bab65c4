//! The figures that have a mark to reach, as docs/BENCHMARKS.md explains them.

/// What a figure is to reach.
pub(super) struct Mark {
    pub(super) figure: &'static str,
    /// The least that is needed, and where it is heading; `None` where it is only reported.
    pub(super) marks: Option<(f64, f64)>,
}

const fn mark(figure: &'static str, first: f64, goal: f64) -> Mark {
    Mark { figure, marks: Some((first, goal)) }
}

const fn reported(figure: &'static str) -> Mark {
    Mark { figure, marks: None }
}

/// All of them.
pub(super) const MARKS: [Mark; 17] = [
    mark("intake_durable_vs_http", 0.45, 0.60),
    mark("intake_single_vs_http", 0.65, 0.80),
    mark("intake_durable_vs_publish", 0.9, 1.2),
    mark("ack_p99_half_rate_ms", 15.0, 8.0),
    mark("ack_p99_isolation_ratio", 1.1, 1.0),
    mark("chain_durable_per_s", 12_000.0, 25_000.0),
    mark("chain_keeps_up", 0.95, 1.0),
    mark("chain_baskets_per_s", 2_000.0, 6_000.0),
    mark("final_p99_ms", 400.0, 150.0),
    mark("hot_vs_uniform", 0.9, 1.0),
    mark("hot_oversold", 0.0, 0.0),
    reported("sync_50ms_vs_ours"),
    mark("answer_sync_vs_ours", 20.0, 50.0),
    mark("backlog_end_vs_start", 0.9, 1.0),
    mark("edge_rss_mib", 96.0, 48.0),
    mark("worker_rss_mib", 192.0, 96.0),
    mark("idle_rss_mib", 256.0, 160.0),
];

impl Mark {
    /// Whether `median` reaches the first mark. Where the goal is the smaller number, less is better.
    pub(super) fn is_reached(&self, median: f64) -> Option<bool> {
        let (first, goal) = self.marks?;
        let less_is_better = goal < first;
        Some(if less_is_better || goal == 0.0 { median <= first } else { median >= first })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(figure: &str, median: f64) -> Option<bool> {
        MARKS.iter().find(|mark| mark.figure == figure).unwrap().is_reached(median)
    }

    #[test]
    fn times_and_memory_are_to_be_small_and_rates_large() {
        assert_eq!(reached("ack_p99_half_rate_ms", 14.0), Some(true));
        assert_eq!(reached("ack_p99_half_rate_ms", 16.0), Some(false));
        assert_eq!(reached("chain_durable_per_s", 13_000.0), Some(true));
        assert_eq!(reached("chain_durable_per_s", 11_000.0), Some(false));
        assert_eq!(reached("hot_oversold", 1.0), Some(false));
        assert_eq!(reached("sync_50ms_vs_ours", 1.0), None);
    }
}
