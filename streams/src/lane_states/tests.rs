//! Which lane is tried first, and which are in use.

use super::*;

fn lanes(open: &[usize]) -> (LaneStates, Vec<Lane>) {
    let (states, lanes) = (LaneStates::default(), Lane::numbered(3).collect::<Vec<_>>());
    let seen = |lane: &Lane| {
        let is_open = open.contains(&lane.number());
        (*lane, Some(SeenLane { is_open, leader: Some(format!("broker-{}", lane.number())) }))
    };
    states.observe(&lanes.iter().map(seen).collect());
    (states, lanes)
}

fn order(states: &LaneStates, kind: EventKind) -> Vec<usize> {
    states.order(kind).into_iter().map(Lane::number).collect()
}

#[test]
fn the_lowest_lane_that_is_good_is_tried_first_and_one_that_failed_last() {
    let (states, lanes) = lanes(&[1, 2, 3]);
    assert_eq!(order(&states, EventKind::Created), [1, 2, 3]);
    states.fail(lanes[0]);
    assert_eq!(order(&states, EventKind::Created), [2, 3, 1]);
    states.fail(lanes[1]);
    assert_eq!(order(&states, EventKind::Created), [3, 1, 2]);
    assert!(states.is_in_use(lanes[2]) && !states.is_in_use(lanes[0]));
}

#[test]
fn a_lane_that_is_full_behind_or_unproven_gets_only_what_it_has_room_for() {
    let (states, lanes) = lanes(&[1, 2]);
    states.admit(lanes[0], Admission::StreamFull);
    assert_eq!(order(&states, EventKind::Created), [2]);
    assert_eq!(order(&states, EventKind::CancelRequested), [1, 2]);
    states.admit(lanes[0], Admission::OutcomesOnly);
    assert_eq!(order(&states, EventKind::CancelRequested), [2]);
    assert_eq!(order(&states, EventKind::Paid), [1, 2]);
    assert_eq!(states.best_admission(), Some(Admission::Open));
    states.set_unproven(&lanes[..1]);
    assert_eq!(order(&states, EventKind::Paid), [2]);
    states.admit(lanes[1], Admission::BacklogTooOld);
    assert_eq!(states.best_admission(), Some(Admission::BacklogTooOld));
}

#[test]
fn a_lane_is_gone_when_the_brokers_do_not_list_it_and_kept_when_its_leader_is_silent() {
    let (states, lanes) = lanes(&[1, 2, 3]);
    let first = SeenLane { is_open: true, leader: Some("broker-1".to_owned()) };
    states.observe(&[(lanes[0], Some(first)), (lanes[1], None)].into());
    assert_eq!(states.all(), lanes[..2]);
    assert_eq!(states.leader(lanes[1]).as_deref(), Some("broker-2"));
}

#[tokio::test(start_paused = true)]
async fn others_are_told_of_a_lane_when_it_changes_and_now_and_then_while_it_is_not_the_first() {
    let (states, lanes) = lanes(&[1, 2, 3]);
    assert!(states.use_lane(lanes[0]));
    assert!(!states.use_lane(lanes[0]));
    tokio::time::advance(LANE_NOTICE_INTERVAL).await;
    assert!(!states.use_lane(lanes[0]), "everybody looks there");
    let mut uses = states.uses();
    assert!(states.use_lane(lanes[1]) && uses.has_changed().unwrap());
    uses.mark_unchanged();
    assert!(!states.use_lane(lanes[1]));
    tokio::time::advance(LANE_NOTICE_INTERVAL).await;
    assert!(states.use_lane(lanes[1]) && !uses.has_changed().unwrap());
    tokio::time::advance(LANE_IN_USE_FOR).await;
    assert!(!states.is_in_use(lanes[1]) && states.is_in_use(lanes[0]));
}

#[test]
fn the_stream_of_a_version_without_lanes_takes_messages_only_while_there_are_no_lanes() {
    let states = LaneStates::default();
    let open = || Some(SeenLane { is_open: true, leader: None });
    let [legacy, first] = ["ORDERS", "ORDERS_1"].map(|name| Lane::of_stream(name).unwrap());
    states.observe(&[(legacy, open())].into());
    assert_eq!(order(&states, EventKind::Created), [0]);
    states.observe(&[(legacy, open()), (first, open())].into());
    assert_eq!(order(&states, EventKind::Created), [1]);
    assert!(!states.is_in_use(legacy) && states.is_in_use(first));
    states.note_use(legacy);
    assert!(states.is_in_use(legacy), "what is in it is processed");
    states.set_unproven(&[first]);
    assert_eq!(states.best_admission(), None);
}
