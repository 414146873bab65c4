//! `isolation`: the time to a 202 does not depend on what comes after it. The provider is slow, or
//! away, or no worker runs at all.

use std::time::Duration;

use anyhow::Result;

use super::load_run::open;
use super::notes::Notes;
use super::scene::{CONNECTIONS, REPETITIONS, Scene};
use super::stand::{Shape, Stand};

/// Of the highest rate with the chain at work, so that no queue is in front of the edge itself.
const SHARE: f64 = 0.25;
/// Longer than the slowest provider takes: slow is not dead.
const PROVIDER_TIMEOUT: (&str, &str) = ("MILLRACE_PROVIDER_TIMEOUT", "4s");
/// The provider goes before the load begins, and comes back after its end.
const AWAY_LONGER: Duration = Duration::from_secs(2);

/// What is wrong behind the edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behind {
    Latency(u32),
    ProviderDead,
    WorkersStopped,
}

const ALL: [Behind; 5] = [
    Behind::Latency(0),
    Behind::Latency(200),
    Behind::Latency(1_000),
    Behind::ProviderDead,
    Behind::WorkersStopped,
];

pub(super) async fn run(scene: &Scene, notes: &mut Notes) -> Result<()> {
    let shape = Shape { envs: vec![PROVIDER_TIMEOUT], ..Shape::usual(scene.profile()) };
    let mut stand = Stand::start(scene, "isolation", shape).await?;
    let highest = stand.highest(scene, notes).await?;
    for _ in 0..REPETITIONS {
        let (mut well, mut worst) = (f64::INFINITY, 0.0_f64);
        for behind in ALL {
            let p99 = with(scene, notes, &mut stand, (behind, highest * SHARE)).await?;
            match behind {
                Behind::Latency(0) => well = p99,
                Behind::ProviderDead | Behind::WorkersStopped => worst = worst.max(p99),
                Behind::Latency(_) => {}
            }
        }
        notes.figure("ack_p99_isolation_ratio", "ratio", worst / well);
    }
    stand.end(scene, notes).await?;
    Ok(())
}

/// The p99 of the time to a 202, in milliseconds.
async fn with(
    scene: &Scene,
    notes: &mut Notes,
    stand: &mut Stand,
    (behind, rate): (Behind, f64),
) -> Result<f64> {
    match behind {
        Behind::Latency(latency) => stand.provider(&format!("latency_ms={latency}")).await?,
        Behind::ProviderDead => {
            let away = scene.time + AWAY_LONGER;
            stand.provider(&format!("away_ms={}", away.as_millis())).await?;
        }
        Behind::WorkersStopped => stand.stop_workers().await?,
    }
    let name = behind.name();
    let phase = open(CONNECTIONS, rate, scene.time);
    let result = stand.post(scene, notes, &scene.goods.small, (&name, phase)).await?;
    notes.result(&name, &result);
    match behind {
        Behind::Latency(_) => stand.provider("latency_ms=0").await?,
        // It comes back by itself.
        Behind::ProviderDead => {}
        Behind::WorkersStopped => stand.start_workers().await?,
    }
    stand.drain().await?;
    Ok(result.times.p99)
}

impl Behind {
    fn name(self) -> String {
        match self {
            Self::Latency(0) => "all well".to_owned(),
            Self::Latency(latency) => format!("provider takes {latency} ms"),
            Self::ProviderDead => "provider dead".to_owned(),
            Self::WorkersStopped => "workers stopped".to_owned(),
        }
    }
}
