//! How the lab reports what it does while a user waits.

/// Reports one line of progress to the user; a step may take a minute.
pub type ProgressFn = dyn Fn(&str) + Send + Sync;
