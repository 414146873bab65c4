//! What the commands that change a setting have in common. What they write could be written with `nats kv update` as
//! well; they validate, keep the rest of the setting, and say whether it has arrived.

mod arrival;
mod pause;

use anyhow::Result;
use clap::Args;
use streams::{Connection, Requester, Setting, StoredSetting, read_settings, write_setting};

pub(crate) use arrival::wait_for_arrival;
pub(crate) use pause::{PauseArgs, pause_end};

/// Who changes a setting, and why.
#[derive(Debug, Clone, Args)]
pub(crate) struct Author {
    /// Reason for the change, stored with the setting
    #[arg(long, value_name = "TEXT")]
    pub(crate) why: String,
    /// Name of the operator, stored with the setting
    #[arg(long, value_name = "NAME", env = "USER")]
    pub(crate) by: String,
}

impl Author {
    /// The setting with this author.
    pub(crate) fn sign<S: Setting>(&self, mut setting: S) -> S {
        setting.sign(self.why.clone(), self.by.clone());
        setting
    }
}

/// The setting without a pause.
pub(crate) fn resume<S: Setting>(mut before: S, author: &Author) -> S {
    before.set_pause(false, None);
    author.sign(before)
}

/// Writes the setting if it is one and has not changed since it was read. Returns its revision.
pub(crate) async fn write<S: Setting>(
    connection: &Connection,
    key: &str,
    setting: &S,
    seen: u64,
) -> Result<u64> {
    // As the processes will read it.
    S::parse(setting.to_json().as_bytes())?;
    Ok(write_setting(connection, key, setting, seen).await?)
}

/// Prints the settings of `key` that the bucket remembers, or `if_none`.
pub(crate) async fn show_history<S: Setting>(
    requester: &Requester,
    key: &str,
    describe: impl Fn(&S) -> String,
    if_none: &str,
) -> Result<()> {
    let history = read_settings::<S>(requester, key).await?;
    if history.is_empty() {
        print(if_none);
    }
    for StoredSetting { revision, written_at, setting } in history {
        let (by, text) = match &setting {
            Ok(setting) => (setting.author().unwrap_or("-"), describe(setting)),
            Err(err) => ("-", format!("INVALID, the one before stays in force: {err}")),
        };
        print(&format!("{revision:>6}  {written_at}  {by:<12}  {text}"));
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "what was set is the command's output")]
pub(crate) fn print(text: &str) {
    println!("{text}");
}
