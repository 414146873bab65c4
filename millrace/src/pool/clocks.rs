//! What goes on while a pool is paused or slower than its orders come, and ends in something: pure.

use streams::{ADMISSION_PERCENT_MAX, Pool, PoolSetting};
use workers::{PAYMENT_TIMEOUT, fulfilment, inventory, payment, stages};

/// The clocks that run while `pool` has this setting, each in one sentence.
pub(super) fn clocks(pool: Pool, setting: &PoolSetting) -> Vec<String> {
    let is_slowed = setting.workers.is_some() || setting.rate.is_some();
    if !setting.paused && !is_slowed {
        return Vec::new();
    }
    let mut clocks = Vec::new();
    if stages::steps_of(pool).iter().any(|step| step.kind == streams::StepKind::Undo) {
        clocks.push("what undoes goes on: cancellations are not held back".to_owned());
    }
    match pool {
        inventory::POOL => clocks.push(format!(
            "edges refuse new orders (503, /problems/backlog) once the oldest has waited for inventory for {} \
             (--backlog-max-age of the edges, if it is not set otherwise)",
            edge::BACKLOG_MAX_AGE
        )),
        payment::POOL if setting.paused => clocks.push(format!(
            "reservations do not expire during the pause: it does not count for the {PAYMENT_TIMEOUT} of \
             --payment-timeout"
        )),
        payment::POOL => clocks.push(format!(
            "an order that is not paid {PAYMENT_TIMEOUT} after its reservation is cancelled (--payment-timeout of the \
             workers, if it is not set otherwise)"
        )),
        fulfilment::POOL => clocks.push("paid orders wait for their shipment without a limit".to_owned()),
        _ => {}
    }
    let is_observer = stages::steps_of(pool).iter().all(streams::Step::is_observer);
    clocks.push(if is_observer {
        "no order waits for it: what it misses while a lane fills up is rebuilt from rows".to_owned()
    } else {
        format!(
            "orders that wait fill the lanes: each takes no new ones from {ADMISSION_PERCENT_MAX} % on, and edges \
             refuse orders (503, /problems/stream-full) when all are that full"
        )
    });
    clocks
}

#[cfg(test)]
mod tests {
    use streams::Setting;

    use super::*;

    fn text(pool: &str, json: &str) -> String {
        let setting = PoolSetting::parse(json.as_bytes()).unwrap();
        clocks(stages::pool_named(pool).unwrap(), &setting).join("\n")
    }

    #[test]
    fn a_pause_names_the_clocks_that_run_with_their_durations() {
        let paused = r#"{"paused":true}"#;
        assert!(text("inventory", paused).contains("waited for inventory for 10m"));
        assert!(text("payment", paused).contains("does not count for the 15m"));
        assert!(
            text("payment", r#"{"rate":5}"#).contains("15m after its reservation is cancelled")
        );
        assert!(text("fulfilment", paused).contains("without a limit"));
        assert!(text("analytics", paused).contains("rebuilt from rows"));
        assert!(!text("analytics", paused).contains("what undoes"));
    }

    #[test]
    fn a_pool_that_is_as_fast_as_it_can_be_has_none() {
        assert_eq!(text("inventory", r#"{"batch":64}"#), "");
    }
}
