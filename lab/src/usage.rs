//! What a process has used of the machine, as the kernel tells in `/proc`.

use std::fs;
use std::time::Duration;

/// The kernel counts CPU time for `/proc` in hundredths of a second, on every architecture that
/// Millrace runs on (`man 5 proc_pid_stat`, `sysconf(_SC_CLK_TCK)`).
const TICK: Duration = Duration::from_millis(10);
/// `/proc/PID/statm` counts pages.
const PAGE_BYTES: u64 = 4_096;

/// What one process has used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time since it was started.
    pub cpu: Duration,
    /// CPU time of its children that have ended.
    pub cpu_of_ended: Duration,
    /// Memory that is its own, in bytes.
    pub private_bytes: u64,
    /// Memory that others may have mapped as well, as files and shared memory, in bytes.
    pub shared_bytes: u64,
}

impl Usage {
    /// Of this process.
    pub fn own() -> Self {
        read("self").unwrap_or_default()
    }

    /// Of the process `pid`; `None` where there is none.
    pub fn of(pid: u32) -> Option<Self> {
        read(&pid.to_string())
    }

    /// Of the process `pid` with its children, as PostgreSQL has one for each session. Memory that
    /// they share counts once.
    pub fn of_family(pid: u32) -> Option<Self> {
        let mut family = Self::of(pid)?;
        for child in children(pid).into_iter().filter_map(Self::of) {
            family.cpu += child.cpu;
            family.private_bytes += child.private_bytes;
            family.shared_bytes = family.shared_bytes.max(child.shared_bytes);
        }
        Some(family)
    }

    /// All CPU time, with that of children that have ended.
    pub fn cpu_in_all(&self) -> Duration {
        self.cpu + self.cpu_of_ended
    }

    /// All memory that is resident, in bytes.
    pub const fn resident_bytes(&self) -> u64 {
        self.private_bytes + self.shared_bytes
    }
}

fn read(process: &str) -> Option<Usage> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let statm = fs::read_to_string(format!("/proc/{process}/statm")).ok()?;
    parse(&stat, &statm)
}

/// In `stat`, after the name in parentheses: state, …, and from the twelfth field on the ticks of the
/// process in user and system mode, and of its ended children. In `statm`: size, resident, shared.
fn parse(stat: &str, statm: &str) -> Option<Usage> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut ticks = after_name.split_whitespace().skip(11).map(str::parse::<u32>);
    let mut time = || Some(TICK * (ticks.next()?.ok()? + ticks.next()?.ok()?));
    let (cpu, cpu_of_ended) = (time()?, time()?);
    let mut pages = statm.split_whitespace().skip(1).map(str::parse::<u64>);
    let (resident, shared) = (pages.next()?.ok()?, pages.next()?.ok()?);
    Some(Usage {
        cpu,
        cpu_of_ended,
        private_bytes: resident.saturating_sub(shared) * PAGE_BYTES,
        shared_bytes: shared * PAGE_BYTES,
    })
}

/// Every process's children are listed by the thread that made them.
fn children(pid: u32) -> Vec<u32> {
    let listed = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    listed.unwrap_or_default().split_whitespace().filter_map(|it| it.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_whatever_its_name() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 2 3 4 150 50 20 10 20 0 1 0 5";
        let usage = parse(stat, "1000 300 100 10 0 50 0").unwrap();
        assert_eq!(usage.cpu, Duration::from_secs(2));
        assert_eq!(usage.cpu_of_ended, Duration::from_millis(300));
        assert_eq!(usage.resident_bytes(), 300 * PAGE_BYTES);
        assert_eq!(usage.private_bytes, 200 * PAGE_BYTES);
    }

    #[test]
    fn this_process_has_memory() {
        assert!(Usage::own().resident_bytes() > 1 << 20);
        assert!(Usage::of(u32::MAX).is_none());
    }
}
