//! Failpoints: places at which a test breaks the product on purpose, to see that nothing is lost and
//! that the audit notices. Each is one line, `failpoint!(…)`, that a normal build does not contain.
//!
//! `MILLRACE_FAILPOINTS` activates failpoints by name, separated by commas. A failpoint may have a
//! value: `name=value`.

/// `failpoint!("name")` crashes the process here if a test activates the failpoint; the name may
/// contain `{variables}`. `failpoint!("name" => statement)` executes the statement instead.
#[cfg(feature = "failpoints")]
#[macro_export]
macro_rules! failpoint {
    ($name:literal) => {
        $crate::failpoints::crash_if_active(&format!($name))
    };
    ($name:literal => $statement:expr) => {
        if $crate::failpoints::value($name).is_some() {
            $statement
        }
    };
}

/// Failpoints are compiled into test builds only.
#[cfg(not(feature = "failpoints"))]
#[macro_export]
macro_rules! failpoint {
    ($($ignored:tt)*) => {};
}

/// Whether this build contains failpoints.
pub const COMPILED: bool = cfg!(feature = "failpoints");

/// The environment variable that activates failpoints in a build that contains them.
pub const FAILPOINTS: &str = "MILLRACE_FAILPOINTS";

/// The value of the failpoint `name`, which is empty for `name` alone; `None` if it is not active.
#[cfg(feature = "failpoints")]
pub fn value(name: &str) -> Option<String> {
    let active = std::env::var(FAILPOINTS).ok()?;
    active.split(',').find_map(|entry| {
        let (found, value) = entry.split_once('=').unwrap_or((entry, ""));
        (found == name).then(|| value.to_owned())
    })
}

/// Aborts the process, as a crash would, if the failpoint `name` is active.
#[cfg(feature = "failpoints")]
pub fn crash_if_active(name: &str) {
    if value(name).is_some() {
        tracing::warn!(failpoint = name, "crashing at failpoint");
        std::process::abort();
    }
}
