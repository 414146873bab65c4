//! Cleans up however this process ends. A second process, the reaper, reads from a pipe; when the
//! pipe closes, it kills the registered processes and removes the registered folders.

use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use crate::process_group::ProcessGroup;

pub use reap::reap;

mod reap;

/// The client side of the reaper, which cleans up when the last clone is dropped or this process
/// dies. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Reaper(Arc<ReaperProcess>);

#[derive(Debug)]
struct ReaperProcess {
    // `None` only while dropping: closing the pipe starts the cleanup.
    pipe: Mutex<Option<ChildStdin>>,
    child: Mutex<Child>,
}

impl Reaper {
    /// Starts `millrace-lab reap` from the given binary, in its own process group, so that Ctrl-C
    /// on the terminal does not reach it.
    ///
    /// # Errors
    /// The process cannot be started.
    pub fn start(millrace: &Path) -> io::Result<Self> {
        let mut child = Command::new(millrace)
            .arg("reap")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()?;
        let pipe = Mutex::new(child.stdin.take());
        Ok(Self(Arc::new(ReaperProcess { pipe, child: Mutex::new(child) })))
    }

    /// Registers `group` to be killed when this process ends.
    pub(crate) fn watch(&self, group: ProcessGroup) -> io::Result<()> {
        self.send(&format!("group {}", group.id()))
    }

    /// Unregisters `group`, which has exited: the system may reuse its id.
    pub(crate) fn forget(&self, group: ProcessGroup) {
        self.send_or_warn(&format!("done {}", group.id()));
    }

    /// Registers `folder` to be removed when this process ends.
    pub(crate) fn remove_at_end(&self, folder: &Path) -> io::Result<()> {
        self.send(&format!("folder {}", folder.display()))
    }

    /// Unregisters `folder`, which is kept or already removed.
    pub(crate) fn keep(&self, folder: &Path) {
        self.send_or_warn(&format!("keep {}", folder.display()));
    }

    fn send_or_warn(&self, line: &str) {
        if let Err(error) = self.send(line) {
            tracing::warn!(%error, line, "cannot write to the reaper");
        }
    }

    fn send(&self, line: &str) -> io::Result<()> {
        let mut pipe = self.0.pipe.lock().unwrap_or_else(PoisonError::into_inner);
        match pipe.as_mut() {
            Some(pipe) => pipe.write_all(format!("{line}\n").as_bytes()),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

impl Drop for ReaperProcess {
    fn drop(&mut self) {
        *self.pipe.get_mut().unwrap_or_else(PoisonError::into_inner) = None;
        let child = self.child.get_mut().unwrap_or_else(PoisonError::into_inner);
        // The reaper has its own deadline, so this wait ends.
        if let Err(error) = child.wait() {
            tracing::warn!(%error, "cannot wait for the reaper");
        }
    }
}
