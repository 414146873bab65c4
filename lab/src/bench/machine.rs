//! What figures were measured on: without it they mean nothing.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use serde::Serialize;
use streams::{ADMISSION_PERCENT_MAX, Profile, Topology};

use super::scene::{CONNECTIONS, REPETITIONS, Scene};
use crate::servers::{SearchPaths, versions};

/// A machine, and what ran on it.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// What its processor calls itself.
    pub processor: String,
    /// How many cores we may use.
    pub cores: usize,
    /// Its memory, in GiB.
    pub memory_gib: f64,
    /// The kernel's release.
    pub kernel: String,
    /// Versions by program, Millrace's own among them.
    pub versions: BTreeMap<String, String>,
    /// The commit, where the bench was run in its repository.
    pub commit: Option<String>,
    /// Whether the program was built to be fast; figures of one that was not mean nothing.
    pub is_release: bool,
}

impl Machine {
    /// This one. Gets servers that are missing, which may take minutes.
    pub(super) fn look(scene: &Scene) -> Self {
        let found = versions(&SearchPaths::from_environment(), scene.tell.as_ref());
        let found = found.into_iter().flatten().map(|(name, its)| (name.to_owned(), its));
        let own = ("millrace".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
        Self {
            processor: line_of("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_gib: kibibytes(&line_of("/proc/meminfo", "MemTotal")) / f64::from(1 << 20),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            versions: found.chain([own]).collect(),
            commit: commit(),
            is_release: !cfg!(debug_assertions),
        }
    }
}

/// How it was measured, for people.
pub(super) fn configuration(scene: &Scene) -> BTreeMap<&'static str, String> {
    let profiles = scene.only.map_or("durable, others beside it", Profile::as_str);
    [
        ("profile", profiles.to_owned()),
        ("seconds of a repetition", format!("{}", scene.time.as_secs_f64())),
        ("repetitions, interleaved", REPETITIONS.to_string()),
        ("connections at full load", CONNECTIONS.to_string()),
        ("orders in a message", format!("up to {}", streams::batch::RECORDS_MAX)),
        ("disks", "one: three brokers on one disk are no quorum of disks".to_owned()),
        ("generator", "on the same cores as everything else".to_owned()),
    ]
    .into()
}

/// When orders are refused.
pub(super) fn admission() -> BTreeMap<&'static str, String> {
    let room = Topology::new(Profile::Durable).orders_bytes_max >> 20;
    [
        ("stream", format!("503 from {ADMISSION_PERCENT_MAX} % of {room} MiB on")),
        (
            "oldest unreserved order",
            "503 from 600 s on, but a day where workers stand still".into(),
        ),
        ("orders that wait for a batch", format!("{} a core", edge::ORDERS_WAITING_MAX)),
        ("connections", edge::CONNECTIONS_MAX.to_string()),
        ("body", format!("{} KiB", edge::BODY_BYTES_MAX >> 10)),
    ]
    .into()
}

fn commit() -> Option<String> {
    let told = Command::new("git").args(["describe", "--always", "--dirty"]).output().ok()?;
    let commit = String::from_utf8(told.stdout).ok()?.trim().to_owned();
    (!commit.is_empty()).then_some(commit)
}

fn read(file: &str) -> String {
    fs::read_to_string(file).unwrap_or_default()
}

/// What stands after the colon on the line that begins with `key`.
fn line_of(file: &str, key: &str) -> String {
    let text = read(file);
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.split_once(':'));
    line.map_or_else(|| "unknown".to_owned(), |(_, value)| value.trim().to_owned())
}

fn kibibytes(text: &str) -> f64 {
    text.trim_end_matches(" kB").parse().unwrap_or(0.0)
}
