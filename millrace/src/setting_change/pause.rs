//! A pause, with or without an end.

use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;
use orders::Timestamp;
use streams::{Connection, Setting, parse_duration, settings_time};

use super::Author;

/// Options of `pause`.
#[derive(Debug, Clone, Args)]
pub(crate) struct PauseArgs {
    /// How long, such as 30m, by the time of the brokers [default: until it is resumed]
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    duration: Option<Duration>,
    /// Until when, such as 2026-11-25T17:00:00Z, by the time of the brokers
    #[arg(long, value_name = "TIME", conflicts_with = "duration")]
    until: Option<String>,
    #[command(flatten)]
    author: Author,
}

/// When the pause ends that `args` asks for.
///
/// # Errors
/// It is over already, or the brokers do not say what time it is.
pub(crate) async fn pause_end<S: Setting>(
    connection: &Connection,
    args: &PauseArgs,
) -> Result<Option<String>> {
    let PauseArgs { duration, until, .. } = args;
    if duration.is_none() && until.is_none() {
        return Ok(None);
    }
    let now = settings_time::<S>(connection).await?;
    let end = duration.map(|it| Timestamp::from_millis(now.as_millis() + it.as_millis() as i64));
    let until = end.map(|end| end.to_string()).or_else(|| until.clone());
    let mut pause = S::default();
    pause.set_pause(true, until.clone());
    ensure!(pause.is_paused_at(Some(now)), "the pause would be over: the brokers have {now}");
    Ok(until)
}

impl PauseArgs {
    /// The setting with a pause until `until`.
    pub(crate) fn apply<S: Setting>(&self, mut before: S, until: Option<String>) -> S {
        before.set_pause(true, until);
        self.author.sign(before)
    }
}

#[cfg(test)]
mod tests {
    use streams::PoolSetting;

    use super::super::resume;
    use super::*;

    #[test]
    fn a_pause_and_its_end_leave_the_rest_of_the_setting() {
        let author = || Author { why: "why".to_owned(), by: "ann".to_owned() };
        let pause = PauseArgs { duration: None, until: None, author: author() };
        let before = PoolSetting { workers: Some(2), rate: Some(9), ..PoolSetting::default() };
        let paused = pause.apply(before, Some("2026-11-25T17:00:00Z".to_owned()));
        assert_eq!(
            paused.to_json(),
            r#"{"paused":true,"until":"2026-11-25T17:00:00Z","workers":2,"rate":9,"why":"why","by":"ann"}"#
        );
        let resumed = resume(paused, &author());
        assert_eq!(resumed.to_json(), r#"{"workers":2,"rate":9,"why":"why","by":"ann"}"#);
    }
}
