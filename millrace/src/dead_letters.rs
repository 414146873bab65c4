//! `millrace dead`: looking at dead letters, and deciding about them.
//!
//! A letter is never removed. What was decided, by whom and why is kept beside it.

mod filter;
mod resolve;
mod show;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use streams::{Connection, dead_letter};

use crate::addresses::BrokersAddress;
use filter::LetterFilter;
use resolve::{ResolveArgs, resolve_all};
pub use resolve::{ResolveError, ResolveRequest, resolve};

/// What to do with dead letters.
#[derive(Debug, Clone, Args)]
pub struct DeadArgs {
    #[command(flatten)]
    brokers: BrokersAddress,
    #[command(subcommand)]
    command: DeadCommand,
}

#[derive(Debug, Clone, Subcommand)]
enum DeadCommand {
    /// List the letters that wait for a decision
    List {
        #[command(flatten)]
        filter: LetterFilter,
        /// Also those that are handled, with who did it and why
        #[arg(long)]
        handled: bool,
    },
    /// Show everything about one letter
    Show {
        /// The letter's number
        number: u64,
    },
    /// Bring records to their steps again, once the cause is mended
    Replay(ResolveArgs),
    /// Give records up: the cancellation of their orders is asked for. Not for refunds
    Discard(ResolveArgs),
}

/// Does it.
pub(crate) fn run(args: &DeadArgs) -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let connection = Connection::open(&args.brokers.url()?, "dead").await?;
        let letters = dead_letter::read(&connection).await?;
        match &args.command {
            DeadCommand::List { filter, handled } => {
                let listed = |it: &&_| filter.matches(it) && (*handled || it.handled.is_none());
                letters.iter().filter(listed).for_each(show::line);
            }
            DeadCommand::Show { number } => {
                match letters.iter().find(|letter| letter.number == *number) {
                    Some(letter) => show::whole(letter)?,
                    None => bail!("there is no letter {number}"),
                }
            }
            DeadCommand::Replay(args) => {
                resolve_all(&connection, &letters, dead_letter::ResolutionKind::Replayed, args)
                    .await?;
            }
            DeadCommand::Discard(args) => {
                resolve_all(&connection, &letters, dead_letter::ResolutionKind::Discarded, args)
                    .await?;
            }
        }
        Ok(())
    })
}
