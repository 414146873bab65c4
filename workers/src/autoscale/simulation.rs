//! The autoscaler against simulated pools, by a virtual clock.

use std::collections::VecDeque;
use std::time::Duration;

use streams::Autoscale;

use super::Autoscaler;
use super::sample::Sample;
use crate::limits::SCALE_INTERVAL;

/// The time from one step of a simulation to the next.
const TICK: f64 = 0.05;
/// How long after its time a sample is there: the workers have some time to answer.
const SAMPLE_LATE_TICKS: u32 = 7;
/// How long a worker takes to start.
const START: f64 = 1.5;
/// Orders a second of one worker.
const CAPACITY: f64 = 200.0;
const POLICY: Autoscale = Autoscale { min: 1, max: 8, target_seconds: 2 };

/// A pool, and what comes to it.
struct Pool {
    policy: Autoscale,
    /// Orders that arrive in a second, by the time.
    load: fn(f64) -> f64,
    /// Orders a second that all workers together can process, by the time: what they call does no more.
    limit: fn(f64) -> f64,
    /// How many of its workers can run, by the time: the others crash.
    running_max: fn(f64) -> u32,
    /// Whether it is paused.
    is_held: fn(f64) -> bool,
}

impl Default for Pool {
    fn default() -> Self {
        let (load, limit) = (|_| 0.0, |_| f64::INFINITY);
        Self { policy: POLICY, load, limit, running_max: |_| u32::MAX, is_held: |_| false }
    }
}

/// What was seen at one time.
#[derive(Debug, Clone, Copy)]
struct Seen {
    at: f64,
    wanted: u32,
    /// The age of the oldest order that waits.
    age: f64,
}

impl Pool {
    /// Runs it with one worker at first, all wanted workers being started and stopped.
    fn run(&self, seconds: f64) -> Vec<Seen> {
        let mut autoscaler = Autoscaler::new(1);
        let mut started_at = vec![-START];
        let mut waiting: VecDeque<(f64, f64)> = VecDeque::new();
        let (mut seen, mut arriving, mut done) = (Vec::new(), 0.0, 0.0);
        let sample_ticks = (SCALE_INTERVAL.as_secs_f64() / TICK).round() as u32;
        let mut on_its_way = None;
        for tick in 1..=(seconds / TICK).round() as u32 {
            let at = f64::from(tick) * TICK;
            arriving += (self.load)(at) * TICK;
            if arriving >= 1.0 {
                waiting.push_back((at, arriving.floor()));
                arriving -= arriving.floor();
            }
            let pulling = started_at.iter().filter(|started| *started + START <= at).count() as u32;
            let pulling = pulling.min((self.running_max)(at));
            let is_held = (self.is_held)(at);
            let rate = (f64::from(pulling) * CAPACITY).min((self.limit)(at));
            done += if is_held { 0.0 } else { take(&mut waiting, rate * TICK) };
            let age = waiting.front().map_or(0.0, |(arrived, _)| at - arrived);
            if tick % sample_ticks == 0 {
                on_its_way = Some(Sample {
                    at: Duration::from_secs_f64(at),
                    orders: waiting.iter().map(|(_, orders)| *orders).sum::<f64>().ceil() as u64,
                    undo: 0,
                    seconds: age,
                    done: done as u64,
                    pulling,
                    is_asleep: pulling == 0,
                    is_held,
                });
                done -= done.floor();
            }
            if tick % sample_ticks == SAMPLE_LATE_TICKS
                && let Some(sample) = on_its_way.take()
            {
                let wanted = autoscaler.next(sample, &self.policy);
                started_at.truncate(wanted as usize);
                started_at.resize(wanted as usize, at);
                seen.push(Seen { at, wanted, age });
            }
        }
        seen
    }
}

/// Takes up to `orders` from the front, and returns how many.
fn take(waiting: &mut VecDeque<(f64, f64)>, orders: f64) -> f64 {
    let mut left = orders;
    while let Some((_, first)) = waiting.front_mut() {
        let taken = first.min(left);
        (*first, left) = (*first - taken, left - taken);
        if *first > 0.0 {
            break;
        }
        waiting.pop_front();
    }
    orders - left
}

/// What was last seen at this time.
fn at(seen: &[Seen], time: f64) -> Seen {
    *seen.iter().rfind(|it| it.at <= time).unwrap()
}

fn between(seen: &[Seen], from: f64, to: f64) -> impl Iterator<Item = &Seen> {
    seen.iter().filter(move |it| it.at >= from && it.at < to)
}

/// How often the number goes up after it went down.
fn reversals(seen: &[Seen]) -> usize {
    let mut steps = seen.windows(2).map(|pair| pair[1].wanted.cmp(&pair[0].wanted));
    let mut changes: Vec<_> = steps.by_ref().filter(|step| step.is_ne()).collect();
    changes.dedup();
    changes.windows(2).filter(|pair| pair[0].is_lt() && pair[1].is_gt()).count()
}

#[test]
fn a_step_is_answered_within_two_seconds_and_its_backlog_is_gone_soon() {
    let seen =
        Pool { load: |at| if at < 10.0 { 50.0 } else { 900.0 }, ..Pool::default() }.run(600.0);
    assert_eq!(at(&seen, 9.5).wanted, 1);
    assert!(at(&seen, 12.0).wanted >= 3, "{:?}", at(&seen, 12.0));
    assert!(between(&seen, 30.0, 600.0).all(|it| it.age <= 2.0 && it.wanted >= 5));
    let last = seen.last().unwrap();
    assert!((5..=6).contains(&last.wanted), "what is not needed is given up: {last:?}");
    assert_eq!(reversals(&seen), 0);
}

#[test]
fn a_ramp_is_followed_and_orders_never_wait_for_long() {
    let seen = Pool { load: |at| 50.0 + 4.5 * at, ..Pool::default() }.run(300.0);
    let longest = seen.iter().map(|it| it.age).fold(0.0, f64::max);
    assert!(longest < 3.0 * f64::from(POLICY.target_seconds), "{longest} s");
    assert_eq!(reversals(&seen), 0);
    assert!(seen.last().unwrap().wanted >= 7, "1,400 orders a second need seven");
}

#[test]
fn a_load_that_comes_and_goes_does_not_make_it_flap() {
    let saw = |at: f64| if at % 40.0 < 20.0 { 900.0 } else { 60.0 };
    let seen = Pool { load: saw, ..Pool::default() }.run(900.0);
    assert_eq!(reversals(&seen), 0);
    assert!(between(&seen, 60.0, 900.0).all(|it| it.age <= 4.0));
}

#[test]
fn a_pool_without_orders_gives_up_one_worker_after_the_other_and_the_first_order_wakes_it() {
    let load = |at: f64| match at {
        ..60.0 => 900.0,
        ..600.0 => 0.0,
        _ => 1.0,
    };
    let policy = Autoscale { min: 0, ..POLICY };
    let seen = Pool { policy, load, ..Pool::default() }.run(660.0);
    let peak = at(&seen, 60.0).wanted;
    assert!(between(&seen, 60.0, 119.0).all(|it| it.wanted == peak), "not before it is calm");
    assert_eq!(at(&seen, 599.0).wanted, 0);
    assert!(at(&seen, 602.0).wanted == 1, "{:?}", at(&seen, 602.0));
    assert!(between(&seen, 605.0, 660.0).all(|it| it.age <= 2.0 && it.wanted == 1));
    let kept = Pool { load, ..Pool::default() }.run(599.0);
    assert_eq!(kept.last().unwrap().wanted, 1, "never fewer than the minimum");
}

#[test]
fn a_paused_pool_stays_as_it_is_and_catches_up_at_once_afterwards() {
    let is_held = |at: f64| (60.0..360.0).contains(&at);
    let seen = Pool { load: |_| 100.0, is_held, ..Pool::default() }.run(900.0);
    assert!(between(&seen, 0.0, 360.0).all(|it| it.wanted == 1));
    assert!(at(&seen, 362.0).wanted > 1, "{:?}", at(&seen, 362.0));
    assert!(at(&seen, 480.0).age < 1.0);
    assert_eq!(seen.last().unwrap().wanted, 1);
}

#[test]
fn a_pause_and_a_crash_say_nothing_of_whether_more_workers_help() {
    let load = |at: f64| if at < 10.0 { 190.0 } else { 900.0 };
    let is_held = |at: f64| (15.0..45.0).contains(&at);
    let paused = Pool { load, is_held, ..Pool::default() }.run(180.0);
    let running_max = |at: f64| if (16.0..40.0).contains(&at) { 1 } else { u32::MAX };
    let crashed = Pool { load, running_max, ..Pool::default() }.run(180.0);
    for seen in [paused, crashed] {
        let before = at(&seen, 15.0).wanted;
        assert!(before > 1 && between(&seen, 15.0, 120.0).all(|it| it.wanted >= before));
        assert!(at(&seen, 70.0).wanted >= 5, "{:?}", at(&seen, 70.0));
        assert_eq!(reversals(&seen), 0);
        assert!(at(&seen, 179.0).age < 1.0, "{:?}", at(&seen, 179.0));
    }
}

#[test]
fn a_pause_is_no_calm_time() {
    let load = |at: f64| if at < 60.0 { 900.0 } else { 0.0 };
    let is_held = |at: f64| (100.0..300.0).contains(&at);
    let seen = Pool { load, is_held, ..Pool::default() }.run(400.0);
    let peak = at(&seen, 60.0).wanted;
    assert!(between(&seen, 60.0, 359.0).all(|it| it.wanted >= peak));
    assert!(at(&seen, 399.0).wanted < peak);
}

#[test]
fn what_must_be_undone_wakes_a_pool_also_while_it_is_paused() {
    let policy = Autoscale { min: 0, ..POLICY };
    let mut autoscaler = Autoscaler::new(0);
    let mut wanted = |seconds: u64, undo: u64, is_held: bool| {
        let at = Duration::from_secs(seconds);
        let pulling = u32::from(seconds > 0);
        let sample = Sample { at, undo, is_held, pulling, is_asleep: true, ..Sample::default() };
        autoscaler.next(sample, &policy)
    };
    assert_eq!(wanted(0, 0, true), 0);
    assert_eq!(wanted(1, 1, true), 1);
    assert_eq!(wanted(2, 0, true), 1);
    assert_eq!(wanted(3, 0, false), 1);
    assert_eq!(wanted(70, 1, false), 1, "while something waits, also if it is calm");
    assert_eq!(wanted(131, 0, false), 0);
}

#[test]
fn workers_that_do_not_help_because_nothing_is_processed_are_taken_back() {
    let limit = |at: f64| if (60.0..960.0).contains(&at) { 0.0 } else { f64::INFINITY };
    let seen = Pool { load: |_| 100.0, limit, ..Pool::default() }.run(960.0);
    let down: Vec<_> = between(&seen, 60.0, 960.0).collect();
    let more = down.iter().filter(|it| it.wanted > 1).count();
    assert!(more > 0 && more * 10 < down.len(), "{more} of {}", down.len());
}

#[test]
fn a_provider_that_bears_no_more_gets_as_many_workers_as_help() {
    let seen = Pool { load: |_| 900.0, limit: |_| 300.0, ..Pool::default() }.run(1_800.0);
    let later: Vec<_> = between(&seen, 300.0, 1_800.0).collect();
    let few = later.iter().filter(|it| (2..=3).contains(&it.wanted)).count();
    assert!(few * 10 >= later.len() * 9, "{few} of {}", later.len());
    assert!(later.iter().all(|it| it.wanted >= 2));
}

#[test]
fn the_number_stays_within_what_is_allowed() {
    let policy = Autoscale { min: 2, max: 3, target_seconds: 2 };
    let seen = Pool { policy, load: |_| 5_000.0, ..Pool::default() }.run(60.0);
    assert!(seen.iter().all(|it| (2..=3).contains(&it.wanted)));
    assert_eq!(seen.last().unwrap().wanted, 3);
}
