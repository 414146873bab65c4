//! Whether the leaders are where the workers keep them: before that, one broker may lead two lanes, and
//! its strike costs more than one.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use streams::{Connection, broker_api, lanes};
use tokio::time::{Instant, sleep};

/// Workers move a leader each five seconds, from 15 s after the last election on.
const SETTLE_TIMEOUT: Duration = Duration::from_mins(2);
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The leaders of a lane and of its durable consumers.
struct Leaders {
    lane: Option<String>,
    durables: Vec<Option<String>>,
}

/// Waits until each lane is on a broker of its own with its durable consumers. Returns how long that took;
/// `None` if it did not happen in time.
pub(in super::super) async fn wait_until_settled(connection: &Connection) -> Option<Duration> {
    let started = Instant::now();
    while started.elapsed() < SETTLE_TIMEOUT {
        if leaders(connection).await.is_ok_and(|leaders| is_settled(&leaders)) {
            return Some(started.elapsed());
        }
        sleep(POLL_INTERVAL).await;
    }
    None
}

async fn leaders(connection: &Connection) -> Result<Vec<Leaders>> {
    let leader = |info: &Value| info["cluster"]["leader"].as_str().map(str::to_owned);
    let mut all = Vec::new();
    for lane in lanes(connection).await? {
        let info = broker_api(connection, &format!("STREAM.INFO.{lane}"), &json!({})).await?;
        let request = format!("CONSUMER.LIST.{lane}");
        let list = broker_api(connection, &request, &json!({})).await?;
        let consumers = list["consumers"].as_array().context("no list of consumers")?;
        // What reads a stream once is not durable, and may be anywhere.
        let durables = consumers.iter().filter(|it| it["config"]["durable_name"].is_string());
        let durables = durables.map(leader).collect();
        all.push(Leaders { lane: leader(&info), durables });
    }
    Ok(all)
}

fn is_settled(lanes: &[Leaders]) -> bool {
    let apart: BTreeSet<_> = lanes.iter().filter_map(|it| it.lane.as_ref()).collect();
    let is_together = |it: &Leaders| it.durables.iter().all(|durable| *durable == it.lane);
    apart.len() == lanes.len() && lanes.iter().all(is_together)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(leader: &str, durables: &[&str]) -> Leaders {
        let broker = |name: &str| (!name.is_empty()).then(|| name.to_owned());
        Leaders { lane: broker(leader), durables: durables.iter().map(|it| broker(it)).collect() }
    }

    #[test]
    fn leaders_are_settled_when_each_lane_is_on_its_own_broker_with_its_durable_consumers() {
        assert!(is_settled(&[lane("b1", &["b1", "b1"]), lane("b2", &["b2"])]));
        assert!(!is_settled(&[lane("b1", &["b1"]), lane("b1", &["b1"])]));
        assert!(!is_settled(&[lane("b1", &["b1", "b2"]), lane("b2", &["b2"])]));
        assert!(!is_settled(&[lane("", &[]), lane("b2", &["b2"])]));
    }
}
