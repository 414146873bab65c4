//! The machine and the configuration that figures were measured on; without them figures cannot be
//! interpreted.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use serde::Serialize;
use streams::{ADMISSION_PERCENT_MAX, Profile, Topology};

use super::context::{BenchContext, CONNECTIONS, REPETITIONS};
use crate::servers::{SearchPaths, versions};

/// A machine, and the programs that ran on it.
#[derive(Debug, Clone, Serialize)]
pub struct HostInfo {
    /// The processor's model name.
    pub processor: String,
    /// The number of cores available to this process.
    pub cores: usize,
    /// Memory, in GiB.
    pub memory_gib: f64,
    /// The kernel's release.
    pub kernel: String,
    /// When the kernel begins to write what files have in memory: the longer it waits, the longer is the pause in
    /// which a broker writes its store to the disk.
    pub writeback: String,
    /// Versions by program, including Millrace's.
    pub versions: BTreeMap<String, String>,
    /// The commit, if the benchmark was run in a Git repository.
    pub commit: Option<String>,
    /// Whether this is a release build; figures of a debug build are meaningless.
    pub is_release: bool,
}

impl HostInfo {
    /// Reads the facts of this machine. Downloads missing servers, which may take minutes.
    pub(super) fn detect(context: &BenchContext) -> Self {
        let servers = versions(&SearchPaths::from_environment(), context.progress.as_ref());
        let servers = servers.into_iter().flatten();
        let servers = servers.map(|(name, version)| (name.to_owned(), version));
        let own = ("millrace".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
        Self {
            processor: proc_field("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_gib: kibibytes(&proc_field("/proc/meminfo", "MemTotal")) / f64::from(1 << 20),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            writeback: writeback(),
            versions: servers.chain([own]).collect(),
            commit: commit(),
            is_release: !cfg!(debug_assertions),
        }
    }
}

/// How the figures were measured, as text for readers of the report.
pub(super) fn configuration(context: &BenchContext) -> BTreeMap<&'static str, String> {
    let profiles = context.only.map_or("durable, others for comparison", Profile::as_str);
    [
        ("profile", profiles.to_owned()),
        ("seconds of a repetition", format!("{}", context.time.as_secs_f64())),
        ("repetitions, interleaved", REPETITIONS.to_string()),
        ("connections at full load", CONNECTIONS.to_string()),
        ("orders in a message", format!("up to {}", streams::batch::RECORDS_MAX)),
        ("disks", "one: three brokers on one disk are not a quorum of disks".to_owned()),
        ("generator", "on the same cores as everything else".to_owned()),
    ]
    .into()
}

/// The limits from which on orders are refused.
pub(super) fn admission() -> BTreeMap<&'static str, String> {
    let room = Topology::new(Profile::Durable).orders_bytes_max >> 20;
    [
        ("stream", format!("503 from {ADMISSION_PERCENT_MAX} % of {room} MiB on")),
        (
            "oldest unreserved order",
            "503 from 600 s on, or from one day on when workers are stopped".into(),
        ),
        ("orders that wait for a batch", format!("{} per core", edge::ORDERS_WAITING_MAX)),
        ("connections", edge::CONNECTIONS_MAX.to_string()),
        ("body", format!("{} KiB", edge::BODY_BYTES_MAX >> 10)),
    ]
    .into()
}

fn writeback() -> String {
    let setting = |name: &str| read(&format!("/proc/sys/vm/{name}")).trim().to_owned();
    let background = match setting("dirty_background_bytes").as_str() {
        "0" => format!("{} % of memory", setting("dirty_background_ratio")),
        bytes => format!("{bytes} bytes"),
    };
    let [age, interval] = ["dirty_expire_centisecs", "dirty_writeback_centisecs"].map(setting);
    format!("above {background}, or after {age} to {age} + {interval} hundredths of a second")
}

fn commit() -> Option<String> {
    let output = Command::new("git").args(["describe", "--always", "--dirty"]).output().ok()?;
    let commit = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (!commit.is_empty()).then_some(commit)
}

fn read(file: &str) -> String {
    fs::read_to_string(file).unwrap_or_default()
}

/// The value after the colon on the line that starts with `key`.
fn proc_field(file: &str, key: &str) -> String {
    let text = read(file);
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.split_once(':'));
    line.map_or_else(|| "unknown".to_owned(), |(_, value)| value.trim().to_owned())
}

fn kibibytes(text: &str) -> f64 {
    text.trim_end_matches(" kB").parse().unwrap_or(0.0)
}
