//! A clock that ticks more finely than the runtime's, whose timers wait for the next millisecond.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tokio::io::unix::AsyncFd;

/// Orders become due up to this much late: far less than any time that is measured, and a wake-up
/// costs some microseconds.
const EVERY: Duration = Duration::from_micros(200);

/// Ticks from the kernel.
pub(super) struct Ticks(AsyncFd<OwnedFd>);

impl Ticks {
    pub(super) fn start() -> io::Result<Self> {
        let timer = TimerFd::new(
            ClockId::CLOCK_MONOTONIC,
            TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC,
        )?;
        let every = Expiration::Interval(TimeSpec::from_duration(EVERY));
        timer.set(every, TimerSetTimeFlags::empty())?;
        #[expect(
            deprecated,
            reason = "its successor is unsafe; an OwnedFd keeps what that asks for"
        )]
        let timer = AsyncFd::new(timer.into())?;
        Ok(Self(timer))
    }

    /// Waits for the next tick; those that were missed count as one.
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
