//! A process group and all descendants of its processes, signalled and awaited as one. PostgreSQL's
//! processes leave the group of their parent, so signalling the group alone would miss them.

use std::fs;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

/// A process group, by the process id of its leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProcessGroup(i32);

/// The ids of descendants that had left their process group when it was signalled.
#[derive(Debug, Default)]
pub(crate) struct DetachedProcesses(Vec<i32>);

impl ProcessGroup {
    pub(crate) fn of_leader(pid: i32) -> Self {
        Self(pid)
    }

    pub(crate) fn id(self) -> i32 {
        self.0
    }

    /// Signals all processes of the group and their detached descendants, and returns the latter. A
    /// group without processes is not an error: all have exited.
    pub(crate) fn signal(self, signal: Signal) -> Result<DetachedProcesses, Errno> {
        // A stopped group forks no more processes while its descendants are listed.
        self.signal_group(Signal::SIGSTOP)?;
        let detached = detached_from(self.0, &processes());
        for &pid in &detached {
            ignore_absent(kill(Pid::from_raw(pid), signal))?;
        }
        self.signal_group(signal)?;
        Ok(DetachedProcesses(detached))
    }

    /// Whether any process of the group or any of `detached` still runs.
    pub(crate) fn is_alive(self, detached: &DetachedProcesses) -> bool {
        let mut running = processes().into_iter().filter(|process| process.is_running);
        running.any(|process| process.group == self.0 || detached.0.contains(&process.pid))
    }

    fn signal_group(self, signal: Signal) -> Result<(), Errno> {
        ignore_absent(killpg(Pid::from_raw(self.0), signal))
    }
}

fn ignore_absent(result: Result<(), Errno>) -> Result<(), Errno> {
    if result == Err(Errno::ESRCH) { Ok(()) } else { result }
}

/// The entry of one process in `/proc`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Process {
    pid: i32,
    parent: i32,
    group: i32,
    /// False for zombies: in a container there may be no init process that reaps them.
    is_running: bool,
}

/// All processes of this machine.
fn processes() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let stats = entries.filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
    stats.filter_map(|stat| parse_stat(&stat)).collect()
}

/// Parses `/proc/PID/stat`: the id, the name in parentheses, then state, parent and group.
fn parse_stat(stat: &str) -> Option<Process> {
    let (pid, _) = stat.split_once(' ')?;
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace();
    let is_running = !matches!(fields.next()?, "Z" | "X");
    let mut number = || fields.next()?.parse().ok();
    Some(Process { pid: pid.parse().ok()?, parent: number()?, group: number()?, is_running })
}

/// The ids of processes that descend from members of `group` and are not members themselves.
fn detached_from(group: i32, processes: &[Process]) -> Vec<i32> {
    let (members, others): (Vec<Process>, Vec<Process>) =
        processes.iter().partition(|process| process.group == group);
    let member_count = members.len();
    let mut process_tree: Vec<i32> = members.iter().map(|process| process.pid).collect();
    let mut next = 0;
    while next < process_tree.len() {
        let parent = process_tree[next];
        let children = others.iter().filter(|process| process.parent == parent);
        process_tree.extend(children.map(|process| process.pid));
        next += 1;
    }
    process_tree.split_off(member_count)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEADER: Process = Process { pid: 71, parent: 1, group: 71, is_running: true };

    #[test]
    fn proc_stat_is_parsed_even_if_the_process_name_contains_parentheses() {
        let stat = "72 (a) b (c) S 71 70 70 0 -1";
        let process = Process { pid: 72, parent: 71, group: 70, is_running: true };
        assert_eq!(parse_stat(stat), Some(process));
        let zombie = parse_stat("72 (name) Z 71 70 70 0").unwrap();
        assert!(!zombie.is_running);
    }

    #[test]
    fn only_descendants_outside_the_group_are_detached() {
        let process = |pid, parent, group| Process { pid, parent, group, is_running: true };
        let processes = [
            process(90, 81, 80),
            LEADER,
            process(72, 71, 71),
            process(80, 72, 80),
            process(81, 80, 80),
            process(99, 1, 99),
        ];
        assert_eq!(detached_from(71, &processes), [80, 81, 90]);
    }
}
