//! Nothing stays behind, however this process ends: a second process holds the other end of a pipe,
//! and when the pipe closes it kills what was started and removes the folders of the run.

use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use crate::servers::group::Group;

pub use reap::reap;

mod reap;

/// The parent's side. The reaper does its work when the last clone is dropped or the process dies.
#[derive(Clone, Debug)]
pub struct Reaper(Arc<Running>);

#[derive(Debug)]
struct Running {
    // `None` only while dropping: closing the pipe is what tells the reaper to begin.
    pipe: Mutex<Option<ChildStdin>>,
    child: Mutex<Child>,
}

impl Reaper {
    /// Starts `millrace-lab reap` from the given binary, in a process group of its own, so that a
    /// terminal's Ctrl-C does not reach it.
    pub fn start(millrace: &Path) -> io::Result<Self> {
        let mut child = Command::new(millrace)
            .arg("reap")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()?;
        let pipe = Mutex::new(child.stdin.take());
        Ok(Self(Arc::new(Running { pipe, child: Mutex::new(child) })))
    }

    /// From now on `group` is killed when this process ends.
    pub(crate) fn watch(&self, group: Group) -> io::Result<()> {
        self.tell(&format!("group {}", group.id()))
    }

    /// `group` has ended and its id may come to mean another.
    pub(crate) fn forget(&self, group: Group) {
        self.tell_or_warn(&format!("done {}", group.id()));
    }

    /// From now on `folder` is removed when this process ends.
    pub(crate) fn remove_at_end(&self, folder: &Path) -> io::Result<()> {
        self.tell(&format!("folder {}", folder.display()))
    }

    /// `folder` stays after all, or is gone already.
    pub(crate) fn keep(&self, folder: &Path) {
        self.tell_or_warn(&format!("keep {}", folder.display()));
    }

    fn tell_or_warn(&self, line: &str) {
        if let Err(error) = self.tell(line) {
            tracing::warn!(%error, line, "the reaper does not answer");
        }
    }

    fn tell(&self, line: &str) -> io::Result<()> {
        let mut pipe = self.0.pipe.lock().unwrap_or_else(PoisonError::into_inner);
        match pipe.as_mut() {
            Some(pipe) => pipe.write_all(format!("{line}\n").as_bytes()),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        *self.pipe.get_mut().unwrap_or_else(PoisonError::into_inner) = None;
        let child = self.child.get_mut().unwrap_or_else(PoisonError::into_inner);
        // The reaper has a deadline of its own, so this wait ends.
        if let Err(error) = child.wait() {
            tracing::warn!(%error, "the reaper could not be awaited");
        }
    }
}
