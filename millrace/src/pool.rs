//! `millrace pool`: shows and changes the setting of a pool, which is one key in the bucket `POOLS`, and says what goes
//! on while the pool is slower.

mod change;
mod clocks;

use std::time::SystemTime;

use anyhow::{Result, ensure};
use clap::{Args, Subcommand};
use streams::{
    Connection, Pool, PoolSetting, Requester, WorkerPresence, setting_in_force, worker_presence,
};
use workers::stages;

use crate::addresses::BrokersAddress;
use crate::keys::Role;
use crate::runtime::runtime;
use crate::setting_change::{
    Author, PauseArgs, pause_end, print, resume, show_history, wait_for_arrival, write,
};
use crate::status::pools::describe;
use change::SetArgs;

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
    let (pool, key) = (args.pool, args.pool.as_str());
    let role = match args.command {
        PoolCommand::Show => Role::Viewer,
        PoolCommand::Pause(_) | PoolCommand::Resume(_) | PoolCommand::Set(_) => Role::Operator,
    };
    runtime()?.block_on(async {
        let connection = Connection::open(&args.brokers.access(role)?, "pool").await?;
        let requester = Requester::new(connection.clone());
        if matches!(args.command, PoolCommand::Show) {
            return show(&requester, pool).await;
        }
        let (before, seen) = setting_in_force::<PoolSetting>(&requester, key).await?;
        if seen == 0 && matches!(args.command, PoolCommand::Set(_)) {
            refuse_if_gone(&connection, pool).await?;
        }
        let after = match &args.command {
            PoolCommand::Pause(pause) => {
                pause.apply(before, pause_end::<PoolSetting>(&connection, pause).await?)
            }
            PoolCommand::Resume(author) => resume(before, author),
            PoolCommand::Set(set) => set.apply(before),
            PoolCommand::Show => before,
        };
        let revision = write(&connection, key, &after, seen).await?;
        let now = SystemTime::now().into();
        print(&format!("{pool}: {} [revision {revision}]", describe(&after, now)));
        for clock in clocks::clocks(pool, &after) {
            print(&format!("- {clock}"));
        }
        let remedy = format!("look at `millrace pool {pool} show` and at `millrace status`");
        let revisions = |present: &WorkerPresence| {
            let of_pool = present.reports.iter().filter(|(of, _)| *of == pool);
            of_pool.map(|(_, report)| report.pull.revision).collect()
        };
        wait_for_arrival(&connection, "workers", revision, revisions, &remedy).await
    })
}

async fn show(requester: &Requester, pool: Pool) -> Result<()> {
    let if_none = format!(
        "{pool} has no setting in the bucket: workers that start pull as much as they can. `millrace status` shows \
         those that go on with one that is gone"
    );
    let describe = |setting: &PoolSetting| describe(setting, SystemTime::now().into());
    show_history(requester, pool.as_str(), describe, &if_none).await
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
