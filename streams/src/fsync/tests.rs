//! Which reports of the brokers verify the durability that a profile claims.

use super::*;

fn brokers(cluster_size: usize, intervals: &[(&str, FsyncPolicy)]) -> FsyncReport {
    let brokers = intervals.iter().map(|(name, sync)| ((*name).to_owned(), *sync)).collect();
    FsyncReport { brokers, cluster_size, alive: None }
}

const EVERY_TWO_MINUTES: FsyncPolicy = FsyncPolicy::Every(Duration::from_mins(2));

#[test]
fn a_majority_that_fsyncs_every_write_verifies_a_profile() {
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
fn the_error_names_a_broker_that_does_not_fsync_every_write() {
    let always = FsyncPolicy::Always;
    let report = brokers(3, &[("a", always), ("b", EVERY_TWO_MINUTES), ("c", always)]);
    let unverified = report.verify_durability(Profile::Durable).unwrap_err();
    assert_eq!(
        unverified.to_string(),
        "`durable` may not be claimed: b reports sync_interval 120s; set `sync_interval: always` \
         in its configuration, or start with `--profile fast`"
    );
}

#[test]
fn a_minority_of_brokers_does_not_verify_a_profile() {
    let too_few = |report: FsyncReport, profile, answered, known, needed| {
        let expected = DurabilityUnverified::TooFewReplies { profile, answered, known, needed };
        assert_eq!(report.verify_durability(profile), Err(expected));
    };
    too_few(brokers(3, &[("a", FsyncPolicy::Always)]), Profile::Durable, 1, 3, 2);
    // A broker that has not yet discovered the others.
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
fn a_report_collects_policies_and_running_brokers_from_replies() {
    // Replies of nats-server 2.15.1, without the members that are not used.
    let every_two_minutes = r#"{"server":{"name":"broker-2"},"data":{"config":{"sync_interval":120000000000},
        "streams":0,"meta_cluster":{"cluster_size":3}}}"#;
    let always = r#"{"server":{"name":"broker-1"},"data":{"config":{"sync_interval":120000000000,
        "sync_always":true},"streams":0,"meta_cluster":{"cluster_size":3,"leader":"broker-1","replicas":[
        {"name":"broker-2","current":true,"active":300000000},
        {"name":"broker-3","current":false,"offline":true,"active":300000000},
        {"name":"broker-4","current":false,"active":4000000000}]}}}"#;
    let stores_nothing = r#"{"server":{"name":"leaf"},"data":{"disabled":true,"config":{}}}"#;
    let mut report = brokers(0, &[]);
    for reply in [every_two_minutes, always, stores_nothing] {
        report.add(serde_json::from_str(reply).unwrap());
    }
    let policies = [("broker-1", FsyncPolicy::Always), ("broker-2", EVERY_TWO_MINUTES)];
    let mut expected = brokers(3, &policies);
    expected.alive = Some(["broker-2".to_owned()].into());
    assert_eq!(report, expected);
}

#[test]
fn a_report_is_complete_once_every_running_broker_has_replied() {
    let alive = |names: &[&str]| Some(names.iter().map(ToString::to_string).collect());
    let mut report = brokers(3, &[("a", FsyncPolicy::Always), ("b", FsyncPolicy::Always)]);
    assert!(!report.is_complete(), "no leader has reported that the third one is down");
    report.alive = alive(&["b", "c"]);
    assert!(!report.is_complete(), "the third one is only busy");
    report.alive = alive(&["b"]);
    assert!(report.is_complete());
}

#[test]
fn a_start_waits_for_busy_and_starting_brokers_until_its_deadline_and_never_accepts_a_lazy_one() {
    let always = FsyncPolicy::Always;
    let alive = |names: &[&str]| Some(names.iter().map(ToString::to_string).collect());
    let verdict = |policies: &[(&str, FsyncPolicy)], running: &[&str], is_past_deadline| {
        let report = FsyncReport { alive: alive(running), ..brokers(3, policies) };
        report.verdict_at_start(Profile::Durable, is_past_deadline).map(|verdict| verdict.is_ok())
    };
    let two = [("a", always), ("b", always)];
    let lazy = [("a", always), ("b", EVERY_TWO_MINUTES)];
    assert_eq!(verdict(&two, &["b"], false), Some(true), "the third one is down");
    assert_eq!(verdict(&two, &["b", "c"], false), None, "the third one is busy");
    assert_eq!(verdict(&two, &["b", "c"], true), Some(true), "it was waited for");
    assert_eq!(verdict(&two[..1], &["b", "c"], false), None, "too few have started");
    assert_eq!(verdict(&two[..1], &["b", "c"], true), Some(false));
    assert_eq!(verdict(&lazy, &["b", "c"], false), Some(false), "one does not fsync");
}
