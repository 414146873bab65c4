//! The status as text.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use streams::{DEAD_LETTERS_WARNING_PERCENT, Difference, Impact, Lane, StreamState, subjects};
use workers::stages;

use super::{Status, StepStatus};

const DEAD_LETTERS_REMEDY: &str = "a letter without room is given up: fix what causes them, and raise \
     the limit (`nats stream edit DEAD_LETTERS --max-bytes …`)";

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<12}{:<12}{:>8}{:>13}{:>14}{:>10}{:>14}",
            "POOL", "STEP", "WORKERS", "LAG (ORDERS)", "LAG (SECONDS)", "RETRIES", "REDELIVERED"
        )?;
        let steps = stages::steps();
        for (step, status) in steps.iter().filter_map(|step| self.steps.get_key_value(step.name)) {
            let workers = self.present.workers.get(status.pool).copied().unwrap_or_default();
            let StepStatus { pool, lag_orders, lag_seconds, retries_due, consumer_progress } =
                status;
            let redelivered = consumer_progress.messages_redelivered;
            writeln!(
                f,
                "{pool:<12}{step:<12}{workers:>8}{lag_orders:>13}{lag_seconds:>14.1}\
                {retries_due:>10}{redelivered:>14}"
            )?;
        }
        if !self.settings.is_empty() {
            writeln!(f, "\n{:<12}SETTING", "POOL")?;
        }
        for (pool, setting) in &self.settings {
            writeln!(f, "{pool:<12}{setting}")?;
        }
        self.write_edges(f)?;
        writeln!(f, "\n{:<14}{:>10}{:>12}{:>8}  BROKERS", "STREAM", "MESSAGES", "MIB", "FULL")?;
        for (name, state) in &self.streams {
            let messages = state.messages;
            let mebibytes = state.bytes as f64 / f64::from(1 << 20);
            let full = state.bytes_max.map_or_else(String::new, |max| {
                format!("{:.0} %", 100.0 * state.bytes as f64 / max as f64)
            });
            writeln!(f, "{name:<14}{messages:>10}{mebibytes:>12.1}{full:>8}  {}", brokers(state))?;
        }
        let letters = self.streams.get(subjects::DEAD_LETTERS).and_then(StreamState::fill_percent);
        if let Some(percent) = letters.filter(|percent| *percent >= DEAD_LETTERS_WARNING_PERCENT) {
            writeln!(f, "\nWARNING: DEAD_LETTERS is {percent} % full; {DEAD_LETTERS_REMEDY}")?;
        }
        self.write_differences(f)?;
        let policies =
            self.broker_syncs.iter().map(|(broker, policy)| format!("{broker} {policy}"));
        writeln!(f, "\nbrokers sync: {}", policies.collect::<Vec<_>>().join(", "))?;
        let breakers =
            self.present.breakers.iter().map(|(state, count)| format!("{count} {state}"));
        let breakers = breakers.collect::<Vec<_>>().join(", ");
        writeln!(f, "circuit breakers (payment provider): {breakers}")?;
        if !self.dead_letters.is_empty() {
            let counts = self.dead_letters.iter().map(|(pool, count)| format!("{pool} {count}"));
            let counts = counts.collect::<Vec<_>>().join(", ");
            writeln!(f, "dead letters: {counts} (millrace dead list)")?;
        }
        let sizes = self.batch_sizes.iter().map(|(kind, size)| format!("{kind} {size:.1}"));
        writeln!(f, "mean orders per message: {}", sizes.collect::<Vec<_>>().join(", "))
    }
}

impl Status {
    /// Whether the difference is of a lane, and another lane is as it must be.
    fn has_another_lane(&self, difference: &Difference) -> bool {
        let breaking = self.differences.iter().filter(|it| it.impact == Impact::BreaksPromise);
        let closed: BTreeSet<Lane> = breaking.filter_map(Difference::lane).collect();
        let mut lanes = self.streams.keys().filter_map(|stream| Lane::of_stream(stream));
        let is_open = |lane: Lane| !lane.is_legacy() && !closed.contains(&lane);
        difference.lane().is_some() && lanes.any(is_open)
    }

    /// How many edges are in which state, and the setting of the intake.
    fn write_edges(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut states = BTreeMap::new();
        for edge in &self.present.edges {
            *states.entry(&*edge.state).or_insert(0) += 1;
        }
        let states: Vec<_> =
            states.iter().map(|(state, count)| format!("{count} {state}")).collect();
        let states = if states.is_empty() { "none".to_owned() } else { states.join(", ") };
        write!(f, "\nedges: {states}")?;
        if let Some(intake) = &self.intake {
            write!(f, "; intake: {intake}")?;
        }
        writeln!(f)
    }

    /// What differs at the brokers, and what follows from it; what could not be read.
    fn write_differences(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.differences.is_empty() {
            writeln!(f, "\n{:<14}DIFFERS", "CONSEQUENCE")?;
        }
        for difference in &self.differences {
            let consequence = match difference.impact {
                Impact::BreaksPromise if self.has_another_lane(difference) => "LANE CLOSED",
                Impact::BreaksPromise => "INTAKE CLOSED",
                Impact::Corrected => "corrected",
                Impact::Allowed => "left as it is",
            };
            writeln!(f, "{consequence:<14}{difference}")?;
        }
        for error in &self.unread {
            writeln!(f, "\nNOT READ: {error}")?;
        }
        Ok(())
    }
}

fn brokers(state: &StreamState) -> String {
    let leader = match &state.leader {
        Some(leader) => format!("{leader} (leader)"),
        None if state.followers.is_empty() => "standalone".to_owned(),
        None => "NO LEADER".to_owned(),
    };
    let followers = state.followers.iter().map(|(name, is_current)| {
        if *is_current { name.clone() } else { format!("{name} (behind)") }
    });
    std::iter::once(leader).chain(followers).collect::<Vec<_>>().join(", ")
}
