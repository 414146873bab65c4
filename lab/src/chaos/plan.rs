//! What happens when: drawn from a seed and nothing else, so that a run can be had again.

use std::ops::RangeInclusive;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use super::Fault;

/// The time that one fault has to itself: to strike, to last, and to be got over. Brokers take
/// longer than others to come back.
const BROKERS_SLOT: Duration = Duration::from_secs(9);
const OTHERS_SLOT: Duration = Duration::from_secs(5);
/// A frozen worker's messages come again after 30 s, in a run that has time for it.
const FREEZE_SLOT: Duration = Duration::from_secs(40);
/// Brokers take some seconds to notice that one is cut off, and to elect another leader.
const CUT_OFF_SLOT: Duration = Duration::from_secs(24);
/// A fault begins in the first part of its slot, and lasts for a part of it, in thousandths.
const BEGINS_WITHIN: u32 = 250;
const LASTS: RangeInclusive<u32> = 200..=500;
const FREEZE_BEGINS_WITHIN: u32 = 50;
const FREEZE_LASTS: RangeInclusive<u32> = 850..=900;

/// One fault that is to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strike {
    /// What.
    pub fault: Fault,
    /// When, from the begin of the run.
    pub at: Duration,
    /// For how long.
    pub lasts: Duration,
    /// Which one of several alike: any number, to be taken modulo how many there are.
    pub which: usize,
}

/// Two lines of faults that happen at the same time: what happens to the brokers, and what happens
/// to all others. Each fault of `faults` happens at least once within `whole`, and as often as there
/// is time for all.
pub fn plan(seed: u64, whole: Duration, faults: &[Fault]) -> [Vec<Strike>; 2] {
    let mut random = StdRng::seed_from_u64(seed);
    let (of_brokers, of_others): (Vec<Fault>, Vec<Fault>) =
        faults.iter().partition(|fault| fault.is_of_brokers());
    [of_brokers, of_others].map(|faults| line(&mut random, whole, &faults))
}

fn line(random: &mut StdRng, whole: Duration, faults: &[Fault]) -> Vec<Strike> {
    let round: Duration = faults.iter().map(|fault| slot(*fault)).sum();
    if round.is_zero() {
        return Vec::new();
    }
    let rounds = (whole.as_millis() / round.as_millis()).max(1) as u32;
    // The whole time is used, and a short one is enough for all.
    let stretch = whole.as_secs_f64() / (round * rounds).as_secs_f64();
    let (mut strikes, mut slot_at) = (Vec::new(), Duration::ZERO);
    for _ in 0..rounds {
        let mut order = faults.to_vec();
        order.shuffle(random);
        for fault in order {
            let slot = slot(fault).mul_f64(stretch);
            let mut part = |range| slot * random.random_range(range) / 1_000;
            let (waits, lasts) = if fault == Fault::FreezeWorker {
                (part(0..=FREEZE_BEGINS_WITHIN), part(FREEZE_LASTS))
            } else {
                (part(0..=BEGINS_WITHIN), part(LASTS))
            };
            let which = random.random_range(0..1_000);
            strikes.push(Strike { fault, at: slot_at + waits, lasts, which });
            slot_at += slot;
        }
    }
    strikes
}

const fn slot(fault: Fault) -> Duration {
    match fault {
        Fault::FreezeWorker => FREEZE_SLOT,
        Fault::CutOff(_) => CUT_OFF_SLOT,
        _ if fault.is_of_brokers() => BROKERS_SLOT,
        _ => OTHERS_SLOT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn the_same_seed_is_the_same_plan_and_another_is_another() {
        assert_eq!(plan(7, MINUTE, &Fault::ALL), plan(7, MINUTE, &Fault::ALL));
        assert_ne!(plan(7, MINUTE, &Fault::ALL), plan(8, MINUTE, &Fault::ALL));
    }

    #[test]
    fn every_fault_happens_within_the_time_and_none_meets_another_of_its_line() {
        for (seed, whole) in (0..50).zip([10, 60, 120, 300].iter().cycle()) {
            let whole = Duration::from_secs(*whole);
            let lines = plan(seed, whole, &Fault::ALL);
            for fault in Fault::ALL {
                assert!(lines.iter().flatten().any(|strike| strike.fault == fault), "{fault}");
            }
            for line in lines {
                let ends = line.iter().map(|strike| strike.at + strike.lasts);
                let begins = line.iter().skip(1).map(|strike| strike.at).chain([whole]);
                assert!(ends.zip(begins).all(|(end, next)| end < next));
            }
        }
    }

    #[test]
    fn a_line_without_faults_is_empty() {
        let [of_brokers, of_others] = plan(1, MINUTE, &[Fault::ProviderSlow]);
        assert!(of_brokers.is_empty());
        assert!(of_others.iter().all(|strike| strike.fault == Fault::ProviderSlow));
    }
}
