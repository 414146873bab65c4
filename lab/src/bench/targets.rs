//! The figures that have a target, as docs/BENCHMARKS.md explains them.

/// The threshold and the goal of the figure `name`, and whether `median` meets the threshold.
pub(super) fn comparison(name: &str, median: f64) -> String {
    let Some(target) = TARGETS.iter().find(|target| target.figure == name) else {
        return String::new();
    };
    let Some((threshold, goal)) = target.bounds else { return "  reported".to_owned() };
    let result = if target.is_met(median) == Some(true) { "met" } else { "missed" };
    format!("  {threshold}; {goal}: {result}")
}

/// The target of a figure.
struct Target {
    figure: &'static str,
    /// The threshold that must be met, and the goal; `None` if the figure is only reported.
    bounds: Option<(f64, f64)>,
}

const fn target(figure: &'static str, threshold: f64, goal: f64) -> Target {
    Target { figure, bounds: Some((threshold, goal)) }
}

const fn reported(figure: &'static str) -> Target {
    Target { figure, bounds: None }
}

/// Every figure that the benchmarks report.
const TARGETS: [Target; 50] = [
    target("intake_durable_vs_http", 0.45, 0.60),
    target("intake_single_vs_http", 0.65, 0.80),
    target("intake_durable_vs_publish", 0.9, 1.2),
    target("ack_p99_half_rate_ms", 15.0, 8.0),
    target("ack_p50_single_ms", 2.1, 1.5),
    target("ack_p99_isolation_ratio", 1.1, 1.0),
    target("chain_durable_per_s", 12_000.0, 25_000.0),
    target("chain_keeps_up", 0.95, 1.0),
    target("chain_baskets_per_s", 2_000.0, 6_000.0),
    target("final_p99_ms", 400.0, 150.0),
    target("hot_vs_uniform", 0.9, 1.0),
    target("hot_oversold", 0.0, 0.0),
    reported("sync_50ms_vs_ours"),
    target("provider_50_vs_limit", 0.9, 1.0),
    target("provider_200_vs_limit", 0.9, 1.0),
    target("provider_1000_vs_limit", 0.9, 1.0),
    target("answer_sync_vs_ours", 20.0, 50.0),
    target("backlog_end_vs_start", 0.9, 1.0),
    target("edge_rss_mib", 96.0, 48.0),
    target("worker_rss_mib", 192.0, 96.0),
    target("idle_rss_mib", 256.0, 160.0),
    target("failover_refused", 0.0, 0.0),
    target("failover_longest_killed_s", 1.0, 0.3),
    target("failover_longest_stopped_s", 1.5, 0.6),
    target("failover_longest_resumed_s", 1.5, 0.6),
    target("failover_longest_restart_s", 1.0, 0.3),
    target("failover_longest_final_s", 12.0, 9.0),
    target("batch_vs_single", 2.5, 5.0),
    target("stock_warm_vs_http", 0.5, 0.7),
    target("intake_under_reads", 0.95, 1.0),
    target("intake_identity_vs_none", 0.9, 1.0),
    reported("intake_new_rs256_vs_none"),
    target("chain_lanes_vs_one", 0.95, 1.0),
    target("broker_cpu_lanes_vs_one", 1.05, 1.0),
    target("cpu_vs_sync", 0.45, 0.33),
    reported("cpu_vs_sync_at_1000"),
    reported("cpu_us_edge"),
    reported("cpu_us_brokers"),
    reported("cpu_us_inventory"),
    reported("cpu_us_payment"),
    reported("cpu_us_fulfilment"),
    reported("cpu_us_database"),
    reported("cpu_us_redis"),
    reported("cpu_us_edge_at_1000"),
    reported("cpu_us_brokers_at_1000"),
    reported("cpu_us_inventory_at_1000"),
    reported("cpu_us_payment_at_1000"),
    reported("cpu_us_fulfilment_at_1000"),
    reported("cpu_us_database_at_1000"),
    reported("cpu_us_redis_at_1000"),
];

impl Target {
    /// Whether `median` meets the threshold. If the goal is smaller than the threshold, less is
    /// better.
    fn is_met(&self, median: f64) -> Option<bool> {
        let (threshold, goal) = self.bounds?;
        let less_is_better = goal < threshold || goal == 0.0;
        Some(if less_is_better { median <= threshold } else { median >= threshold })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_met(figure: &str, median: f64) -> Option<bool> {
        TARGETS.iter().find(|target| target.figure == figure).unwrap().is_met(median)
    }

    #[test]
    fn lower_is_better_for_times_and_memory_and_higher_for_rates() {
        assert_eq!(is_met("ack_p99_half_rate_ms", 14.0), Some(true));
        assert_eq!(is_met("ack_p99_half_rate_ms", 16.0), Some(false));
        assert_eq!(is_met("chain_durable_per_s", 13_000.0), Some(true));
        assert_eq!(is_met("chain_durable_per_s", 11_000.0), Some(false));
        assert_eq!(is_met("hot_oversold", 1.0), Some(false));
        assert_eq!(is_met("sync_50ms_vs_ours", 1.0), None);
    }
}
