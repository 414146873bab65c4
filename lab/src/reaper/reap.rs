//! The reaper's own side: reads what was started until the pipe closes, then ends all of it.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, BufRead};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal};

use crate::servers::group::Group;

/// How long killed processes may take to disappear. SIGKILL works at once unless the process waits
/// for a disk; past this there is nothing more that we could do.
const GONE_WITHIN: Duration = Duration::from_secs(10);

/// How often is looked whether they are gone.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Runs `millrace-lab reap`: reads lines of `group PGID`, `done PGID`, `folder PATH` and `keep PATH`
/// until the input ends, then kills the groups that are left and removes the folders that are left.
///
/// Fails when a signal cannot be blocked or a folder cannot be removed.
pub fn reap(input: impl BufRead) -> io::Result<()> {
    // Blocked instead of ignored, as that needs no unsafe code; to us it is the same.
    SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]).thread_block()?;
    let mut left = Left::default();
    for line in input.lines() {
        match line {
            Ok(line) => left.note(&line),
            Err(error) => {
                tracing::warn!(%error, "what was started cannot be read any further");
                break;
            }
        }
    }
    left.kill_groups();
    left.remove_folders()
}

/// What would stay behind if nobody cared.
#[derive(Debug, Default)]
struct Left {
    groups: BTreeSet<i32>,
    folders: BTreeSet<PathBuf>,
}

impl Left {
    fn note(&mut self, line: &str) {
        let (verb, what) = line.split_once(' ').unwrap_or((line, ""));
        // Groups 0 and 1 mean "my own" and "everybody" to the kernel.
        let group = what.parse().ok().filter(|&id: &i32| id > 1);
        match (verb, group) {
            ("group", Some(id)) => _ = self.groups.insert(id),
            ("done", Some(id)) => _ = self.groups.remove(&id),
            ("folder", _) => _ = self.folders.insert(PathBuf::from(what)),
            ("keep", _) => _ = self.folders.remove(&PathBuf::from(what)),
            _ => tracing::warn!(line, "the reaper does not know this line"),
        }
    }

    fn kill_groups(&self) {
        let mut killed = Vec::new();
        for group in self.groups.iter().map(|&id| Group::of_leader(id)) {
            match group.signal(Signal::SIGKILL) {
                Ok(escaped) => killed.push((group, escaped)),
                Err(error) => {
                    tracing::warn!(%error, group = group.id(), "a process group cannot be killed");
                }
            }
        }
        let deadline = Instant::now() + GONE_WITHIN;
        let any_alive = || killed.iter().any(|(group, escaped)| group.is_alive(escaped));
        while any_alive() && Instant::now() < deadline {
            thread::park_timeout(LOOK_EVERY);
        }
    }

    fn remove_folders(&self) -> io::Result<()> {
        let removed = self.folders.iter().map(fs::remove_dir_all);
        removed.filter(|done| !is_absent(done)).collect()
    }
}

fn is_absent(done: &io::Result<()>) -> bool {
    done.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_or_kept_is_left_alone() {
        let mut left = Left::default();
        for line in ["group 7", "group 8", "done 7", "folder /a b", "folder /c", "keep /c"] {
            left.note(line);
        }
        assert_eq!(left.groups, BTreeSet::from([8]));
        assert_eq!(left.folders, BTreeSet::from([PathBuf::from("/a b")]));
    }

    #[test]
    fn a_group_that_means_everybody_is_never_killed() {
        let mut left = Left::default();
        for line in ["group 0", "group 1", "group -5", "group x", "nonsense"] {
            left.note(line);
        }
        assert!(left.groups.is_empty());
    }
}
