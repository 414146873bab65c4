//! The schedules of faults. They depend on nothing but the seed and the options, so that they can
//! be reproduced.

use std::ops::RangeInclusive;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use super::Fault;

/// The time slot of one fault: injection, duration and recovery. Brokers take longer to recover
/// than other processes.
const BROKER_SLOT: Duration = Duration::from_secs(9);
const PROCESS_SLOT: Duration = Duration::from_secs(5);
/// The messages of a frozen worker are redelivered after 30 s.
const FREEZE_WORKER_SLOT: Duration = Duration::from_secs(40);
/// A server that is frozen for 45 s is silent for longer than every timeout of its clients.
const FREEZE_SERVER_SLOT: Duration = Duration::from_secs(53);
/// Five processes, one after the other, each of which drains for a second or two.
const ROLLING_SLOT: Duration = Duration::from_secs(20);
/// One process, restarted twice, and orders that it serves in between.
const SKEW_SLOT: Duration = Duration::from_secs(10);
/// Brokers take several seconds to detect a partition and to elect another leader.
const PARTITION_SLOT: Duration = Duration::from_secs(24);
/// A broker or two get all messages again.
const REPLICATION_SLOT: Duration = Duration::from_secs(16);
/// Other brokers are elected, one may have to be killed, and gets all messages again.
const DISK_SLOT: Duration = Duration::from_secs(40);
/// A client notices a silent connection after ten seconds, or after three pings.
const CUT_SLOT: Duration = Duration::from_secs(30);
/// The latest start and the duration of a fault, in thousandths of its slot.
const START_MAX: u32 = 250;
const DURATION: RangeInclusive<u32> = 200..=500;
const FREEZE_START_MAX: u32 = 50;
const FREEZE_DURATION: RangeInclusive<u32> = 850..=900;

/// One fault of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScheduledFault {
    /// The fault to inject.
    pub fault: Fault,
    /// The time of injection, from the start of the run.
    pub at: Duration,
    /// The time from injection until the fault is healed.
    pub duration: Duration,
    /// Selects one of several equal processes: any number, taken modulo their count.
    pub index: usize,
}

/// Two concurrent schedules: the faults of the brokers, and all other faults. Each of `faults`
/// occurs at least once within `run`, and all of them equally often: as often as there is time.
pub fn plan(seed: u64, run: Duration, faults: &[Fault]) -> [Vec<ScheduledFault>; 2] {
    let mut random = StdRng::seed_from_u64(seed);
    let (broker_faults, process_faults): (Vec<Fault>, Vec<Fault>) =
        faults.iter().partition(|fault| fault.affects_brokers());
    [broker_faults, process_faults].map(|faults| schedule(&mut random, run, &faults))
}

fn schedule(random: &mut StdRng, run: Duration, faults: &[Fault]) -> Vec<ScheduledFault> {
    let round: Duration = faults.iter().map(|fault| slot(*fault)).sum();
    if round.is_zero() {
        return Vec::new();
    }
    let rounds = (run.as_millis() / round.as_millis()).max(1) as u32;
    let stretch = Stretch::new(run / rounds, round, faults);
    let mut schedule = Vec::new();
    let mut slot_start = Duration::ZERO;
    for _ in 0..rounds {
        let mut order = faults.to_vec();
        order.shuffle(random);
        for fault in order {
            let slot = slot(fault).mul_f64(stretch.of(fault));
            let mut part = |range| slot * random.random_range(range) / 1_000;
            let (delay, duration) = if is_freeze(fault) {
                (part(0..=FREEZE_START_MAX), part(FREEZE_DURATION))
            } else {
                (part(0..=START_MAX), part(DURATION))
            };
            let index = random.random_range(0..1_000);
            schedule.push(ScheduledFault { fault, at: slot_start + delay, duration, index });
            slot_start += slot;
        }
    }
    schedule
}

/// By how much slots are stretched or compressed, so that whole rounds fill the run exactly.
struct Stretch {
    freezes: f64,
    others: f64,
}

impl Stretch {
    /// Freezes keep their length, unless they would take more than half of a round.
    fn new(wanted_round: Duration, round: Duration, faults: &[Fault]) -> Self {
        let freezes = faults.iter().filter(|fault| is_freeze(**fault)).map(|fault| slot(*fault));
        let freezes = freezes.sum::<Duration>().as_secs_f64();
        let (wanted_round, round) = (wanted_round.as_secs_f64(), round.as_secs_f64());
        if freezes >= round || freezes > wanted_round / 2.0 {
            let stretch = wanted_round / round;
            return Self { freezes: stretch, others: stretch };
        }
        Self { freezes: 1.0, others: (wanted_round - freezes) / (round - freezes) }
    }

    const fn of(&self, fault: Fault) -> f64 {
        if is_freeze(fault) { self.freezes } else { self.others }
    }
}

/// Whether the fault is a pause that has to last as long as a timeout.
const fn is_freeze(fault: Fault) -> bool {
    matches!(fault, Fault::FreezeWorker | Fault::FreezeBroker | Fault::FreezePostgres)
}

const fn slot(fault: Fault) -> Duration {
    match fault {
        Fault::FreezeWorker => FREEZE_WORKER_SLOT,
        Fault::FreezeBroker | Fault::FreezePostgres => FREEZE_SERVER_SLOT,
        Fault::RollingRestart => ROLLING_SLOT,
        Fault::SkewClock => SKEW_SLOT,
        Fault::Partition(_) => PARTITION_SLOT,
        Fault::Cut(_) => CUT_SLOT,
        Fault::DiskFull => DISK_SLOT,
        Fault::LoseStore | Fault::LowerReplicas => REPLICATION_SLOT,
        _ if fault.affects_brokers() => BROKER_SLOT,
        _ => PROCESS_SLOT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn the_same_seed_gives_the_same_schedules_and_another_seed_gives_others() {
        assert_eq!(plan(7, MINUTE, &Fault::all()), plan(7, MINUTE, &Fault::all()));
        assert_ne!(plan(7, MINUTE, &Fault::all()), plan(8, MINUTE, &Fault::all()));
    }

    #[test]
    fn every_fault_occurs_within_the_run_and_the_faults_of_one_schedule_never_overlap() {
        for (seed, seconds) in (0..50).zip([10, 60, 120, 300].iter().cycle()) {
            let run = Duration::from_secs(*seconds);
            let schedules = plan(seed, run, &Fault::all());
            for fault in Fault::all() {
                let mut faults = schedules.iter().flatten();
                assert!(faults.any(|planned| planned.fault == fault), "{fault}");
            }
            for schedule in schedules {
                let ends = schedule.iter().map(|planned| planned.at + planned.duration);
                let starts = schedule.iter().skip(1).map(|planned| planned.at).chain([run]);
                assert!(ends.zip(starts).all(|(end, next_start)| end < next_start));
            }
        }
    }

    #[test]
    fn freezes_keep_their_length_in_a_run_that_has_the_time() {
        for (seconds, worker_min, postgres_min) in [(120, 30, 0), (300, 30, 45)] {
            let run = Duration::from_secs(seconds);
            let faults = Fault::all_within(run);
            let schedules = plan(5, run, &faults);
            for (fault, least) in
                [(Fault::FreezeWorker, worker_min), (Fault::FreezePostgres, postgres_min)]
            {
                let mut planned = schedules.iter().flatten().filter(|it| it.fault == fault);
                assert_eq!(planned.clone().count() == 0, least == 0, "{fault} in {seconds} s");
                assert!(planned.all(|it| it.duration >= Duration::from_secs(least)), "{fault}");
            }
        }
    }

    #[test]
    fn a_schedule_without_faults_is_empty() {
        let [broker_schedule, process_schedule] = plan(1, MINUTE, &[Fault::ProviderSlow]);
        assert!(broker_schedule.is_empty());
        assert!(process_schedule.iter().all(|scheduled| scheduled.fault == Fault::ProviderSlow));
    }
}
