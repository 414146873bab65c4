//! `millrace pool`: shows and changes the setting of a pool, which is one key in the bucket `POOLS`. What it writes
//! could be written with `nats kv update` as well; it validates, keeps the rest of the setting, and says what goes on
//! while the pool is slower.

mod arrival;
mod change;
mod clocks;

use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};
use streams::{
    Connection, Pool, PoolSetting, Requester, StoredSetting, read_pool_setting, read_pool_settings,
    write_pool_setting,
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
    /// Change how many workers pull, how many orders a second, and how many records at a time
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
        let before = match stored.map(|stored| stored.setting).transpose() {
            Ok(setting) => setting.unwrap_or_default(),
            Err(_) => last_good(&requester, args.pool).await?,
        };
        let after = match &args.command {
            PoolCommand::Pause(pause) => pause.apply(before, pause_end(&connection, pause).await?),
            PoolCommand::Resume(author) => change::resume(before, author),
            PoolCommand::Set(set) => set.apply(before),
            PoolCommand::Show => before,
        };
        // As workers will read it.
        PoolSetting::parse(after.to_json().as_bytes())?;
        let revision = write_pool_setting(&connection, args.pool, &after, seen).await?;
        print(&format!("{}: {} [revision {revision}]", args.pool, describe(&after)));
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
            Ok(setting) => (setting.by.as_deref().unwrap_or("-"), describe(setting)),
            Err(err) => ("-", format!("INVALID, the one before stays in force: {err}")),
        };
        print(&format!("{revision:>6}  {written_at}  {by:<12}  {text}"));
    }
    Ok(())
}

/// The setting that is in force while the value in the bucket is not one.
async fn last_good(requester: &Requester, pool: Pool) -> Result<PoolSetting> {
    let history = read_pool_settings(requester, pool).await.context("cannot read the history")?;
    let good = history.into_iter().rev().find_map(|stored| stored.setting.ok());
    Ok(good.unwrap_or_default())
}

#[expect(clippy::print_stdout, reason = "what was set is the command's output")]
fn print(text: &str) {
    println!("{text}");
}
