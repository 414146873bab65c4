//! The generator, started as a process of its own.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::load::{PhaseResult, Plan};

/// Runs `plan` and tells what each phase came to. Dropped, it ends the generator.
pub(super) async fn generate(millrace: &Path, plan: &Plan) -> Result<Vec<PhaseResult>> {
    let mut generator = Command::new(millrace)
        .arg("load")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("the generator does not start")?;
    let mut door = generator.stdin.take().context("the generator hears nothing")?;
    door.write_all(&serde_json::to_vec(plan)?).await?;
    drop(door);
    let ended = generator.wait_with_output().await?;
    ensure!(ended.status.success(), "the generator failed");
    serde_json::from_slice(&ended.stdout).context("the generator told nothing that can be read")
}
