//! Runs the load generator as a separate process.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::load::{PhaseResult, Plan};

/// Runs `plan` and returns the result of each phase. Dropping the future kills the generator.
pub(super) async fn generate(millrace: &Path, plan: &Plan) -> Result<Vec<PhaseResult>> {
    let mut generator = Command::new(millrace)
        .arg("load")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("cannot start the load generator")?;
    let mut stdin = generator.stdin.take().context("the load generator has no standard input")?;
    stdin.write_all(&serde_json::to_vec(plan)?).await?;
    drop(stdin);
    let output = generator.wait_with_output().await?;
    ensure!(output.status.success(), "the load generator failed: {}", output.status);
    serde_json::from_slice(&output.stdout).context("cannot parse the load generator's output")
}
