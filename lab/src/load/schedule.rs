//! The schedule of a phase: when each order is due.

use std::cell::Cell;
use std::io;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::plan::Phase;
use super::tick_timer::TickTimer;

/// The orders of a phase, issued to its connections one by one.
pub(super) struct Schedule {
    started: Instant,
    lasts: Duration,
    rate: Option<f64>,
    orders_max: u64,
    next: Cell<u64>,
    /// Open loop: a permit for each order that is due and that no connection has taken yet.
    due: Semaphore,
}

impl Schedule {
    /// Starts the schedule now.
    pub(super) fn start(phase: &Phase) -> Self {
        let lasts = Duration::from_millis(phase.duration_ms);
        let orders_max = phase.orders_max.unwrap_or(u64::MAX);
        let total = phase.rate.map(|rate| (rate * lasts.as_secs_f64()).round() as u64);
        Self {
            started: Instant::now(),
            lasts,
            rate: phase.rate,
            orders_max: orders_max.min(total.unwrap_or(u64::MAX)),
            next: Cell::new(0),
            due: Semaphore::new(0),
        }
    }

    /// Waits for the next order and returns when it was due; `None` at the end.
    pub(super) async fn next(&self) -> Option<Instant> {
        if self.rate.is_some() {
            self.due.acquire().await.ok()?.forget();
        } else if self.started.elapsed() >= self.lasts || self.next.get() >= self.orders_max {
            return None;
        }
        let number = self.next.get();
        self.next.set(number + 1);
        Some(self.due_at(number))
    }

    /// Open loop: releases orders at the constant rate until the end of the phase.
    pub(super) async fn release(&self) -> io::Result<()> {
        let Some(rate) = self.rate else { return Ok(()) };
        let ticks = TickTimer::start()?;
        let mut released = 0;
        while self.started.elapsed() < self.lasts {
            let due = (self.started.elapsed().as_secs_f64() * rate) as u64 + 1;
            let due = due.min(self.orders_max);
            self.due.add_permits((due - released) as usize);
            released = due;
            ticks.next().await?;
        }
        self.due.close();
        Ok(())
    }

    /// When each order was due that no connection took before the end.
    pub(super) fn unissued(&self) -> impl Iterator<Item = Instant> {
        let total = if self.rate.is_some() { self.orders_max } else { self.next.get() };
        (self.next.get()..total).map(|number| self.due_at(number))
    }

    /// The start of the phase.
    pub(super) const fn started(&self) -> Instant {
        self.started
    }

    fn due_at(&self, number: u64) -> Instant {
        match self.rate {
            Some(rate) => self.started + Duration::from_secs_f64(number as f64 / rate),
            None => Instant::now(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Phase =
        Phase { connections: 1, rate: Some(1_000.0), duration_ms: 60_000, orders_max: None };

    #[tokio::test]
    async fn an_order_keeps_its_due_time_however_late_it_is_taken() {
        let schedule = Schedule::start(&OPEN);
        let take = async {
            let mut taken = Vec::new();
            while let Some(due) = schedule.next().await {
                taken.push(due - schedule.started());
                if taken.len() == 10 {
                    break;
                }
            }
            taken
        };
        let taken = tokio::select! {
            taken = take => taken,
            released = schedule.release() => panic!("fewer than ten orders: {released:?}"),
        };
        assert_eq!(taken, (0..10).map(Duration::from_millis).collect::<Vec<_>>());
        assert_eq!(schedule.unissued().count(), 59_990);
    }

    #[tokio::test]
    async fn a_closed_loop_ends_after_its_last_order() {
        let closed = Phase { rate: None, orders_max: Some(2), ..OPEN };
        let schedule = Schedule::start(&closed);
        assert!(schedule.next().await.is_some() && schedule.next().await.is_some());
        assert!(schedule.next().await.is_none());
        assert_eq!(schedule.unissued().count(), 0);
    }
}
