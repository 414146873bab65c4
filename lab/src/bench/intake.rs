//! `intake`: orders acknowledged a second by one edge, and how long an answer takes. No worker runs
//! meanwhile, so that it is the edge and the brokers that are measured; what was acknowledged is
//! carried to its end afterwards.

use anyhow::Result;
use streams::Profile;

use super::load_run::{Load, closed, open};
use super::notes::Notes;
use super::publishing::{ONE_BY_ONE, publish};
use super::scene::{CONNECTIONS, REPETITIONS, Scene};
use super::stand::{Shape, Stand};
use crate::load::PhaseResult;

/// Connections beside those of the full load.
const FEWER: [usize; 3] = [1, 8, 64];
/// Shares of the highest rate, in percent, at which answers are timed. The half is a figure.
const SHARES: [u32; 2] = [25, 75];
const HALF: u32 = 50;

pub(super) async fn run(scene: &Scene, notes: &mut Notes) -> Result<()> {
    let all = vec![Profile::Durable, Profile::Fast, Profile::Single];
    for profile in scene.only.map_or(all, |only| vec![only]) {
        under(scene, notes, profile).await?;
    }
    Ok(())
}

async fn under(scene: &Scene, notes: &mut Notes, profile: Profile) -> Result<()> {
    let name = format!("intake, {profile}");
    let mut stand = Stand::start(scene, &name, Shape::without_workers(profile)).await?;
    let mut intake = Admission { scene, notes, stand: &mut stand, profile };
    intake.warm_up().await?;
    for _ in 0..REPETITIONS {
        intake.highest().await?;
        intake.fewer_connections().await?;
    }
    for _ in 0..REPETITIONS {
        intake.at_constant_rates().await?;
    }
    for _ in 0..REPETITIONS {
        intake.baskets().await?;
    }
    stand.end(scene, notes).await?;
    Ok(())
}

struct Admission<'a> {
    scene: &'a Scene,
    notes: &'a mut Notes,
    stand: &'a mut Stand,
    profile: Profile,
}

impl Admission<'_> {
    async fn warm_up(&mut self) -> Result<()> {
        let (urls, time) = (self.stand.edge_urls(), self.scene.side_time());
        for urls in [urls, vec![self.stand.bare().await?]] {
            let phases = vec![(String::new(), closed(CONNECTIONS, time))];
            let load = Load { urls, bodies: &self.scene.goods.small, phases };
            self.stand.load(self.scene, self.notes, load).await?;
        }
        Ok(())
    }

    /// Full load on the bare server, on the edge, and on the broker alone.
    async fn highest(&mut self) -> Result<()> {
        let Self { scene, profile, .. } = *self;
        let phase = closed(CONNECTIONS, scene.time);
        let phases = vec![(format!("{profile}: bare HTTP"), phase)];
        let urls = vec![self.stand.bare().await?];
        let load = Load { urls, bodies: &scene.goods.small, phases };
        let http: f64 =
            self.stand.load(scene, self.notes, load).await?.iter().map(PhaseResult::rate).sum();
        self.notes.row(&format!("{profile}: bare HTTP"), "answers/s", http);

        let name = self.full();
        let result = self.stand.post(scene, self.notes, &scene.goods.small, (&name, phase)).await?;
        self.notes.result(&name, &result);
        match profile {
            Profile::Durable => {
                let (urls, bodies) = (self.stand.cluster.servers.brokers.url(), &scene.goods.small);
                let stored = publish(urls, profile, bodies, ONE_BY_ONE, scene.time).await?;
                self.notes.row(&format!("{profile}: stored, one a message"), "orders/s", stored);
                self.notes.figure("intake_durable_vs_http", "ratio", result.rate() / http);
                self.notes.figure("intake_durable_vs_publish", "ratio", result.rate() / stored);
            }
            Profile::Single => {
                self.notes.figure("intake_single_vs_http", "ratio", result.rate() / http);
            }
            Profile::Fast => {}
        }
        Ok(())
    }

    async fn fewer_connections(&mut self) -> Result<()> {
        for connections in FEWER {
            let name = format!("{}, small orders, {connections} connections", self.profile);
            let phase = closed(connections, self.scene.side_time());
            let bodies = &self.scene.goods.small;
            let result = self.stand.post(self.scene, self.notes, bodies, (&name, phase)).await?;
            self.notes.result(&name, &result);
        }
        Ok(())
    }

    async fn at_constant_rates(&mut self) -> Result<()> {
        let Self { scene, profile, .. } = *self;
        let highest = self.notes.median_rate(&self.full());
        for share in SHARES.into_iter().chain([HALF]) {
            let time = if share == HALF { scene.time } else { scene.side_time() };
            let phase = open(CONNECTIONS, highest * f64::from(share) / 100.0, time);
            let name = format!("{profile}, small orders, {share} % of the highest rate");
            let result =
                self.stand.post(scene, self.notes, &scene.goods.small, (&name, phase)).await?;
            self.notes.result(&name, &result);
            if share == HALF && profile == Profile::Durable {
                self.notes.figure("ack_p99_half_rate_ms", "ms", result.times.p99);
            }
        }
        Ok(())
    }

    async fn baskets(&mut self) -> Result<()> {
        let Self { scene, profile, .. } = *self;
        let (time, bodies) = (scene.side_time(), &scene.goods.baskets);
        let name = format!("{profile}, real baskets, {CONNECTIONS} connections");
        let phase = closed(CONNECTIONS, time);
        let result = self.stand.post(scene, self.notes, bodies, (&name, phase)).await?;
        self.notes.result(&name, &result);
        let half = open(CONNECTIONS, self.notes.median_rate(&name) / 2.0, time);
        let name = format!("{profile}, real baskets, {HALF} % of the highest rate");
        let result = self.stand.post(scene, self.notes, bodies, (&name, half)).await?;
        self.notes.result(&name, &result);
        Ok(())
    }

    fn full(&self) -> String {
        format!("{}, small orders, {CONNECTIONS} connections", self.profile)
    }
}
