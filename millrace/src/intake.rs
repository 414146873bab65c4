//! `millrace intake`: shows and changes the setting of the intake of orders, which is one key in the bucket `EDGES` for
//! all edges.

use std::time::Duration;

use anyhow::Result;
use clap::{Args, Subcommand};
use orders::Timestamp;
use streams::subjects::INTAKE_KEY;
use streams::{
    Connection, IntakeSetting, Requester, Setting, WorkerPresence, own_time, parse_duration,
    setting_in_force,
};

use crate::addresses::BrokersAddress;
use crate::keys::Role;
use crate::runtime::runtime;
use crate::setting_change::{
    Author, PauseArgs, pause_end, print, resume, show_history, wait_for_arrival, write,
};

/// Options of `millrace intake`.
#[derive(Debug, Clone, Args)]
pub struct IntakeArgs {
    #[command(flatten)]
    brokers: BrokersAddress,
    #[command(subcommand)]
    command: IntakeCommand,
}

#[derive(Debug, Clone, Subcommand)]
enum IntakeCommand {
    /// Show the setting, who has changed it and why
    Show,
    /// Have all edges refuse new orders (503, /problems/intake-paused) until the intake is resumed
    Pause(PauseArgs),
    /// End a pause; the rest of the setting stays
    Resume(Author),
    /// Change how long the oldest order may wait before new ones are refused
    Set(SetArgs),
}

/// Options of `millrace intake set`.
#[derive(Debug, Clone, Args)]
struct SetArgs {
    /// How long the oldest order may wait for inventory, such as 20m, or `default` for that of each edge
    #[arg(long, value_name = "DURATION", value_parser = max_age)]
    backlog_max_age: MaxAge,
    #[command(flatten)]
    author: Author,
}

/// A duration, or that of each edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct MaxAge(Option<Duration>);

fn max_age(text: &str) -> Result<MaxAge, String> {
    if text == "default" {
        return Ok(MaxAge(None));
    }
    parse_duration(text).map(|age| MaxAge(Some(age))).map_err(|err| err.to_string())
}

/// Runs `millrace intake`.
pub(crate) fn run(args: &IntakeArgs) -> Result<()> {
    let role = match args.command {
        IntakeCommand::Show => Role::Viewer,
        IntakeCommand::Pause(_) | IntakeCommand::Resume(_) | IntakeCommand::Set(_) => {
            Role::Operator
        }
    };
    runtime()?.block_on(async {
        let connection = Connection::open(&args.brokers.access(role)?, "intake").await?;
        let requester = Requester::new(connection.clone());
        if matches!(args.command, IntakeCommand::Show) {
            let if_none = "the intake has no setting: each edge accepts orders as it is configured";
            let describe = |setting: &IntakeSetting| describe(setting, own_time());
            return show_history(&requester, INTAKE_KEY, describe, if_none).await;
        }
        let (before, seen) = setting_in_force::<IntakeSetting>(&requester, INTAKE_KEY).await?;
        let after = match &args.command {
            IntakeCommand::Pause(pause) => {
                pause.apply(before, pause_end::<IntakeSetting>(&connection, pause).await?)
            }
            IntakeCommand::Resume(author) => resume(before, author),
            IntakeCommand::Set(set) => set.apply(before),
            IntakeCommand::Show => before,
        };
        let revision = write(&connection, INTAKE_KEY, &after, seen).await?;
        print(&format!("intake: {} [revision {revision}]", describe(&after, own_time())));
        if after.paused {
            print("- orders that are stored are processed, and their cancellations accepted");
        }
        let remedy = "look at `millrace intake show` and at `millrace status`";
        let revisions = |present: &WorkerPresence| {
            present.edges.iter().map(|edge| edge.revision).collect::<Vec<_>>()
        };
        wait_for_arrival(&connection, "edges", revision, revisions, remedy).await
    })
}

impl SetArgs {
    fn apply(&self, before: IntakeSetting) -> IntakeSetting {
        let seconds = self.backlog_max_age.0.map(|age| age.as_secs().try_into());
        let backlog_max_age_seconds = seconds.map(|seconds| seconds.unwrap_or(u32::MAX));
        self.author.sign(IntakeSetting { backlog_max_age_seconds, ..before })
    }
}

/// A setting in words, at the time `now`.
pub(crate) fn describe(setting: &IntakeSetting, now: Timestamp) -> String {
    let IntakeSetting { paused, until, backlog_max_age_seconds, why, .. } = setting;
    let until = until.as_ref().map(|until| format!(" until {until}")).unwrap_or_default();
    let pause = if setting.is_paused_at(Some(now)) { "PAUSED" } else { "was paused" };
    let parts = [
        paused.then(|| format!("{pause}{until}")),
        backlog_max_age_seconds.map(|seconds| format!("backlog at most {seconds} s old")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let parts = if parts.is_empty() { "as without a setting".to_owned() } else { parts.join(", ") };
    why.as_ref().map_or_else(|| parts.clone(), |why| format!("{parts}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_described_and_the_age_of_each_edge_comes_back() {
        let author = Author { why: "sale".to_owned(), by: "ann".to_owned() };
        let set =
            |text| SetArgs { backlog_max_age: max_age(text).unwrap(), author: author.clone() };
        let older = set("20m").apply(IntakeSetting { paused: true, ..IntakeSetting::default() });
        let now = Timestamp::from_millis(0);
        assert_eq!(describe(&older, now), "PAUSED, backlog at most 1200 s old: sale");
        let reset = set("default").apply(older);
        assert_eq!(describe(&reset, now), "PAUSED: sale");
        assert!(max_age("soon").is_err());
    }
}
