//! Which strikes there are, in which order, and which broker each is aimed at.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// How long a killed broker is down: as long as the longest election, or a little less.
const DOWN: Duration = Duration::from_secs(6);
/// How long brokers are stopped: shorter than an election, longer than one, and longer than clients
/// take to give up a silent connection.
const STOPS: [Duration; 3] =
    [Duration::from_secs(6), Duration::from_secs(12), Duration::from_secs(25)];
/// The least time from the end of a strike to the next one.
const RECOVERY: Duration = Duration::from_secs(10);
/// Strikes in a row on random brokers, how long they last, and the least time between two of them.
const IN_A_ROW: usize = 10;
const IN_A_ROW_MILLIS: RangeInclusive<u64> = 3_000..=6_000;
const IN_A_ROW_RECOVERY: Duration = Duration::from_secs(1);

/// How many strikes a run has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    Full,
    Short,
}

/// A strike, and the least time from its end to the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PlannedStrike {
    pub(super) strike: Strike,
    pub(super) recovery: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strike {
    /// One broker is killed or stopped for this long.
    One(Method, Duration, Aim),
    /// Every broker is restarted by SIGTERM, one after the other.
    RestartInOrder,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// SIGKILL, and a start.
    Kill,
    /// SIGSTOP, and SIGCONT.
    Stop,
}

/// The broker that a strike is aimed at, chosen at the moment of the strike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    /// The leader of the lane that takes new orders.
    Leader,
    /// One that does not lead it and was not struck in this way.
    NotLeader,
    /// The one with this index.
    Drawn(usize),
}

/// The strikes of a run. Those in a row are drawn from `seed`.
pub(super) fn schedule(seed: u64, extent: Extent) -> Vec<PlannedStrike> {
    let [short, medium, _] = STOPS;
    let kill = |aim| Strike::One(Method::Kill, DOWN, aim);
    let stop = |lasts, aim| Strike::One(Method::Stop, lasts, aim);
    let strikes = match extent {
        Extent::Short => vec![
            kill(Aim::Leader),
            stop(short, Aim::Leader),
            stop(short, Aim::NotLeader),
            Strike::RestartInOrder,
        ],
        Extent::Full => {
            let mut strikes = vec![kill(Aim::Leader)];
            strikes.extend(STOPS.map(|lasts| stop(lasts, Aim::Leader)));
            strikes.extend([kill(Aim::NotLeader), stop(medium, Aim::NotLeader)]);
            strikes.push(Strike::RestartInOrder);
            strikes
        }
    };
    let mut strikes: Vec<_> = strikes.into_iter().map(|it| it.followed_by(RECOVERY)).collect();
    if extent == Extent::Full {
        let mut random = StdRng::seed_from_u64(seed);
        strikes.extend((0..IN_A_ROW).map(|_| drawn(&mut random).followed_by(IN_A_ROW_RECOVERY)));
    }
    strikes
}

/// The index of the broker to strike. `leader` leads the stream that takes new orders, and `struck`
/// are the brokers that were struck in the same way.
pub(super) fn choose(aim: Aim, leader: usize, struck: &[usize], count: usize) -> usize {
    let mut spared = (0..count).filter(|broker| !struck.contains(broker));
    match aim {
        Aim::Leader => leader,
        Aim::NotLeader => spared.find(|broker| *broker != leader).unwrap_or(leader),
        Aim::Drawn(index) => index % count,
    }
}

fn drawn(random: &mut StdRng) -> Strike {
    let method = if random.random_range(0..2) == 0 { Method::Kill } else { Method::Stop };
    let lasts = Duration::from_millis(random.random_range(IN_A_ROW_MILLIS));
    Strike::One(method, lasts, Aim::Drawn(random.random_range(0..1_000)))
}

impl Strike {
    const fn followed_by(self, recovery: Duration) -> PlannedStrike {
        PlannedStrike { strike: self, recovery }
    }

    /// Whether brokers are struck in the same way, for as long.
    pub(super) fn is_like(self, other: Self) -> bool {
        match (self, other) {
            (Self::One(method, lasts, _), Self::One(other, other_lasts, _)) => {
                method == other && lasts == other_lasts
            }
            (Self::RestartInOrder, Self::RestartInOrder) => true,
            _ => false,
        }
    }
}

impl fmt::Display for Strike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (way, lasts, aim) = match self {
            Self::One(Method::Kill, lasts, aim) => ("killed", lasts, aim),
            Self::One(Method::Stop, lasts, aim) => ("stopped", lasts, aim),
            Self::RestartInOrder => return write!(f, "restarted in order"),
        };
        match aim {
            Aim::Drawn(_) => write!(f, "{way}, drawn"),
            _ => write!(f, "{way} for {} s", lasts.as_secs()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whom a cluster's strikes hit, and whether it led, if leadership moves on by one broker whenever
    /// the leader is struck for longer than an election takes.
    fn play(strikes: &[PlannedStrike]) -> Vec<(Strike, usize, bool)> {
        let mut leader = 0;
        let mut played: Vec<(Strike, usize, bool)> = Vec::new();
        for PlannedStrike { strike, .. } in strikes {
            let Strike::One(_, _, aim) = *strike else { continue };
            let alike = played.iter().filter(|(other, ..)| other.is_like(*strike));
            let struck: Vec<usize> = alike.map(|(_, broker, _)| *broker).collect();
            let broker = choose(aim, leader, &struck, 3);
            played.push((*strike, broker, broker == leader));
            if broker == leader {
                leader = (leader + 1) % 3;
            }
        }
        played
    }

    #[test]
    fn a_full_run_kills_and_stops_the_leader_and_another_broker_and_restarts_all() {
        let strikes = schedule(1, Extent::Full);
        let named = &strikes[..strikes.len() - IN_A_ROW];
        let played = play(named);
        let led = |method, lasts| {
            let like = Strike::One(method, lasts, Aim::Leader);
            let alike = played.iter().filter(|(strike, ..)| strike.is_like(like));
            alike.map(|(.., led)| *led).collect::<Vec<_>>()
        };
        assert_eq!(led(Method::Kill, DOWN), [true, false]);
        assert_eq!(STOPS.map(|lasts| led(Method::Stop, lasts).len()), [1, 2, 1]);
        assert_eq!(led(Method::Stop, STOPS[1]), [true, false]);
        assert_eq!(named.last().unwrap().strike, Strike::RestartInOrder);
    }

    #[test]
    fn the_seed_draws_the_strikes_in_a_row_and_no_others() {
        let [one, again, other] = [1, 1, 2].map(|seed| schedule(seed, Extent::Full));
        assert_eq!(one, again);
        let common = one.len() - IN_A_ROW;
        assert_eq!(one[..common], other[..common]);
        assert_ne!(one[common..], other[common..]);
        for (method, name) in [(Method::Kill, "kill"), (Method::Stop, "stop")] {
            let drawn = one[common..].iter();
            let is = |planned: &&PlannedStrike| matches!(planned.strike, Strike::One(it, ..) if it == method);
            assert!(drawn.filter(is).count() > 0, "no {name}");
        }
    }

    #[test]
    fn a_short_run_kills_and_stops_the_leader_and_restarts_all() {
        let strikes = schedule(1, Extent::Short);
        let led = play(&strikes).into_iter().filter(|(.., led)| *led).count();
        assert_eq!((strikes.len(), led), (4, 2));
        assert!(strikes.iter().any(|planned| planned.strike == Strike::RestartInOrder));
    }

    #[test]
    fn without_a_broker_left_the_leader_is_struck() {
        assert_eq!(choose(Aim::NotLeader, 1, &[0, 2], 3), 1);
        assert_eq!(choose(Aim::Drawn(7), 0, &[], 3), 1);
    }
}
