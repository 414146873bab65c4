//! The comparison of settings: pure. What is not compared here, an operator may change.

use std::fmt::Debug;
use std::time::Duration;

use async_nats::jetstream::consumer;
use async_nats::jetstream::stream::Config;

use super::difference::{Difference, Impact};
use crate::limits::MESSAGE_BYTES_MAX;
use Impact::{Allowed, BreaksPromise, Corrected};

/// The setting that limits the size of a stream. An operator may change it.
pub(super) const MAX_BYTES: &str = "max bytes";
/// The setting that says which messages a stream takes.
pub(super) const SUBJECTS: &str = "subjects";

/// Collects the settings of one stream or durable that differ.
struct Comparison<'a> {
    name: &'a str,
    differences: Vec<Difference>,
}

impl Comparison<'_> {
    fn compare<T: PartialEq + ToString>(
        &mut self,
        setting: &'static str,
        (found, expected): (T, T),
        impact: Impact,
    ) {
        if found != expected {
            let difference = Difference::new(self.name, setting, (found, expected), impact);
            self.differences.push(difference);
        }
    }
}

/// The settings of a stream that differ from those that are wanted.
pub(super) fn stream_differences(found: &Config, wanted: &Config) -> Vec<Difference> {
    let mut settings = Comparison { name: &wanted.name, differences: Vec::new() };
    let is_replicated = found.num_replicas >= wanted.num_replicas;
    let replicas = if is_replicated { Corrected } else { BreaksPromise };
    settings.compare("replicas", (found.num_replicas, wanted.num_replicas), replicas);
    settings.compare("storage", both(found, wanted, |it| word(it.storage)), BreaksPromise);
    // The other mode acknowledges before it writes, even if the broker fsyncs every write.
    let persist_mode = |it: &Config| word(it.persist_mode.unwrap_or_default());
    settings.compare("persist mode", both(found, wanted, persist_mode), BreaksPromise);
    settings.compare("retention", both(found, wanted, |it| word(it.retention)), BreaksPromise);
    settings.compare("discard policy", both(found, wanted, |it| word(it.discard)), BreaksPromise);
    settings.compare("max age", both(found, wanted, |it| limit(it.max_age)), BreaksPromise);
    // Without a limit the broker reports -1, and the client's default is 0.
    let max_messages = |it: &Config| count(it.max_messages);
    settings.compare("max messages", both(found, wanted, max_messages), BreaksPromise);
    let per_subject = |it: &Config| count(it.max_messages_per_subject);
    settings.compare("max messages per subject", both(found, wanted, per_subject), BreaksPromise);
    let size = found.max_message_size;
    let is_too_small = size > 0 && (size as usize) < MESSAGE_BYTES_MAX;
    let max_message_size = |it: &Config| count(it.max_message_size.into());
    let impact = if is_too_small { BreaksPromise } else { Corrected };
    settings.compare("max message size", both(found, wanted, max_message_size), impact);
    settings.compare(SUBJECTS, both(found, wanted, |it| listed(&it.subjects)), BreaksPromise);
    let transform = |it: &Config| present(it.subject_transform.as_ref());
    settings.compare("subject transform", both(found, wanted, transform), BreaksPromise);
    settings.compare("no ack", (found.no_ack, wanted.no_ack), Corrected);
    settings.compare("sealed", (found.sealed, wanted.sealed), BreaksPromise);
    settings.compare("rollup", (found.allow_rollup, wanted.allow_rollup), Corrected);
    settings.compare("direct get", (found.allow_direct, wanted.allow_direct), Corrected);
    let schedules = |it: &Config| it.allow_message_schedules;
    settings.compare("schedules", both(found, wanted, schedules), Corrected);
    let window = |it: &Config| limit(it.duplicate_window);
    settings.compare("duplicate window", both(found, wanted, window), Corrected);
    let max_consumers = |it: &Config| count(it.max_consumers.into());
    settings.compare("max consumers", both(found, wanted, max_consumers), Corrected);
    settings.compare("deny purge", (found.deny_purge, wanted.deny_purge), Allowed);
    settings.compare(MAX_BYTES, both(found, wanted, |it| count(it.max_bytes)), Allowed);
    settings.differences
}

/// The same for the stream of settings. No order is in it, so nothing breaks the promise.
pub(super) fn settings_differences(found: &Config, wanted: &Config) -> Vec<Difference> {
    let mut differences = stream_differences(found, wanted);
    for difference in differences.iter_mut().filter(|it| it.impact == BreaksPromise) {
        difference.impact = Corrected;
    }
    differences
}

/// Whether a setting of a durable consumer cannot be changed: to correct it, the consumer is created again.
/// It then delivers everything that is in the stream, of which rows know what was processed.
pub(super) fn is_fixed(setting: &str) -> bool {
    ["deliver policy", "ack policy", "replay policy"].contains(&setting)
}

/// The settings of a durable consumer that differ from those that are wanted. None of them loses an
/// order: what is not acked remains in the stream.
pub(super) fn durable_differences(
    name: &str,
    found: &consumer::Config,
    wanted: &consumer::Config,
) -> Vec<Difference> {
    let mut settings = Comparison { name, differences: Vec::new() };
    let mut compare = |setting, found_and_wanted: (String, String)| {
        settings.compare(setting, found_and_wanted, Corrected);
    };
    compare("deliver policy", both(found, wanted, |it| word(it.deliver_policy)));
    compare("ack policy", both(found, wanted, |it| word(it.ack_policy)));
    compare("replay policy", both(found, wanted, |it| word(it.replay_policy)));
    compare("subjects", both(found, wanted, filter_subjects));
    compare("replicas", both(found, wanted, |it| it.num_replicas.to_string()));
    compare("memory storage", both(found, wanted, |it| it.memory_storage.to_string()));
    compare("ack wait", both(found, wanted, |it| limit(it.ack_wait)));
    compare("back-off", both(found, wanted, |it| format!("{:?}", it.backoff)));
    compare("max deliver", both(found, wanted, |it| count(it.max_deliver)));
    compare("max ack pending", both(found, wanted, |it| count(it.max_ack_pending)));
    compare("max pull batch", both(found, wanted, |it| count(it.max_batch)));
    compare("max pull bytes", both(found, wanted, |it| count(it.max_bytes)));
    compare("max pull expiry", both(found, wanted, |it| limit(it.max_expires)));
    compare("headers only", both(found, wanted, |it| it.headers_only.to_string()));
    compare("inactive threshold", both(found, wanted, |it| limit(it.inactive_threshold)));
    settings.differences
}

fn both<Settings, T>(found: &Settings, wanted: &Settings, read: impl Fn(&Settings) -> T) -> (T, T) {
    (read(found), read(wanted))
}

/// The broker reports a single filter subject in a separate field.
fn filter_subjects(config: &consumer::Config) -> String {
    let mut subjects = config.filter_subjects.clone();
    if !config.filter_subject.is_empty() {
        subjects.push(config.filter_subject.clone());
    }
    listed(&subjects)
}

fn listed(subjects: &[String]) -> String {
    subjects.join(" ")
}

/// The name of a policy in the broker's spelling: `WorkQueue` is `workqueue`.
fn word(policy: impl Debug) -> String {
    format!("{policy:?}").to_lowercase()
}

fn present<T: Debug>(setting: Option<&T>) -> String {
    setting.map_or_else(|| "none".to_owned(), |setting| format!("{setting:?}"))
}

/// A limit that is not set if it is zero or less.
fn count(limit: i64) -> String {
    if limit <= 0 { "no limit".to_owned() } else { limit.to_string() }
}

fn limit(duration: Duration) -> String {
    if duration.is_zero() {
        "no limit".to_owned()
    } else {
        humantime::format_duration(duration).to_string()
    }
}

#[cfg(test)]
mod tests;
