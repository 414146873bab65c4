//! CPU time and memory of a process, from the kernel's `/proc`.

use std::fs;
use std::time::Duration;

/// The kernel counts CPU time for `/proc` in hundredths of a second, on every architecture that
/// Millrace runs on (`man 5 proc_pid_stat`, `sysconf(_SC_CLK_TCK)`).
const TICK: Duration = Duration::from_millis(10);
/// `/proc/PID/statm` counts pages.
const PAGE_BYTES: u64 = 4_096;

/// CPU time and memory of one process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time since its start.
    pub cpu: Duration,
    /// CPU time of its children that have exited.
    pub cpu_of_exited: Duration,
    /// Private resident memory, in bytes.
    pub private_bytes: u64,
    /// Resident memory that other processes may map too, as files and shared memory, in bytes.
    pub shared_bytes: u64,
}

impl Usage {
    /// The usage of this process.
    pub fn own() -> Self {
        read("self").unwrap_or_default()
    }

    /// The usage of the process `pid`; `None` if it does not exist.
    pub fn of(pid: u32) -> Option<Self> {
        read(&pid.to_string())
    }

    /// The usage of the process `pid` and its children: PostgreSQL has one for each session. Memory
    /// that they share counts once.
    pub fn of_process_tree(pid: u32) -> Option<Self> {
        let mut total = Self::of(pid)?;
        for child in children(pid).into_iter().filter_map(Self::of) {
            total.cpu += child.cpu;
            total.private_bytes += child.private_bytes;
            total.shared_bytes = total.shared_bytes.max(child.shared_bytes);
        }
        Some(total)
    }

    /// CPU time including that of children that have exited.
    pub fn cpu_total(&self) -> Duration {
        self.cpu + self.cpu_of_exited
    }

    /// All resident memory, in bytes.
    pub const fn resident_bytes(&self) -> u64 {
        self.private_bytes + self.shared_bytes
    }
}

fn read(process: &str) -> Option<Usage> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let statm = fs::read_to_string(format!("/proc/{process}/statm")).ok()?;
    parse(&stat, &statm)
}

/// `stat` has, after the name in parentheses: state, …, and from the twelfth field on the ticks of
/// the process in user and system mode, then those of its exited children. `statm` has: size,
/// resident, shared.
fn parse(stat: &str, statm: &str) -> Option<Usage> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut ticks = after_name.split_whitespace().skip(11).map(str::parse::<u32>);
    let mut time = || Some(TICK * (ticks.next()?.ok()? + ticks.next()?.ok()?));
    let cpu = time()?;
    let cpu_of_exited = time()?;
    let mut pages = statm.split_whitespace().skip(1).map(str::parse::<u64>);
    let resident = pages.next()?.ok()?;
    let shared = pages.next()?.ok()?;
    Some(Usage {
        cpu,
        cpu_of_exited,
        private_bytes: resident.saturating_sub(shared) * PAGE_BYTES,
        shared_bytes: shared * PAGE_BYTES,
    })
}

/// The children of a process. `/proc` lists them under the thread that created them, here the main
/// one.
fn children(pid: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    list.unwrap_or_default().split_whitespace().filter_map(|child| child.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_is_parsed_for_any_process_name() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 2 3 4 150 50 20 10 20 0 1 0 5";
        let usage = parse(stat, "1000 300 100 10 0 50 0").unwrap();
        assert_eq!(usage.cpu, Duration::from_secs(2));
        assert_eq!(usage.cpu_of_exited, Duration::from_millis(300));
        assert_eq!(usage.resident_bytes(), 300 * PAGE_BYTES);
        assert_eq!(usage.private_bytes, 200 * PAGE_BYTES);
    }

    #[test]
    fn the_usage_of_a_process_is_found_only_if_it_exists() {
        assert!(Usage::own().resident_bytes() > 1 << 20);
        assert!(Usage::of(u32::MAX).is_none());
    }
}
