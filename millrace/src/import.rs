//! `millrace import`: places the orders of a file through an edge, with `POST /v1/orders:batch`. What is not
//! stored for the moment is sent again under the same keys, so that no order is placed twice, also if the
//! import is interrupted and begun again.

mod answers;
mod edge_client;
mod file_lines;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use tokio::time::sleep;

use crate::edge_connector::EdgeAuthorities;
use crate::limits::{IMPORT_ATTEMPTS_MAX, IMPORT_PAUSE_MAX, IMPORT_PAUSE_MIN};
use crate::runtime::runtime;
use answers::{Answer, answers};
use edge_client::{EdgeClient, Reply};
use file_lines::{FileLine, FileLines};

/// Options of `millrace import`.
#[derive(Debug, Clone, Args)]
pub struct ImportArgs {
    /// The orders, one a line as a batch has them; `-` for the standard input
    file: PathBuf,
    /// Base URLs of the edges, separated by commas: the next one is used when one does not answer
    #[arg(
        long,
        env = "MILLRACE_EDGE_URLS",
        value_name = "URL,…",
        value_delimiter = ',',
        required = true,
        value_parser = edge_client::base_url
    )]
    edge_urls: Vec<String>,
    #[command(flatten)]
    authorities: EdgeAuthorities,
    /// File with a token that has the scope orders:write, if callers are authenticated
    #[arg(long, env = "MILLRACE_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// How many lines ended in which way.
#[derive(Debug, Default)]
struct Counts {
    stored: u64,
    refused: u64,
}

/// Fails if an order is refused, after all others are stored. The refused lines are written with their
/// faults.
pub(crate) fn run(args: &ImportArgs) -> Result<ExitCode> {
    let Counts { stored, refused } = runtime()?.block_on(import(args))?;
    writeln!(io::stderr(), "{stored} orders stored, {refused} refused")?;
    Ok(if refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn import(args: &ImportArgs) -> Result<Counts> {
    let mut lines = FileLines::open(&args.file)?;
    let mut edges =
        EdgeClient::new(args.edge_urls.clone(), &args.authorities, args.token_file.as_deref())?;
    let mut counts = Counts::default();
    loop {
        let part = lines.next_part().context("cannot read the file")?;
        if part.is_empty() {
            return Ok(counts);
        }
        place(&mut edges, part, &mut counts).await?;
    }
}

/// Places the orders of `lines`, in as many attempts as it takes, of which a limited number in a row may store
/// none.
async fn place(
    edges: &mut EdgeClient,
    mut lines: Vec<FileLine>,
    counts: &mut Counts,
) -> Result<()> {
    let (mut pause, mut attempts) = (IMPORT_PAUSE_MIN, 0);
    let mut last = "the response ended early".to_owned();
    while attempts < IMPORT_ATTEMPTS_MAX {
        let (before, mut again) = (lines.len(), Vec::new());
        match edges.post(&lines).await? {
            Reply::Answers(body) => {
                let answered = answers(&body);
                for (index, line) in lines.into_iter().enumerate() {
                    match answered.get(&(index as u64 + 1)) {
                        Some(Answer::Stored) => counts.stored += 1,
                        Some(Answer::Refused(problem)) => {
                            counts.refused += 1;
                            writeln!(io::stdout(), "line {}: {problem}", line.number)?;
                        }
                        Some(Answer::Later(problem)) => {
                            last.clone_from(problem);
                            again.push(line);
                        }
                        // The response ended before it.
                        None => again.push(line),
                    }
                }
            }
            Reply::NotNow(reason) => {
                last = reason;
                edges.use_next();
                again = lines;
            }
        }
        if again.is_empty() {
            return Ok(());
        }
        if again.len() < before {
            (pause, attempts) = (IMPORT_PAUSE_MIN, 0);
        }
        lines = again;
        sleep(pause).await;
        pause = (pause * 2).min(IMPORT_PAUSE_MAX);
        attempts += 1;
    }
    let first = lines.first().map_or(0, |line| line.number);
    bail!("{} orders from line {first} on are not stored: {last}; begin again later", lines.len())
}
