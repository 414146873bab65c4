//! A test that hangs ends the run and is named, instead of being killed without a word when the time of
//! the whole run is over.

use std::io::{self, Write};
use std::sync::Once;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;
use std::{panic, process, thread};

/// Far longer than any test takes on a busy machine.
const LIMIT: Duration = Duration::from_mins(10);

/// Aborts the process unless it is dropped within [`LIMIT`]. Every test that starts servers has one.
#[derive(Debug)]
pub(crate) struct TimeLimit(#[expect(dead_code, reason = "dropped with the test")] Sender<()>);

impl TimeLimit {
    /// Must be called in the thread of the test, which has its name.
    pub(crate) fn start() -> Self {
        static HOOK: Once = Once::new();
        HOOK.call_once(print_panics_at_once);
        let test = thread::current().name().unwrap_or("a test").to_owned();
        let (sender, receiver) = mpsc::channel::<()>();
        thread::spawn(move || {
            if receiver.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
                print(&format!("{test} hangs: it has run for {LIMIT:?}"));
                // The reapers clean up.
                process::abort();
            }
        });
        Self(sender)
    }
}

/// What libtest captures, it shows at the end, which an aborted run does not reach.
fn print_panics_at_once() {
    let capture = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        print(&panic.to_string());
        capture(panic);
    }));
}

/// Past the output that libtest captures.
fn print(text: &str) {
    _ = writeln!(io::stderr(), "{text}");
}
