//! `limits`: the floor to compare with. A bare HTTP server, the brokers and the database, each by
//! itself and with the same orders.

use anyhow::Result;
use streams::Profile;

use super::batches::write_batches;
use super::load_run::{Load, closed};
use super::notes::Notes;
use super::publishing::{ONE_BY_ONE, PACKED, publish};
use super::scene::{CONNECTIONS, REPETITIONS, Scene};
use super::stand::{Shape, Stand};

pub(super) async fn run(scene: &Scene, notes: &mut Notes) -> Result<()> {
    let profiles = scene.only.map_or(vec![Profile::Durable, Profile::Single], |only| vec![only]);
    for (index, profile) in profiles.into_iter().enumerate() {
        let shape = Shape { edges: 0, ..Shape::without_workers(profile) };
        let mut stand = Stand::start(scene, &format!("limits, {profile}"), shape).await?;
        for _ in 0..REPETITIONS {
            // HTTP and PostgreSQL are the same under every profile.
            if index == 0 {
                http(scene, notes, &mut stand).await?;
                postgres(scene, notes, &stand).await?;
            }
            brokers(scene, notes, &stand, profile).await?;
        }
        stand.end(scene, notes).await?;
    }
    Ok(())
}

async fn http(scene: &Scene, notes: &mut Notes, stand: &mut Stand) -> Result<()> {
    let url = stand.bare().await?;
    let name = "bare HTTP, 256 connections";
    let phases = vec![(name.to_owned(), closed(CONNECTIONS, scene.time))];
    let load = Load { urls: vec![url], bodies: &scene.goods.small, phases };
    for result in stand.load(scene, notes, load).await? {
        notes.row(name, "answers/s", result.rate());
    }
    Ok(())
}

async fn postgres(scene: &Scene, notes: &mut Notes, stand: &Stand) -> Result<()> {
    scene.say("limits: PostgreSQL, batches");
    let rate = write_batches(stand.cluster.servers.postgres.url(), scene.time).await?;
    notes.row("PostgreSQL, 500 orders a transaction, 2 writers", "orders/s", rate);
    Ok(())
}

async fn brokers(scene: &Scene, notes: &mut Notes, stand: &Stand, profile: Profile) -> Result<()> {
    for (name, publishing) in [("one a message", ONE_BY_ONE), ("256 a message", PACKED)] {
        scene.say(&format!("limits: {profile}, stored {name}"));
        let (urls, bodies) = (stand.cluster.servers.brokers.url(), &scene.goods.small);
        let rate = publish(urls, profile, bodies, publishing, scene.time).await?;
        notes.row(&format!("{profile}: stored, {name}"), "orders/s", rate);
    }
    Ok(())
}
