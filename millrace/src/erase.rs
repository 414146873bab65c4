//! `millrace erase`: erases what the cluster knows of a customer, but for what proves their orders: what was ordered
//! and paid, and the digest of the whole.

mod customer;
mod output;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use streams::dead_letter::{self, StoredDeadLetter};
use streams::{Connection, failpoint};
use workers::database::{Database, DatabaseConfig};
use workers::inventory::erasure::{Erased, Erasure};
use workers::stages::FIRST_STEP;

use crate::addresses::{BrokersAddress, ERASER_DATABASE_URL, resolve};
use crate::cluster_lock::{ClusterLock, ClusterTask};
use crate::keys::Role;
use crate::limits::{ERASED_BATCH_ORDERS, PUBLISH_TIMEOUT, RESOLVE_LOCK_WAIT};
use crate::runtime::runtime;
use customer::{CustomerData, CustomerId, customer_id};
use output::{print, print_left, print_still_stored};

/// Options of `millrace erase`.
#[derive(Clone, Args)]
pub struct EraseArgs {
    #[command(flatten)]
    brokers: BrokersAddress,
    /// PostgreSQL, as the user `millrace_eraser`: a URL as in `DATABASE_URL`
    /// [default: from .millrace/env]
    #[arg(
        long,
        env = "ERASER_DATABASE_URL",
        hide_env_values = true,
        value_parser = workers::database::url
    )]
    database_url: Option<String>,
    /// File with the password of that user, if the URL has none; it is read for each new session
    #[arg(long, env = "ERASER_DATABASE_PASSWORD_FILE", value_name = "FILE")]
    database_password_file: Option<PathBuf>,
    /// The customer, as orders name them in `customer_id`
    #[arg(long, value_name = "ID", value_parser = customer_id)]
    customer: CustomerId,
    /// Name of the operator, stored with the erasure
    #[arg(long, value_name = "NAME", env = "USER")]
    by: String,
    /// Reason, stored with the erasure: it must not name the customer
    #[arg(long, value_name = "TEXT")]
    why: String,
    /// Only say what would be erased
    #[arg(long)]
    dry_run: bool,
}

/// Erases, and says what is left and where. Fails if orders are left since they are not final.
pub(crate) fn run(args: &EraseArgs) -> Result<ExitCode> {
    if [&args.why, &args.by].into_iter().any(|text| args.customer.is_named_in(text)) {
        bail!("--why and --by are kept, and must not contain the id of the customer");
    }
    runtime()?.block_on(async {
        let connection = Connection::open(&args.brokers.access(Role::Eraser)?, "erase").await?;
        let database = args.database()?;
        if args.dry_run {
            let letters = dead_letter::read(&connection).await?;
            let found = CustomerData::find(&database, &letters, &args.customer).await?;
            let Erased { orders, letters, .. } = found.to_erase();
            print(&format!("would erase {orders} orders and {letters} dead letters"));
            print_left(&found);
            return Ok(exit_code(found.is_whole()));
        }
        // Nothing else resolves letters while they are replaced.
        let wait = RESOLVE_LOCK_WAIT;
        let mut lock = ClusterLock::take(&database, ClusterTask::Resolve, wait).await?;
        let found = erase(&connection, &database, &mut lock, args).await;
        lock.release().await;
        let found = found?;
        print_left(&found);
        print_still_stored(&connection, &found).await?;
        // What came after it was searched, such as an order that waited for inventory.
        let letters = dead_letter::read(&connection).await?;
        let since = CustomerData::find(&database, &letters, &args.customer).await?;
        if !since.is_erased() {
            print("more of the customer is stored since: erase again");
        }
        Ok(exit_code(found.is_whole() && since.is_erased()))
    })
}

/// Erases all that is found. It is recorded first.
async fn erase(
    connection: &Connection,
    database: &Database,
    lock: &mut ClusterLock,
    args: &EraseArgs,
) -> Result<CustomerData> {
    let letters = dead_letter::read(connection).await?;
    let found = CustomerData::find(database, &letters, &args.customer).await?;
    let erased = found.to_erase();
    if erased == Erased::default() {
        print("nothing is left to erase in rows and dead letters");
        return Ok(found);
    }
    let erasure = Erasure::begin(database, &args.by, &args.why).await;
    let erasure = erasure.context("the erasure cannot be recorded: nothing is erased")?;
    // The rows last: by them the letters are found.
    erase_letters(connection, lock, &letters, &found).await?;
    for orders in found.orders.chunks(ERASED_BATCH_ORDERS) {
        let ids: Vec<_> = orders.iter().map(|order| order.id).collect();
        erasure.erase(database, &ids).await?;
        failpoint!("crash_between_erased_batches");
    }
    erasure.end(database, erased).await?;
    let Erased { orders, letters, .. } = erased;
    print(&format!("erased {orders} orders and {letters} dead letters (erasure {erasure})"));
    Ok(found)
}

async fn erase_letters(
    connection: &Connection,
    lock: &mut ClusterLock,
    letters: &[StoredDeadLetter],
    found: &CustomerData,
) -> Result<()> {
    for letter in letters.iter().filter(|letter| found.letters.contains(&letter.number)) {
        // Another command that has it may replay the letter.
        ensure!(lock.is_held().await, "the lock on dead letters is lost: erase again");
        let erased =
            dead_letter::erase(connection, letters, letter, &FIRST_STEP, PUBLISH_TIMEOUT).await;
        erased.with_context(|| format!("dead letter {} is not erased", letter.number))?;
        if letter.resolution.is_none() {
            print(&format!(
                "dead letter {} can only be discarded: its record is erased",
                letter.number
            ));
        }
    }
    Ok(())
}

fn exit_code(is_whole: bool) -> ExitCode {
    if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl EraseArgs {
    fn database(&self) -> Result<Database> {
        let url = resolve(self.database_url.as_deref(), ERASER_DATABASE_URL, "--database-url")?;
        let database_password_file = self.database_password_file.clone();
        Ok(DatabaseConfig { database_url: url, database_password_file }.open()?)
    }
}
