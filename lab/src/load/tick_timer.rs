//! A timer with a finer resolution than the runtime's, whose timers round up to the next
//! millisecond.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tokio::io::unix::AsyncFd;

/// Orders become due up to this much late: far less than any time that is measured, and a wake-up
/// costs some microseconds.
const TICK: Duration = Duration::from_micros(200);

/// A periodic timer of the kernel (timerfd).
pub(super) struct TickTimer(AsyncFd<OwnedFd>);

impl TickTimer {
    pub(super) fn start() -> io::Result<Self> {
        let timer = TimerFd::new(
            ClockId::CLOCK_MONOTONIC,
            TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC,
        )?;
        let every = Expiration::Interval(TimeSpec::from_duration(TICK));
        timer.set(every, TimerSetTimeFlags::empty())?;
        #[expect(
            deprecated,
            reason = "its successor is unsafe; an OwnedFd upholds the contract of that one"
        )]
        let timer = AsyncFd::new(timer.into())?;
        Ok(Self(timer))
    }

    /// Waits for the next tick; missed ticks count as one.
    pub(super) async fn next(&self) -> io::Result<()> {
        loop {
            let mut ready = self.0.readable().await?;
            let mut count = [0; 8];
            let read = ready.try_io(|timer| Ok(nix::unistd::read(timer.get_ref(), &mut count)?));
            if let Ok(read) = read {
                return read.map(drop);
            }
        }
    }
}
