//! The reaper process: reads registrations until the pipe closes, then cleans up.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, BufRead};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal};

use crate::process_group::ProcessGroup;

/// How long killed processes may take to disappear. SIGKILL is immediate unless the process waits
/// for a disk; after this time nothing more can be done.
const EXIT_TIMEOUT: Duration = Duration::from_secs(10);

/// Time between two checks whether they have disappeared.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Runs `millrace-lab reap`: reads lines of `group PGID`, `done PGID`, `folder PATH` and `keep
/// PATH` until the input ends, then kills the registered groups and removes the registered folders.
///
/// # Errors
/// A signal cannot be blocked, or a folder cannot be removed.
pub fn reap(input: impl BufRead) -> io::Result<()> {
    // Blocking has the same effect here as ignoring, and needs no unsafe code.
    SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]).thread_block()?;
    let mut leftovers = Leftovers::default();
    for line in input.lines() {
        match line {
            Ok(line) => leftovers.record(&line),
            Err(error) => {
                tracing::warn!(%error, "cannot read from standard input");
                break;
            }
        }
    }
    leftovers.kill_groups();
    leftovers.remove_folders()
}

/// The process groups and folders to clean up.
#[derive(Debug, Default)]
struct Leftovers {
    groups: BTreeSet<i32>,
    folders: BTreeSet<PathBuf>,
}

impl Leftovers {
    fn record(&mut self, line: &str) {
        let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
        // kill(2) with group 0 means the own group, with 1 every process.
        let group = argument.parse().ok().filter(|&id: &i32| id > 1);
        match (verb, group) {
            ("group", Some(id)) => _ = self.groups.insert(id),
            ("done", Some(id)) => _ = self.groups.remove(&id),
            ("folder", _) => _ = self.folders.insert(PathBuf::from(argument)),
            ("keep", _) => _ = self.folders.remove(&PathBuf::from(argument)),
            _ => tracing::warn!(line, "unknown line on standard input"),
        }
    }

    fn kill_groups(&self) {
        let mut killed = Vec::new();
        for group in self.groups.iter().map(|&id| ProcessGroup::of_leader(id)) {
            match group.signal(Signal::SIGKILL) {
                Ok(detached) => killed.push((group, detached)),
                Err(error) => {
                    tracing::warn!(%error, group = group.id(), "cannot kill process group");
                }
            }
        }
        let deadline = Instant::now() + EXIT_TIMEOUT;
        let any_alive = || killed.iter().any(|(group, detached)| group.is_alive(detached));
        while any_alive() && Instant::now() < deadline {
            thread::park_timeout(POLL_INTERVAL);
        }
    }

    fn remove_folders(&self) -> io::Result<()> {
        let removed = self.folders.iter().map(fs::remove_dir_all);
        removed.filter(|result| !is_absent(result)).collect()
    }
}

fn is_absent(result: &io::Result<()>) -> bool {
    result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finished_groups_and_kept_folders_are_not_cleaned_up() {
        let mut leftovers = Leftovers::default();
        for line in ["group 7", "group 8", "done 7", "folder /a b", "folder /c", "keep /c"] {
            leftovers.record(line);
        }
        assert_eq!(leftovers.groups, BTreeSet::from([8]));
        assert_eq!(leftovers.folders, BTreeSet::from([PathBuf::from("/a b")]));
    }

    #[test]
    fn a_group_id_that_addresses_more_than_one_group_is_never_killed() {
        let mut leftovers = Leftovers::default();
        for line in ["group 0", "group 1", "group -5", "group x", "nonsense"] {
            leftovers.record(line);
        }
        assert!(leftovers.groups.is_empty());
    }
}
