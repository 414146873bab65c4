//! Which of the wanted faults a run can have, on this machine and with this build.

use streams::{Profile, failpoints};

use super::Fault;
use crate::servers::{ProgressFn, try_mount_disk};

/// Those of `wanted` that can be injected. Each that is left out for another reason than its profile gets
/// a line of progress.
pub(super) fn possible_faults(
    wanted: Vec<Fault>,
    profile: Profile,
    has_previous_binary: bool,
    progress: &ProgressFn,
) -> Vec<Fault> {
    let mut faults = wanted;
    if profile.brokers() == 1 {
        faults.retain(|fault| !fault.needs_quorum());
    }
    faults.retain(|fault| match obstacle(*fault, has_previous_binary) {
        Some(obstacle) => {
            progress(&format!("leaving out {fault}: {obstacle}"));
            false
        }
        None => true,
    });
    faults
}

/// Why the fault cannot be injected; `None` if it can.
fn obstacle(fault: Fault, has_previous_binary: bool) -> Option<String> {
    match fault {
        Fault::SkewClock if has_previous_binary => {
            Some("the earlier version may not be able to skew its clock".to_owned())
        }
        Fault::SkewClock if !failpoints::COMPILED => {
            Some("this build has no failpoints, one of which skews the clock".to_owned())
        }
        Fault::DiskFull => {
            let mounted = try_mount_disk();
            mounted.err().map(|err| format!("no disk can be mounted for a broker: {err}"))
        }
        _ => None,
    }
}
