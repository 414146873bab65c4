//! Which leader is moved next: pure.

use std::collections::BTreeMap;
use std::fmt;

use super::led_lane::{Follower, LedLane};
use crate::{Durable, Lane};

/// One move: a lane, or its durable consumers, to another broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaderMove {
    /// The lane.
    pub lane: Lane,
    /// The durable consumers of the lane that are moved; if there are none, the lane itself is.
    pub durables: Vec<Durable>,
    /// The broker that leads from then on.
    pub to: String,
}

impl fmt::Display for LeaderMove {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.durables.len() {
            0 => write!(f, "{} to {}", self.lane, self.to),
            count => write!(f, "{count} durable consumers of {} to {}", self.lane, self.to),
        }
    }
}

impl LeaderMove {
    /// Whether the lane or all of the durables have the leader that they were to get.
    pub(super) fn is_made(&self, lane: &LedLane) -> bool {
        let leads = |leader: &Option<String>| leader.as_ref() == Some(&self.to);
        if self.durables.is_empty() {
            return leads(&lane.leader);
        }
        let is_moved = |durable: &Durable| {
            lane.durables.iter().any(|led| led.durable == *durable && leads(&led.leader))
        };
        self.durables.iter().all(is_moved)
    }
}

/// Whether one broker leads all lanes that have a leader: if it dies, no lane is left.
pub(super) fn are_all_on_one(lanes: &[LedLane]) -> bool {
    let mut leaders = lanes.iter().filter_map(|lane| lane.leader.as_ref());
    let first = leaders.next();
    lanes.len() > 1 && first.is_some() && leaders.all(|leader| Some(leader) == first)
}

/// The next move; `None` if each lane is on a broker of its own with all of its durables, or nothing better
/// is possible now. Lanes come first: their durables follow them.
pub(super) fn next_move(lanes: &[LedLane]) -> Option<LeaderMove> {
    lane_move(lanes).or_else(|| lanes.iter().find_map(move_durables))
}

/// The next move of a lane; `None` if each one is on a broker of its own, or nothing better is possible now.
/// The higher lanes are moved first: a move costs a lane that gets no messages nothing.
pub(super) fn lane_move(lanes: &[LedLane]) -> Option<LeaderMove> {
    let mut led: BTreeMap<&str, usize> = BTreeMap::new();
    for leader in lanes.iter().filter_map(|lane| lane.leader.as_deref()) {
        *led.entry(leader).or_default() += 1;
    }
    lanes.iter().rev().find_map(|lane| {
        let leads_another = led.get(lane.leader.as_deref()?).is_some_and(|count| *count > 1);
        let ready = lane.followers.iter().filter(|follower| follower.is_ready);
        let mut free = ready.filter(|follower| !led.contains_key(&*follower.broker));
        let to = free.next().filter(|_| leads_another)?.broker.clone();
        Some(LeaderMove { lane: lane.lane, durables: Vec::new(), to })
    })
}

fn move_durables(lane: &LedLane) -> Option<LeaderMove> {
    let to = lane.leader.as_ref()?;
    let is_ready = |follower: &Follower| follower.is_ready && follower.broker == *to;
    let movable = lane.durables.iter().filter(|it| it.followers.iter().any(is_ready));
    let elsewhere = movable.filter(|it| it.leader.as_ref().is_some_and(|leader| leader != to));
    let durables: Vec<Durable> = elsewhere.map(|it| it.durable.clone()).collect();
    (!durables.is_empty()).then(|| LeaderMove { lane: lane.lane, durables, to: to.clone() })
}

#[cfg(test)]
mod tests {
    use super::super::led_lane::LedDurable;
    use super::*;

    const BROKERS: [&str; 3] = ["b1", "b2", "b3"];

    fn followers(leader: &str, ready: &[&str]) -> Vec<Follower> {
        let others = BROKERS.iter().filter(|broker| **broker != leader);
        let follower = |broker: &&str| Follower {
            broker: (*broker).to_owned(),
            is_present: true,
            is_ready: ready.contains(broker),
        };
        others.map(follower).collect()
    }

    /// Lanes led by `leaders`, each with one durable led by the broker that is named after it.
    fn lanes(leaders: &[(&str, &str)], ready: &[&str]) -> Vec<LedLane> {
        let lane = |(lane, (leader, durable_leader)): (Lane, &(&str, &str))| {
            let durable =
                Durable { stream: lane.stream(), name: "payment".to_owned(), subjects: Vec::new() };
            let durable = LedDurable {
                durable,
                leader: Some((*durable_leader).to_owned()),
                followers: followers(durable_leader, ready),
            };
            let leader = (!leader.is_empty()).then(|| (*leader).to_owned());
            let followers = followers(leader.as_deref().unwrap_or_default(), ready);
            LedLane { lane, leader, followers, durables: vec![durable] }
        };
        Lane::numbered(leaders.len()).zip(leaders).map(lane).collect()
    }

    fn text(leaders: &[(&str, &str)], ready: &[&str]) -> Option<String> {
        next_move(&lanes(leaders, ready)).map(|next| next.to_string())
    }

    #[test]
    fn lanes_that_share_a_broker_are_moved_apart_and_then_their_durables_follow() {
        let shared = [("b1", "b1"), ("b1", "b1"), ("b3", "b3")];
        assert_eq!(text(&shared, &BROKERS).unwrap(), "ORDERS_2 to b2");
        let apart = [("b1", "b1"), ("b2", "b1"), ("b3", "b3")];
        assert_eq!(text(&apart, &BROKERS).unwrap(), "1 durable consumers of ORDERS_2 to b2");
        assert_eq!(text(&[("b1", "b1"), ("b2", "b2"), ("b3", "b3")], &BROKERS), None);
        let piled = [("b3", "b3"), ("b3", "b3"), ("b3", "b3")];
        assert_eq!(text(&piled, &BROKERS).unwrap(), "ORDERS_3 to b1");
    }

    #[test]
    fn one_broker_leads_all_lanes_also_while_one_of_them_has_no_leader() {
        let on_one = |leaders: &[(&str, &str)]| are_all_on_one(&lanes(leaders, &BROKERS));
        assert!(on_one(&[("b1", "b1"), ("b1", "b2"), ("b1", "b3")]));
        assert!(on_one(&[("b1", "b1"), ("", "b2"), ("b1", "b3")]));
        assert!(!on_one(&[("b1", "b1"), ("b1", "b1"), ("b2", "b1")]));
        assert!(!on_one(&[("", "b1"), ("", "b1"), ("", "b1")]));
        assert!(!on_one(&[("b1", "b1")]));
    }

    #[test]
    fn nothing_is_moved_to_a_broker_that_cannot_lead() {
        let shared = [("b1", "b1"), ("b1", "b1"), ("b3", "b3")];
        assert_eq!(text(&shared, &["b1", "b3"]), None);
        let apart = [("b1", "b1"), ("b2", "b1"), ("b3", "b3")];
        assert_eq!(text(&apart, &["b1", "b3"]), None);
        let without_leader = [("b1", "b1"), ("b1", "b1"), ("", "b3")];
        assert_eq!(text(&without_leader, &BROKERS).unwrap(), "ORDERS_2 to b2");
    }

    #[test]
    fn a_move_is_made_when_all_that_it_moves_is_led_by_its_target() {
        let before = lanes(&[("b1", "b1"), ("b1", "b1"), ("b3", "b3")], &BROKERS);
        let moved = next_move(&before).unwrap();
        assert!(!moved.is_made(&before[1]));
        let after = lanes(&[("b1", "b1"), ("b2", "b1"), ("b3", "b3")], &BROKERS);
        assert!(moved.is_made(&after[1]));
        let durables = next_move(&after).unwrap();
        assert!(!durables.is_made(&after[1]));
        let together = lanes(&[("b1", "b1"), ("b2", "b2"), ("b3", "b3")], &BROKERS);
        assert!(durables.is_made(&together[1]));
    }
}
