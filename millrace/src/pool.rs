//! `millrace pool`: shows and changes the setting of a pool, which is one key in the bucket `POOLS`. What it writes
//! could be written with `nats kv update` as well; it validates, keeps the rest of the setting, and says what goes on
//! while the pool is slower.

mod arrival;
mod change;
mod clocks;

use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};
use streams::{
    Connection, Pool, PoolSetting, Requester, StoredSetting, last_good_setting, read_pool_setting,
    read_pool_settings, worker_presence, write_pool_setting,
};
use workers::stages;

use crate::addresses::BrokersAddress;
use crate::keys::Role;
use crate::runtime::runtime;
use crate::status::pools::describe;
use change::{Author, PauseArgs, SetArgs, pause_end};

/// Options of `millrace pool`.
#[derive(Debug, Clone, Args)]
pub struct PoolArgs {
    #[command(flatten)]
    brokers: BrokersAddress,
    /// Name of the pool
    #[arg(value_parser = stages::pool_named)]
    pool: Pool,
    #[command(subcommand)]
    command: PoolCommand,
}

#[derive(Debug, Clone, Subcommand)]
enum PoolCommand {
    /// Show the setting, who has changed it and why
    Show,
    /// Have the workers pull nothing but what undoes, until the pool is resumed
    Pause(PauseArgs),
    /// End a pause; the rest of the setting stays
    Resume(Author),
    /// Change how many workers pull or are wanted, how many orders a second, and how many records at a time
    Set(SetArgs),
}

/// Runs `millrace pool`.
pub(crate) fn run(args: &PoolArgs) -> Result<()> {
    let role = match args.command {
        PoolCommand::Show => Role::Viewer,
        PoolCommand::Pause(_) | PoolCommand::Resume(_) | PoolCommand::Set(_) => Role::Operator,
    };
    runtime()?.block_on(async {
        let connection = Connection::open(&args.brokers.access(role)?, "pool").await?;
        let requester = Requester::new(connection.clone());
        if matches!(args.command, PoolCommand::Show) {
            return show(&requester, args.pool).await;
        }
        let stored = read_pool_setting(&requester, args.pool).await?;
        let seen = stored.as_ref().map_or(0, |stored| stored.revision);
        let before = if let Ok(setting) = stored.map(|stored| stored.setting).transpose() {
            setting.unwrap_or_default()
        } else {
            let good = last_good_setting(&requester, args.pool).await;
            good.context("cannot read the history of the setting")?
        };
        if seen == 0 && matches!(args.command, PoolCommand::Set(_)) {
            refuse_if_gone(&connection, args.pool).await?;
        }
        let after = match &args.command {
            PoolCommand::Pause(pause) => pause.apply(before, pause_end(&connection, pause).await?),
            PoolCommand::Resume(author) => change::resume(before, author),
            PoolCommand::Set(set) => set.apply(before),
            PoolCommand::Show => before,
        };
        // As workers will read it.
        PoolSetting::parse(after.to_json().as_bytes())?;
        let revision = write_pool_setting(&connection, args.pool, &after, seen).await?;
        print(&format!(
            "{}: {} [revision {revision}]",
            args.pool,
            describe(&after, SystemTime::now().into())
        ));
        for clock in clocks::clocks(args.pool, &after) {
            print(&format!("- {clock}"));
        }
        let arrival = arrival::wait(&connection, args.pool, revision).await?;
        print(&arrival.to_string());
        ensure!(
            arrival.is_complete(),
            "look at `millrace pool {} show` and at `millrace status`",
            args.pool
        );
        Ok(())
    })
}

async fn show(requester: &Requester, pool: Pool) -> Result<()> {
    let history = read_pool_settings(requester, pool).await?;
    if history.is_empty() {
        print(&format!(
            "{pool} has no setting in the bucket: workers that start pull as much as they can. `millrace status` shows \
             those that go on with one that is gone"
        ));
    }
    for StoredSetting { revision, written_at, setting } in history {
        let (by, text) = match &setting {
            Ok(setting) => {
                (setting.by.as_deref().unwrap_or("-"), describe(setting, SystemTime::now().into()))
            }
            Err(err) => ("-", format!("INVALID, the one before stays in force: {err}")),
        };
        print(&format!("{revision:>6}  {written_at}  {by:<12}  {text}"));
    }
    Ok(())
}

/// A change keeps the rest of the setting, which only its workers have if the key is gone from the bucket.
async fn refuse_if_gone(connection: &Connection, pool: Pool) -> Result<()> {
    let present = worker_presence(connection, &[pool]).await?;
    let known = present.reports.iter().map(|(_, report)| report.pull.revision).max();
    let revision = known.unwrap_or_default();
    ensure!(
        revision == 0,
        "the key of {pool} is gone from the bucket, and its workers go on with revision {revision}: pause or resume \
         the pool first, or write the whole setting with `nats kv put POOLS {pool}`"
    );
    Ok(())
}

#[expect(clippy::print_stdout, reason = "what was set is the command's output")]
fn print(text: &str) {
    println!("{text}");
}
