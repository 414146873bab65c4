//! Runs a server under strace to record when it writes and fsyncs its files: for tests that data is
//! on disk before it is acknowledged.

use std::path::Path;

use super::discovery::Program;
use super::process::ProcessSpec;
use super::program_spec::STRACE;
use super::programs::{ProgramError, find_or_download};
use super::progress::ProgressFn;
use super::search_paths::SearchPaths;

/// Every system call by which a broker writes or syncs a file.
const TRACED_CALLS: &str = "trace=write,writev,pwrite64,pwritev,fsync,fdatasync";

/// Bytes recorded per call: more than the largest message (1 MB) with its headers.
const STRING_SIZE: &str = "2097152";

/// The strace program.
#[derive(Clone, Debug)]
pub struct Tracer(Program);

impl Tracer {
    /// Finds or downloads strace. Blocks the thread; a download may take a minute.
    ///
    /// # Errors
    /// strace is missing or not usable.
    pub fn find_or_download(
        search_paths: &SearchPaths,
        progress: &ProgressFn,
    ) -> Result<Self, ProgramError> {
        find_or_download(&STRACE, search_paths, progress).map(Self)
    }

    /// Changes `spec` to start its program under strace, which writes one line per call to the file
    /// `record`: thread id, Unix time, path of the file, bytes, and duration of the call. The
    /// process id is still that of the program (`-D`).
    pub(super) fn trace(&self, spec: &mut ProcessSpec, record: &Path) {
        let mut args = ["-D", "-f", "--seccomp-bpf", "-y", "-ttt", "-T", "-s", STRING_SIZE, "-e"]
            .map(Into::into)
            .to_vec();
        args.extend([TRACED_CALLS.into(), "-o".into(), record.into(), spec.program.clone().into()]);
        args.append(&mut spec.args);
        spec.args = args;
        spec.program.clone_from(&self.0.path);
        spec.envs.extend(self.0.envs.iter().cloned());
    }
}
