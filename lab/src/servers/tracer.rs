//! Recording when a server writes to its files and when it syncs them: strace, for tests of what is
//! on disk before it is acknowledged.

use std::path::Path;

use super::find::Program;
use super::get::ProgressFn;
use super::kind::STRACE;
use super::process::ProcessSpec;
use super::programs::{ProgramError, find_or_download};
use super::search_paths::SearchPaths;

/// Every call by which a broker puts bytes into a file or a file onto its disk.
const CALLS: &str = "trace=write,writev,pwrite64,pwritev,fsync,fdatasync";

/// Bytes of one call that are recorded: more than the largest message (1 MB) with its headers.
const BYTES_MAX: &str = "2097152";

/// strace.
#[derive(Clone, Debug)]
pub struct Tracer(Program);

impl Tracer {
    /// Finds strace, or gets it, which may take a minute; blocks the thread.
    pub fn find_or_download(
        search_paths: &SearchPaths,
        tell: &ProgressFn,
    ) -> Result<Self, ProgramError> {
        find_or_download(&STRACE, search_paths, tell).map(Self)
    }

    /// Lets `spec` start its program under strace, which writes to the file `record`: a line for
    /// each call, with the thread, the time since 1970, the file's path, the bytes, and how long the
    /// call took. The process remains the program itself.
    pub(super) fn trace(&self, spec: &mut ProcessSpec, record: &Path) {
        let mut args = ["-D", "-f", "--seccomp-bpf", "-y", "-ttt", "-T", "-s", BYTES_MAX, "-e"]
            .map(Into::into)
            .to_vec();
        args.extend([CALLS.into(), "-o".into(), record.into(), spec.program.clone().into()]);
        args.append(&mut spec.args);
        spec.args = args;
        spec.program.clone_from(&self.0.path);
        spec.envs.extend(self.0.envs.iter().cloned());
    }
}
