//! `millrace dead`: lists, inspects and resolves dead letters.
//!
//! A dead letter is never removed. Its resolution is stored in the same stream: the decision, the
//! operator and the reason.

mod filter;
mod output;
mod resolve;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use streams::dead_letter::ResolutionKind;
use streams::{Connection, dead_letter};

use crate::addresses::BrokersAddress;
use crate::keys::Role;
pub(crate) use filter::LetterFilter;
pub(crate) use output::{details, summary};
pub(crate) use resolve::{Interruption, Resolver, refusal};
use resolve::{ResolveArgs, resolve_all};
pub use resolve::{ResolveError, ResolveRequest, resolve};

/// Options of `millrace dead`.
#[derive(Clone, Args)]
pub struct DeadArgs {
    #[command(flatten)]
    brokers: BrokersAddress,
    #[command(subcommand)]
    command: DeadCommand,
}

#[derive(Clone, Subcommand)]
enum DeadCommand {
    /// List the unresolved dead letters
    List {
        #[command(flatten)]
        filter: LetterFilter,
        /// Also list resolved dead letters, with the decision, the operator and the reason
        #[arg(long)]
        handled: bool,
    },
    /// Show one dead letter in full, as JSON
    Show {
        /// Number of the dead letter
        number: u64,
    },
    /// Redeliver records to their steps, once the cause is fixed
    Replay(ResolveArgs),
    /// Give up records: requests the cancellation of their orders. Not for refunds
    Discard(ResolveArgs),
}

impl DeadCommand {
    /// The role that may do it.
    const fn role(&self) -> Role {
        match self {
            Self::List { .. } | Self::Show { .. } => Role::Viewer,
            Self::Replay(_) | Self::Discard(_) => Role::Admin,
        }
    }
}

/// Runs `millrace dead`.
pub(crate) fn run(args: &DeadArgs) -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let access = args.brokers.access(args.command.role())?;
        let connection = Connection::open(&access, "dead").await?;
        match &args.command {
            DeadCommand::List { filter, handled } => {
                let letters = dead_letter::read(&connection).await?;
                let listed = letters.iter().filter(|letter| {
                    filter.matches(letter) && (*handled || letter.resolution.is_none())
                });
                listed.for_each(output::print_line);
            }
            DeadCommand::Show { number } => {
                let letters = dead_letter::read(&connection).await?;
                match letters.iter().find(|letter| letter.number == *number) {
                    Some(letter) => output::print_details(letter)?,
                    None => bail!("dead letter {number} not found"),
                }
            }
            DeadCommand::Replay(args) => {
                resolve_all(&connection, ResolutionKind::Replayed, args).await?;
            }
            DeadCommand::Discard(args) => {
                resolve_all(&connection, ResolutionKind::Discarded, args).await?;
            }
        }
        Ok(())
    })
}
