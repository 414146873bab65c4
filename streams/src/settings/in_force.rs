//! Which of the settings that were read is in force. Pure.
//!
//! A read may come from a broker that is behind, so a revision replaces a later one only if it was written after it,
//! since then the bucket was created again, or if no broker has the later one any more, since then it was restored from
//! a backup. What is not a setting replaces nothing.

use orders::Timestamp;

use super::setting::Setting;
use super::setting_error::SettingError;
use super::stored::StoredSetting;
use crate::limits::{SETTING_MISSES_MAX, SETTING_OLDER_MAX};

/// The setting in force, and what was read after it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct InForce<S> {
    /// The last good setting.
    pub(crate) setting: S,
    /// Its revision; 0 if the bucket has never had one.
    pub(crate) revision: u64,
    written_at: Option<Timestamp>,
    /// What was read last, if it is not in force.
    pub(crate) refused: Option<Refused>,
    /// How often in a row the key was not there.
    misses: u32,
    /// How often in a row an older one was read.
    older: u32,
}

/// Why what is in the bucket is not in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is not a setting.
    Invalid { revision: u64, written_at: Option<Timestamp>, error: SettingError },
    /// The key is gone without having been deleted: the bucket was created again, or purged.
    Gone,
}

/// What follows from a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing that was not known.
    None,
    /// Another setting is in force.
    Adopted,
    /// What is in the bucket is not in force.
    Refused,
}

impl<S: Setting> InForce<S> {
    /// Takes note of what is in the bucket.
    pub(crate) fn read(&mut self, stored: Option<StoredSetting<S>>) -> Change {
        let Some(StoredSetting { revision, written_at, setting }) = stored else {
            return self.miss();
        };
        self.misses = 0;
        let written_at = Some(written_at);
        let (last_revision, last_written_at) = self.last_read();
        let is_older = revision < last_revision && written_at <= last_written_at;
        self.older = if is_older { self.older.saturating_add(1) } else { 0 };
        if is_older && self.older < SETTING_OLDER_MAX {
            return Change::None;
        }
        if (revision, written_at) == (last_revision, last_written_at) {
            // It is there again after it was not found.
            self.refused.take_if(|refused| *refused == Refused::Gone);
            return Change::None;
        }
        match setting {
            Ok(setting) => {
                *self = Self { setting, revision, written_at, refused: None, misses: 0, older: 0 };
                Change::Adopted
            }
            Err(error) => {
                self.refused = Some(Refused::Invalid { revision, written_at, error });
                Change::Refused
            }
        }
    }

    /// Takes the last good one of `history` while the value is bad, for a process that has not read it: it has just
    /// started, or read none in between. Returns whether there is one.
    pub(crate) fn adopt_last_good(&mut self, history: Vec<StoredSetting<S>>) -> bool {
        let mut good = Self::default();
        for stored in history {
            good.read(Some(stored));
        }
        let is_later = good.written_at > self.written_at;
        if is_later {
            *self = Self { refused: self.refused.take(), ..good };
        }
        is_later
    }

    fn miss(&mut self) -> Change {
        self.misses = self.misses.saturating_add(1);
        // The brokers forget a deleted key at some time: its setting is the default before and after.
        let is_missed = self.setting != S::default() || self.refused.is_some();
        let is_gone = is_missed && self.misses >= SETTING_MISSES_MAX;
        if !is_gone || self.refused == Some(Refused::Gone) {
            return Change::None;
        }
        self.refused = Some(Refused::Gone);
        Change::Refused
    }

    /// The revision and the time of what was read last.
    const fn last_read(&self) -> (u64, Option<Timestamp>) {
        match self.refused {
            Some(Refused::Invalid { revision, written_at, .. }) => (revision, written_at),
            _ => (self.revision, self.written_at),
        }
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Invalid { revision, error, .. } => {
                write!(f, "revision {revision} is not a setting: {error}")
            }
            Self::Gone => f.write_str("the key is gone from its bucket: write it again"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::pool_setting::PoolSetting;
    use super::*;

    fn stored(revision: u64, seconds: i64, json: &str) -> StoredSetting<PoolSetting> {
        let setting = PoolSetting::parse(json.as_bytes());
        let written_at = Timestamp::from_millis(1_000 * seconds);
        StoredSetting { revision, written_at, setting }
    }

    fn in_force(reads: &[Option<StoredSetting<PoolSetting>>]) -> InForce<PoolSetting> {
        let mut in_force = InForce::default();
        for read in reads {
            in_force.read(read.clone());
        }
        in_force
    }

    const PAUSED: &str = r#"{"paused":true}"#;

    #[test]
    fn the_latest_revision_is_in_force_and_a_broker_that_is_behind_changes_nothing() {
        let mut in_force = in_force(&[Some(stored(3, 30, PAUSED)), Some(stored(4, 40, "{}"))]);
        assert_eq!(in_force.read(Some(stored(3, 30, PAUSED))), Change::None);
        assert!(!in_force.setting.paused && in_force.revision == 4);
        assert_eq!(in_force.read(Some(stored(5, 50, PAUSED))), Change::Adopted);
        assert!(in_force.setting.paused);
    }

    #[test]
    fn a_lower_revision_that_was_written_later_is_of_a_bucket_that_was_created_again() {
        let in_force = in_force(&[Some(stored(30, 30, PAUSED)), Some(stored(1, 31, "{}"))]);
        assert!(!in_force.setting.paused && in_force.revision == 1);
    }

    #[test]
    fn an_older_revision_is_of_a_restored_bucket_if_no_broker_has_the_later_one() {
        let (older, newer) = (Some(stored(3, 30, PAUSED)), Some(stored(4, 40, "{}")));
        let mut in_force = in_force(&[older.clone(), newer.clone()]);
        for _ in 0..2 {
            for _ in 1..SETTING_OLDER_MAX {
                assert_eq!(in_force.read(older.clone()), Change::None);
            }
            assert_eq!(in_force.read(newer.clone()), Change::None, "a broker has it");
        }
        for _ in 1..SETTING_OLDER_MAX {
            in_force.read(older.clone());
        }
        assert_eq!(in_force.read(older.clone()), Change::Adopted);
        assert!(in_force.setting.paused && in_force.revision == 3);
        assert_eq!(in_force.read(newer), Change::Adopted, "or it was the last that was found");
    }

    #[test]
    fn what_is_not_a_setting_leaves_the_last_good_one_in_force() {
        let mut in_force = in_force(&[Some(stored(3, 30, PAUSED))]);
        assert_eq!(in_force.read(Some(stored(4, 40, "paused"))), Change::Refused);
        assert_eq!(in_force.read(Some(stored(4, 40, "paused"))), Change::None, "it is said once");
        assert!(in_force.setting.paused && in_force.revision == 3 && in_force.refused.is_some());
        assert_eq!(
            in_force.read(Some(stored(3, 30, PAUSED))),
            Change::None,
            "a broker that is behind"
        );
        assert!(in_force.refused.is_some());
        assert_eq!(in_force.read(Some(stored(5, 50, "{}"))), Change::Adopted);
        assert!(!in_force.setting.paused && in_force.refused.is_none());
    }

    #[test]
    fn a_process_that_starts_while_the_value_is_bad_takes_the_last_good_one() {
        let mut late = in_force(&[Some(stored(4, 40, "bad"))]);
        let history =
            [Some(stored(1, 10, "{}")), Some(stored(3, 30, PAUSED)), Some(stored(4, 40, "bad"))];
        assert!(late.adopt_last_good(history.into_iter().flatten().collect()));
        assert!(late.setting.paused && late.revision == 3 && late.refused.is_some());
        // Or it was written and replaced between two reads.
        let mut running = in_force(&[Some(stored(1, 10, "{}")), Some(stored(4, 40, "bad"))]);
        let history = || [stored(1, 10, "{}"), stored(3, 30, PAUSED), stored(4, 40, "bad")].into();
        assert!(running.adopt_last_good(history()));
        assert!(running.setting.paused && running.revision == 3 && running.refused.is_some());
        assert!(!running.adopt_last_good(history()), "it has it");
        let mut none = in_force(&[Some(stored(4, 40, "bad"))]);
        assert!(!none.adopt_last_good(Some(stored(4, 40, "bad")).into_iter().collect()));
        assert!(none.refused.is_some());
    }

    #[test]
    fn a_key_that_is_gone_leaves_its_setting_in_force_until_it_is_written_again() {
        let mut in_force = in_force(&[None, None, None, None]);
        assert_eq!(in_force, InForce { misses: 4, ..InForce::default() }, "there was none");
        in_force.read(Some(stored(3, 30, PAUSED)));
        assert_eq!(in_force.read(None), Change::None, "a broker that is behind");
        in_force.read(None);
        assert_eq!(in_force.read(None), Change::Refused);
        assert!(in_force.setting.paused && in_force.refused == Some(Refused::Gone));
        assert_eq!(in_force.read(None), Change::None, "it is said once");
        assert_eq!(in_force.read(Some(stored(1, 60, "{}"))), Change::Adopted);
        assert!(!in_force.setting.paused);
        in_force.read(None);
        in_force.read(None);
        assert_eq!(in_force.read(None), Change::None, "the default is not missed");
    }
}
