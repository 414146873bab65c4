//! `batch`: what group commit is worth. The same chain with messages of up to 1, 16, 64 and 256
//! orders; and, at the brokers alone, one stream against a stream for each stage.

use anyhow::Result;
use streams::Layout;

use super::chain::sustained;
use super::notes::Notes;
use super::relay::hand_on;
use super::scene::{REPETITIONS, Scene};
use super::stand::{Shape, Stand};

const SIZES: [usize; 4] = [1, 16, 64, 256];

pub(super) async fn run(scene: &Scene, notes: &mut Notes) -> Result<()> {
    let mut stand = Stand::start(scene, "batch", Shape::usual(scene.profile())).await?;
    for _ in 0..REPETITIONS {
        let mut alone = None;
        for size in SIZES {
            stand.restart_with("MILLRACE_MAX_BATCH", &size.to_string()).await?;
            let name = format!("up to {size} in a message");
            let small = (name.as_str(), scene.goods.small.as_path());
            let carried = sustained(scene, notes, &mut stand, small).await?;
            let (intake, chain) = (carried.posted.rate(), carried.rate);
            let (intake_alone, chain_alone) = *alone.get_or_insert((intake, chain));
            if size > 1 {
                let row = format!("up to {size} ÷ one in a message");
                notes.row(&format!("{row}: acknowledged"), "ratio", intake / intake_alone);
                notes.row(&format!("{row}: carried to the end"), "ratio", chain / chain_alone);
            }
        }
    }
    for _ in 0..REPETITIONS {
        let one = relay(scene, notes, &stand, Layout::OneStream).await?;
        let each = relay(scene, notes, &stand, Layout::StreamForEachStage).await?;
        notes.row("one stream ÷ a stream for each stage", "ratio", one / each);
    }
    stand.end(scene, notes).await?;
    Ok(())
}

async fn relay(scene: &Scene, notes: &mut Notes, stand: &Stand, layout: Layout) -> Result<f64> {
    let name = match layout {
        Layout::OneStream => "handed on by brokers, one stream",
        Layout::StreamForEachStage => "handed on by brokers, a stream for each stage",
    };
    scene.say(&format!("batch: {name}"));
    let (urls, bodies) = (stand.cluster.servers.brokers.url(), &scene.goods.small);
    let rate = hand_on(&urls, scene.profile(), layout, bodies, scene.time).await?;
    notes.row(name, "orders/s", rate);
    Ok(rate)
}
