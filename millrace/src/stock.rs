//! `millrace stock`: changes the stock on hand, or loads a catalogue.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use orders::Sku;
use workers::inventory::stock;

use crate::addresses::DatabaseAddress;
use crate::catalog::load_catalog;
use crate::prepare;

/// Options of `millrace stock`.
#[derive(Clone, Args)]
pub struct StockArgs {
    #[command(flatten)]
    database: DatabaseAddress,
    #[command(subcommand)]
    command: StockCommand,
}

#[derive(Debug, Clone, Subcommand)]
enum StockCommand {
    /// Add to the stock on hand of a SKU, or remove from it
    Add {
        /// The SKU
        sku: Sku,
        /// Quantity to add; a negative one is removed
        #[arg(allow_negative_numbers = true)]
        quantity: i64,
    },
    /// Load a catalogue: add new SKUs with their stock, update names and prices of known ones
    Load {
        /// The catalogue, one JSON object per line
        #[arg(long, value_name = "FILE")]
        catalog: PathBuf,
    },
}

/// Runs `millrace stock`.
pub(crate) fn run(args: &StockArgs) -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        match &args.command {
            StockCommand::Add { sku, quantity } => {
                let database = args.database.open()?;
                match stock::add(&database, sku, *quantity).await? {
                    Some(on_hand) => print(&format!("{sku}: {on_hand} on hand")),
                    None => bail!("{sku} is not in the catalogue, or not enough of it is on hand"),
                }
            }
            StockCommand::Load { catalog: file } => {
                let items = load_catalog(file)?;
                let database = prepare::database(&args.database.config()?).await?;
                let new = stock::load(&database, &items).await?;
                print(&format!("loaded {} SKUs, {new} of them new", items.len()));
            }
        }
        Ok(())
    })
}

#[expect(clippy::print_stdout, reason = "the result is the command's output")]
fn print(line: &str) {
    println!("{line}");
}
