//! The configuration of a worker: what every worker has, and what the stage of its pool adds.

use clap::error::ErrorKind;
use clap::{ArgMatches, Args, Command, FromArgMatches, Subcommand};
use streams::{BatchConfig, BrokersConfig, Pool, Step};

use crate::database::DatabaseConfig;
use crate::running_stage::AnyStage;
use crate::stages::STAGES;

/// The configuration of a worker: one subcommand for each pool.
#[derive(Clone)]
pub struct Config {
    /// What every worker has.
    pub worker: WorkerConfig,
    pub(crate) stage: &'static dyn AnyStage,
    /// The options of the pool, which the stage reads when it starts.
    pub(crate) options: ArgMatches,
}

/// The configuration of every worker.
#[derive(Clone, Args)]
pub struct WorkerConfig {
    /// The brokers.
    #[command(flatten)]
    pub brokers: BrokersConfig,
    /// The maximum size of a batch of outcomes.
    #[command(flatten)]
    pub batch: BatchConfig,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseConfig,
}

impl Config {
    /// The pool that the worker belongs to.
    pub fn pool(&self) -> Pool {
        self.stage.pool()
    }

    /// The steps that the worker runs.
    pub fn steps(&self) -> Vec<Step> {
        self.stage.steps()
    }
}

impl FromArgMatches for Config {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let missing = || clap::Error::new(ErrorKind::MissingSubcommand);
        let (name, options) = matches.subcommand().ok_or_else(missing)?;
        let stage = STAGES.iter().find(|stage| stage.pool().as_str() == name);
        Ok(Self {
            worker: WorkerConfig::from_arg_matches(options)?,
            stage: *stage.ok_or_else(missing)?,
            options: options.clone(),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Subcommand for Config {
    fn augment_subcommands(command: Command) -> Command {
        let pools = STAGES.iter().map(|stage| {
            let command = WorkerConfig::augment_args(Command::new(stage.pool().as_str()));
            // Last: the doc comment of an options structure would replace it.
            stage.add_options(command).about(stage.about()).long_about(None)
        });
        command.subcommand_required(true).arg_required_else_help(true).subcommands(pools)
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        STAGES.iter().any(|stage| stage.pool().as_str() == name)
    }
}
