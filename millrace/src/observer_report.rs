//! The reports of the pools that only observe: one command for each, which has the pool's name.

use anyhow::{Result, anyhow};
use clap::error::ErrorKind;
use clap::{ArgMatches, Args, Command, FromArgMatches, Subcommand};
use workers::{ObserverReport, stages};

use crate::addresses::DatabaseAddress;

/// The report of one pool, with its options.
#[derive(Clone)]
pub struct ObserverReportArgs {
    database: DatabaseAddress,
    report: ObserverReport,
    options: ArgMatches,
}

/// Prints the report.
pub(crate) fn run(args: &ObserverReportArgs) -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let database = args.database.open()?;
        let text = (args.report.write)(&database, &args.options).await;
        print(&text.map_err(|err| anyhow!(err))?);
        Ok(())
    })
}

impl FromArgMatches for ObserverReportArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let missing = || clap::Error::new(ErrorKind::MissingSubcommand);
        let (name, options) = matches.subcommand().ok_or_else(missing)?;
        let observer = stages::observers().into_iter().find(|(pool, ..)| pool.as_str() == name);
        let (_, _, report) = observer.ok_or_else(missing)?;
        let database = DatabaseAddress::from_arg_matches(options)?;
        Ok(Self { database, report, options: options.clone() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Subcommand for ObserverReportArgs {
    fn augment_subcommands(command: Command) -> Command {
        let reports = stages::observers().into_iter().map(|(pool, _, report)| {
            let command = DatabaseAddress::augment_args(Command::new(pool.as_str()));
            // Last: the doc comment of an options structure would replace it.
            (report.add_options)(command).about(report.about).long_about(None)
        });
        command.subcommands(reports)
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        stages::observers().iter().any(|(pool, ..)| pool.as_str() == name)
    }
}

#[expect(clippy::print_stdout, reason = "the report is the command's output")]
fn print(text: &str) {
    print!("{text}");
}
