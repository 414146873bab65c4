//! `millrace status --watch`: the status again and again, until it is interrupted. In a terminal it is drawn in the
//! same place, and remains there with a line above it while the brokers do not reply; elsewhere each one follows the
//! one before.

use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal, Write, stdout};
use std::time::SystemTime;

use anyhow::{Error, Result, anyhow};
use orders::Timestamp;
use serde::Serialize;
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use crate::limits::{WATCH_ERROR_CHARS_MAX, WATCH_INTERVAL, WATCH_QUERY_TIMEOUT};
use crate::shutdown::Shutdown;

/// Moves to the first line; removes the rest of a line; removes all lines below.
const HOME: &str = "\x1b[H";
const END_OF_LINE: &str = "\x1b[K";
const BELOW: &str = "\x1b[J";

/// Shows what `query` returns until SIGINT or SIGTERM, or until no one reads it any more.
pub(super) async fn watch<S: Display + Serialize>(
    is_json: bool,
    query: impl AsyncFn() -> Result<S>,
) -> Result<()> {
    let shutdown = Shutdown::listen()?;
    let mut screen = Screen::new(stdout(), stdout().is_terminal(), is_json);
    loop {
        let begun = Instant::now();
        let queried = timeout(WATCH_QUERY_TIMEOUT, query());
        let Some(queried) = shutdown.run_until_requested(queried).await else { return Ok(()) };
        let queried = queried.unwrap_or_else(|_| Err(anyhow!("they take too long")));
        let pause = match &queried {
            // What is large takes the brokers at most half of the time.
            Ok(_) => WATCH_INTERVAL.max(begun.elapsed()),
            Err(_) => WATCH_INTERVAL,
        };
        let shown = screen.show(SystemTime::now().into(), &queried);
        match shown {
            Err(err) if err.kind() == ErrorKind::BrokenPipe => return Ok(()),
            shown => shown?,
        }
        if shutdown.run_until_requested(sleep(pause)).await.is_none() {
            return Ok(());
        }
    }
}

/// Where the status is shown.
struct Screen<W> {
    output: W,
    is_terminal: bool,
    is_json: bool,
    /// The last status, and when it was read.
    last: Option<(Timestamp, String)>,
}

impl<W: Write> Screen<W> {
    const fn new(output: W, is_terminal: bool, is_json: bool) -> Self {
        Self { output, is_terminal, is_json, last: None }
    }

    /// Shows what was read at `now`, or why it was not.
    fn show(
        &mut self,
        now: Timestamp,
        queried: &Result<impl Display + Serialize>,
    ) -> io::Result<()> {
        let text = match queried {
            Ok(status) if self.is_json => serde_json::to_string(status)? + "\n",
            Ok(status) => self.fresh(now, status.to_string()),
            Err(err) if self.is_json => json!({"error": reason(err)}).to_string() + "\n",
            Err(err) => self.stale(now, err),
        };
        if self.is_terminal && !self.is_json {
            write!(self.output, "{HOME}")?;
            for line in text.lines() {
                writeln!(self.output, "{line}{END_OF_LINE}")?;
            }
            write!(self.output, "{BELOW}")?;
        } else {
            self.output.write_all(text.as_bytes())?;
        }
        self.output.flush()
    }

    fn fresh(&mut self, now: Timestamp, status: String) -> String {
        let text = format!("status at {now}; Ctrl-C ends it\n\n{status}\n");
        self.last = Some((now, status));
        text
    }

    /// A line that says that the brokers do not reply; in a terminal, what they last said is below it.
    fn stale(&self, now: Timestamp, err: &Error) -> String {
        let line = format!("NO STATUS at {now}: {}; trying again", reason(err));
        match &self.last {
            Some((at, status)) if self.is_terminal => {
                format!("{line}\nbelow is the status of {at}\n{status}\n")
            }
            _ => format!("{line}\n"),
        }
    }
}

/// An error in one line that is not too long.
fn reason(err: &Error) -> String {
    let text = format!("{err:#}").replace('\n', " ");
    text.chars().take(WATCH_ERROR_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "POOL\npayment";

    /// What is shown if the brokers reply, then do not, and then do.
    fn shown(is_terminal: bool, is_json: bool) -> String {
        let mut screen = Screen::new(Vec::new(), is_terminal, is_json);
        let at = Timestamp::from_millis;
        screen.show(at(0), &Ok(STATUS)).unwrap();
        screen.show(at(1_000), &Err::<&str, _>(anyhow!("the brokers\ndo not reply"))).unwrap();
        screen.show(at(2_000), &Ok(STATUS)).unwrap();
        String::from_utf8(screen.output).unwrap()
    }

    #[test]
    fn a_terminal_is_drawn_in_place_and_keeps_the_last_status_while_brokers_are_lost() {
        let shown = shown(true, false);
        let frames: Vec<&str> = shown.split(HOME).skip(1).collect();
        assert_eq!(frames.len(), 3);
        assert!(frames[0].starts_with("status at 1970-01-01T00:00:00Z; Ctrl-C ends it\x1b[K\n"));
        let lost = "NO STATUS at 1970-01-01T00:00:01Z: the brokers do not reply; trying again\x1b[K\n\
                    below is the status of 1970-01-01T00:00:00Z\x1b[K\n";
        assert!(frames[1].starts_with(lost) && frames[1].contains("payment"), "{}", frames[1]);
        assert!(frames[2].starts_with("status at 1970-01-01T00:00:02Z"));
        assert!(frames.iter().all(|frame| frame.ends_with(BELOW)));
    }

    #[test]
    fn elsewhere_each_status_follows_the_one_before_and_nothing_is_cleared() {
        let shown = shown(false, false);
        assert!(!shown.contains('\x1b'), "{shown}");
        assert_eq!(shown.matches("payment").count(), 2, "{shown}");
        assert_eq!(shown.matches("NO STATUS at 1970-01-01T00:00:01Z").count(), 1, "{shown}");
    }

    #[test]
    fn as_json_each_line_is_an_object_also_in_a_terminal() {
        for is_terminal in [true, false] {
            let shown = shown(is_terminal, true);
            let lines: Vec<serde_json::Value> =
                shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert_eq!(lines.len(), 3);
            assert_eq!(lines[1], json!({"error": "the brokers do not reply"}));
        }
    }
}
