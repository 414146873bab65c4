//! A process group with all that descends from it, signalled and awaited as one. PostgreSQL's
//! processes leave their parent's group, so the group alone would miss them.

use std::fs;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

/// A process group by the id of its leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Group(i32);

/// Processes that descend from a group and have left it, at the moment of a signal.
#[derive(Debug, Default)]
pub(crate) struct Escaped(Vec<i32>);

impl Group {
    pub(crate) fn of_leader(pid: i32) -> Self {
        Self(pid)
    }

    pub(crate) fn id(self) -> i32 {
        self.0
    }

    /// Signals every process, also those that have escaped, and says which these are. A group
    /// without processes is no error: its work is over.
    pub(crate) fn signal(self, signal: Signal) -> Result<Escaped, Errno> {
        // Frozen, the group starts nothing new while we look for what it has started.
        self.signal_group(Signal::SIGSTOP)?;
        let escaped = escaped_from(self.0, &processes());
        for &pid in &escaped {
            ignore_absent(kill(Pid::from_raw(pid), signal))?;
        }
        self.signal_group(signal)?;
        Ok(Escaped(escaped))
    }

    /// Whether any process of the group, or any that has escaped from it, still runs.
    pub(crate) fn is_alive(self, escaped: &Escaped) -> bool {
        let mut running = processes().into_iter().filter(|process| process.running);
        running.any(|process| process.group == self.0 || escaped.0.contains(&process.pid))
    }

    fn signal_group(self, signal: Signal) -> Result<(), Errno> {
        ignore_absent(killpg(Pid::from_raw(self.0), signal))
    }
}

fn ignore_absent(done: Result<(), Errno>) -> Result<(), Errno> {
    if done == Err(Errno::ESRCH) { Ok(()) } else { done }
}

/// What the system tells about one process.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Process {
    pid: i32,
    parent: i32,
    group: i32,
    /// A zombie does not run: in a container nobody may ever collect it.
    running: bool,
}

/// All processes of this machine.
fn processes() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let stats = entries.filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
    stats.filter_map(|stat| read(&stat)).collect()
}

/// Reads `/proc/PID/stat`: the id, the name in parentheses, then state, parent and group.
fn read(stat: &str) -> Option<Process> {
    let (pid, _) = stat.split_once(' ')?;
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace();
    let running = !matches!(fields.next()?, "Z" | "X");
    let mut number = || fields.next()?.parse().ok();
    Some(Process { pid: pid.parse().ok()?, parent: number()?, group: number()?, running })
}

/// Those that descend from members of `group` and are none.
fn escaped_from(group: i32, processes: &[Process]) -> Vec<i32> {
    let (members, others): (Vec<Process>, Vec<Process>) =
        processes.iter().partition(|process| process.group == group);
    let mut family: Vec<i32> = members.iter().map(|process| process.pid).collect();
    let members = family.len();
    let mut next = 0;
    while next < family.len() {
        let parent = family[next];
        family.extend(others.iter().filter(|it| it.parent == parent).map(|it| it.pid));
        next += 1;
    }
    family.split_off(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEADER: Process = Process { pid: 71, parent: 1, group: 71, running: true };

    #[test]
    fn a_process_is_read_whatever_its_name() {
        let stat = "72 (a) b (c) S 71 70 70 0 -1";
        let process = Process { pid: 72, parent: 71, group: 70, running: true };
        assert_eq!(read(stat), Some(process));
        let zombie = read("72 (name) Z 71 70 70 0").unwrap();
        assert!(!zombie.running);
    }

    #[test]
    fn only_descendants_that_left_the_group_have_escaped() {
        let process = |pid, parent, group| Process { pid, parent, group, running: true };
        let processes = [
            process(90, 81, 80),
            LEADER,
            process(72, 71, 71),
            process(80, 72, 80),
            process(81, 80, 80),
            process(99, 1, 99),
        ];
        assert_eq!(escaped_from(71, &processes), [80, 81, 90]);
    }
}
