//! `millrace stock`: what is on hand, moved by hand.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use orders::Sku;
use workers::database::Database;
use workers::inventory::stock;

use crate::addresses::DatabaseAddress;
use crate::catalog::catalog;
use crate::prepare;

/// What to do with the stock.
#[derive(Clone, Args)]
pub struct StockArgs {
    #[command(flatten)]
    database: DatabaseAddress,
    #[command(subcommand)]
    command: StockCommand,
}

#[derive(Debug, Clone, Subcommand)]
enum StockCommand {
    /// Put more of a SKU on hand, or take some away
    Add {
        /// Which
        sku: Sku,
        /// How many; negative takes away what is on hand
        #[arg(allow_negative_numbers = true)]
        quantity: i64,
    },
    /// Load a catalogue: new SKUs with their stock, known ones with new names and prices only
    Load {
        /// The catalogue, one JSON object a line
        #[arg(long, value_name = "FILE")]
        catalog: PathBuf,
    },
}

/// Moves stock.
pub(crate) fn run(args: &StockArgs) -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        match &args.command {
            StockCommand::Add { sku, quantity } => {
                let database = Database::open(&args.database.url()?)?;
                match stock::add(&database, sku, *quantity).await? {
                    Some(on_hand) => show(&format!("{sku}: {on_hand} on hand")),
                    None => bail!("{sku} is not in the catalogue, or less of it is on hand"),
                }
            }
            StockCommand::Load { catalog: file } => {
                let items = catalog(file)?;
                let database = prepare::database(&args.database.url()?).await?;
                let new = stock::load(&database, &items).await?;
                show(&format!("{} SKUs, {new} of them new", items.len()));
            }
        }
        Ok(())
    })
}

#[expect(clippy::print_stdout, reason = "the answer is what the command is for")]
fn show(line: &str) {
    println!("{line}");
}
