//! Who must say what before a profile is claimed.

use super::*;

fn brokers(known: usize, intervals: &[(&str, FsyncPolicy)]) -> FsyncReport {
    let brokers = intervals.iter().map(|(name, sync)| ((*name).to_owned(), *sync)).collect();
    FsyncReport { brokers, known, alive: None }
}

const LAZY: FsyncPolicy = FsyncPolicy::Every(Duration::from_mins(2));

#[test]
fn a_majority_that_syncs_every_write_is_a_proof() {
    for answered in [2, 3] {
        let all =
            [("a", FsyncPolicy::Always), ("b", FsyncPolicy::Always), ("c", FsyncPolicy::Always)];
        assert_eq!(brokers(3, &all[..answered]).verify_durability(Profile::Durable), Ok(()));
    }
    assert_eq!(
        brokers(1, &[("a", FsyncPolicy::Always)]).verify_durability(Profile::Single),
        Ok(())
    );
}

#[test]
fn one_broker_that_does_not_sync_every_write_is_named() {
    let syncs = brokers(3, &[("a", FsyncPolicy::Always), ("b", LAZY), ("c", FsyncPolicy::Always)]);
    let unproven = syncs.verify_durability(Profile::Durable).unwrap_err();
    assert_eq!(
        unproven.to_string(),
        "`durable` may not be claimed: b reports sync_interval 120s; set `sync_interval: always` \
         in its configuration, or start with `--profile fast`"
    );
}

#[test]
fn a_minority_proves_nothing() {
    let too_few = |syncs: FsyncReport, profile, answered, known, needed| {
        let expected = DurabilityUnverified::TooFew { profile, answered, known, needed };
        assert_eq!(syncs.verify_durability(profile), Err(expected));
    };
    too_few(brokers(3, &[("a", FsyncPolicy::Always)]), Profile::Durable, 1, 3, 2);
    // A broker that has not heard of the others yet.
    too_few(brokers(1, &[("a", FsyncPolicy::Always)]), Profile::Durable, 1, 3, 2);
    too_few(
        brokers(5, &[("a", FsyncPolicy::Always), ("b", FsyncPolicy::Always)]),
        Profile::Durable,
        2,
        5,
        3,
    );
    too_few(brokers(0, &[]), Profile::Single, 0, 1, 1);
}

#[test]
fn what_brokers_answer_is_read() {
    // As nats-server 2.15.1 says it, without what is not read.
    let lazy = r#"{"server":{"name":"broker-2"},"data":{"config":{"sync_interval":120000000000},
        "streams":0,"meta_cluster":{"cluster_size":3}}}"#;
    let always = r#"{"server":{"name":"broker-1"},"data":{"config":{"sync_interval":120000000000,
        "sync_always":true},"streams":0,"meta_cluster":{"cluster_size":3,"leader":"broker-1","replicas":[
        {"name":"broker-2","current":true,"active":300000000},
        {"name":"broker-3","current":false,"offline":true,"active":300000000},
        {"name":"broker-4","current":false,"active":4000000000}]}}}"#;
    let stores_nothing = r#"{"server":{"name":"leaf"},"data":{"disabled":true,"config":{}}}"#;
    let mut syncs = brokers(0, &[]);
    for answer in [lazy, always, stores_nothing] {
        syncs.hear(serde_json::from_str(answer).unwrap());
    }
    let mut expected = brokers(3, &[("broker-1", FsyncPolicy::Always), ("broker-2", LAZY)]);
    expected.alive = Some(["broker-2".to_owned()].into());
    assert_eq!(syncs, expected);
}

#[test]
fn a_start_waits_for_brokers_that_run_and_not_for_those_that_are_away() {
    let alive = |names: &[&str]| Some(names.iter().map(ToString::to_string).collect());
    let mut syncs = brokers(3, &[("a", FsyncPolicy::Always), ("b", FsyncPolicy::Always)]);
    assert!(!syncs.is_whole(), "no leader has said that the third one is away");
    syncs.alive = alive(&["b", "c"]);
    assert!(!syncs.is_whole(), "the third one is only busy");
    syncs.alive = alive(&["b"]);
    assert!(syncs.is_whole());
}
