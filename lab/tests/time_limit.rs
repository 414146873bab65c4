//! A test that hangs ends the run and is named, instead of being killed without a word when the time of
//! the whole run is over.

use std::io::{self, Write};
use std::process;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

/// Far longer than any test takes on a busy machine.
const LIMIT: Duration = Duration::from_mins(10);

/// Aborts the process unless it is dropped within [`LIMIT`]. Every test that starts servers has one.
#[derive(Debug)]
pub(crate) struct TimeLimit(#[expect(dead_code, reason = "dropped with the test")] Sender<()>);

impl TimeLimit {
    /// Must be called in the thread of the test, which has its name.
    pub(crate) fn start() -> Self {
        let test = thread::current().name().unwrap_or("a test").to_owned();
        let (sender, receiver) = mpsc::channel::<()>();
        thread::spawn(move || {
            if receiver.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
                // Written past the output that libtest captures. The reapers clean up.
                _ = writeln!(io::stderr(), "{test} hangs: it has run for {LIMIT:?}");
                process::abort();
            }
        });
        Self(sender)
    }
}
