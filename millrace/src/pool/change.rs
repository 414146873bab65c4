//! What `millrace pool set` makes of a setting. Pure.

use clap::Args;
use streams::{Autoscale, PoolSetting};

use crate::setting_change::Author;

/// Options of `millrace pool POOL set`. What is not given stays as it is.
#[derive(Debug, Clone, Args)]
#[group(id = "change", required = true, multiple = true, args = ["workers", "rate", "batch", "autoscale"])]
pub(super) struct SetArgs {
    /// How many of the running workers pull, or `all`
    #[arg(long, value_name = "N", value_parser = limit)]
    workers: Option<Limit>,
    /// Orders a second, of all workers together, or `all`
    #[arg(long, value_name = "N", value_parser = limit)]
    rate: Option<Limit>,
    /// Records that a worker processes together, about, or `all`
    #[arg(long, value_name = "N", value_parser = limit)]
    batch: Option<Limit>,
    /// Between which numbers of workers the pool follows its backlog, or `off`
    #[arg(long, value_name = "MIN..MAX", value_parser = scale)]
    autoscale: Option<Scale>,
    /// How long an order may wait, in seconds, before more workers are wanted [default: 2, or as it is]
    #[arg(long, value_name = "SECONDS", requires = "autoscale")]
    target_seconds: Option<u32>,
    #[command(flatten)]
    author: Author,
}

/// How long an order may wait if nothing else is said: as long as a buyer watches a page.
const TARGET_SECONDS: u32 = 2;

/// The fewest and the most workers, or whether none follow the backlog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Scale(Option<(u32, u32)>);

fn scale(text: &str) -> Result<Scale, String> {
    if text == "off" {
        return Ok(Scale(None));
    }
    let limits =
        text.split_once("..").and_then(|(min, max)| Some((min.parse().ok()?, max.parse().ok()?)));
    let limits = limits.ok_or_else(|| "write two whole numbers, such as 1..8, or `off`".to_owned());
    limits.map(|limits| Scale(Some(limits)))
}

/// A number, or no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Limit(Option<u32>);

fn limit(text: &str) -> Result<Limit, String> {
    if text == "all" {
        return Ok(Limit(None));
    }
    let number = text.parse().map_err(|_| "write a whole number, or `all` for no limit".to_owned());
    number.map(|number| Limit(Some(number)))
}

impl SetArgs {
    /// The setting with other limits.
    pub(super) fn apply(&self, before: PoolSetting) -> PoolSetting {
        let limit = |new: Option<Limit>, old| new.map_or(old, |Limit(limit)| limit);
        self.author.sign(PoolSetting {
            workers: limit(self.workers, before.workers),
            rate: limit(self.rate, before.rate),
            batch: limit(self.batch, before.batch),
            autoscale: self
                .autoscale
                .map_or(before.autoscale, |scale| self.scaled(scale, before.autoscale)),
            ..before
        })
    }

    fn scaled(&self, Scale(limits): Scale, before: Option<Autoscale>) -> Option<Autoscale> {
        let (min, max) = limits?;
        let target = self.target_seconds.or(before.map(|before| before.target_seconds));
        Some(Autoscale { min, max, target_seconds: target.unwrap_or(TARGET_SECONDS) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn author() -> Author {
        Author { why: "why".to_owned(), by: "ann".to_owned() }
    }

    fn before() -> PoolSetting {
        PoolSetting { workers: Some(2), rate: Some(9), ..PoolSetting::default() }
    }

    #[test]
    fn only_what_is_given_is_set_and_all_takes_a_limit_away() {
        let set = SetArgs {
            workers: Some(limit("all").unwrap()),
            rate: None,
            batch: Some(limit("64").unwrap()),
            autoscale: None,
            target_seconds: None,
            author: author(),
        };
        let after = set.apply(before());
        assert_eq!((after.workers, after.rate, after.batch), (None, Some(9), Some(64)));
        assert!(limit("many").is_err());
    }

    #[test]
    fn a_pool_follows_its_backlog_between_two_numbers_until_that_is_off() {
        let set = |scale_text, target_seconds, before: PoolSetting| {
            let (autoscale, (workers, rate, batch)) =
                (Some(scale(scale_text).unwrap()), (None, None, None));
            SetArgs { workers, rate, batch, autoscale, target_seconds, author: author() }
                .apply(before)
        };
        let scaled = set("1..8", None, before());
        let expected = Autoscale { min: 1, max: 8, target_seconds: 2 };
        assert_eq!((scaled.autoscale, scaled.rate), (Some(expected), Some(9)));
        let slower = set("1..8", Some(30), scaled);
        let wider = set("0..20", None, slower);
        let expected = Autoscale { min: 0, max: 20, target_seconds: 30 };
        assert_eq!(wider.autoscale, Some(expected));
        assert_eq!(set("off", None, wider).autoscale, None);
        for text in ["8", "1..", "a..b", "1..-8"] {
            assert!(scale(text).is_err(), "{text}");
        }
    }
}
