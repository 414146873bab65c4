//! Which settings break the promise, which are corrected, and which an operator may change.

use async_nats::jetstream::consumer::{self, IntoConsumerConfig};
use async_nats::jetstream::stream::{Config, PersistenceMode, StorageType};

use super::*;
use crate::{Lane, Pool, Profile, Step, StepKind, Topology};

type Edit = fn(&mut Config);

const STEP: Step =
    Step { name: "charge", pool: Pool::new("payment"), kind: StepKind::Action, consumes: &[] };

fn orders() -> Config {
    Topology::new(Profile::Durable).lane(Lane::FIRST, 3)
}

fn texts(differences: &[Difference]) -> Vec<String> {
    differences.iter().map(ToString::to_string).collect()
}

#[test]
fn what_would_lose_an_acknowledged_order_breaks_the_promise() {
    let edits: [(Edit, &str); 7] = [
        (|it| it.num_replicas = 1, "ORDERS_1: replicas is 1, expected 3"),
        (|it| it.storage = StorageType::Memory, "ORDERS_1: storage is memory, expected file"),
        (|it| it.persist_mode = Some(PersistenceMode::Async), "ORDERS_1: persist mode is async"),
        (|it| it.max_age = Duration::from_hours(1), "ORDERS_1: max age is 1h, expected no limit"),
        (|it| it.max_message_size = 1_000, "ORDERS_1: max message size is 1000"),
        (|it| it.discard = Config::default().discard, "ORDERS_1: discard policy is old"),
        (
            |it| it.subjects = vec!["orders.1.paid".to_owned()],
            "ORDERS_1: subjects is orders.1.paid",
        ),
    ];
    for (edit, expected) in edits {
        let mut found = orders();
        edit(&mut found);
        let differences = stream_differences(&found, &orders());
        assert!(texts(&differences)[0].starts_with(expected), "{differences:?}");
        assert_eq!(differences.len(), 1);
        assert_eq!(differences[0].impact, BreaksPromise);
    }
}

#[test]
fn what_loses_nothing_is_corrected_and_a_size_limit_is_allowed() {
    let edits: [(Edit, Impact); 4] = [
        (|it| it.num_replicas = 5, Corrected),
        (|it| it.max_message_size = 8 << 20, Corrected),
        (|it| it.duplicate_window = Duration::from_secs(1), Corrected),
        (|it| it.max_bytes *= 2, Allowed),
    ];
    for (edit, impact) in edits {
        let mut found = orders();
        edit(&mut found);
        let differences = stream_differences(&found, &orders());
        assert_eq!(differences.iter().map(|it| it.impact).collect::<Vec<_>>(), [impact]);
    }
}

#[test]
fn limits_that_a_broker_reports_as_minus_one_are_none() {
    let found = Config {
        max_messages: -1,
        max_messages_per_subject: -1,
        max_message_size: -1,
        max_consumers: -1,
        ..orders()
    };
    assert_eq!(stream_differences(&found, &orders()), []);
}

#[test]
fn a_durable_that_stops_its_pool_differs_and_a_paused_one_does_not() {
    let [durable] = &STEP.events().durables(&[Lane::FIRST])[..] else { panic!() };
    let wanted = Topology::new(Profile::Durable).durable(durable).into_consumer_config();
    let found = consumer::Config { max_batch: 1, ..wanted.clone() };
    let differences = durable_differences("ORDERS_1/payment", &found, &wanted);
    assert_eq!(texts(&differences), ["ORDERS_1/payment: max pull batch is 1, expected no limit"]);
    let paused = consumer::Config {
        pause_until: Some(std::time::SystemTime::UNIX_EPOCH.into()),
        ..wanted.clone()
    };
    assert_eq!(durable_differences("ORDERS_1/payment", &paused, &wanted), []);
}

#[test]
fn a_description_and_metadata_are_no_difference_to_a_version_without_them() {
    let other = || (Some("of another version".to_owned()), [("team".into(), "shop".into())].into());
    let (description, metadata) = other();
    let found = Config { description, metadata, ..orders() };
    let earlier = Config { description: None, metadata: [].into(), ..orders() };
    assert_eq!(stream_differences(&found, &earlier), []);
    assert_eq!(stream_differences(&earlier, &orders()), []);
    let [durable] = &STEP.events().durables(&[Lane::FIRST])[..] else { panic!() };
    let wanted = Topology::new(Profile::Durable).durable(durable).into_consumer_config();
    let (description, metadata) = other();
    let found = consumer::Config { description, metadata, ..wanted.clone() };
    assert_eq!(durable_differences("ORDERS_1/payment", &found, &wanted), []);
    assert_eq!(durable_differences("ORDERS_1/payment", &wanted, &found), []);
}

#[test]
fn no_edit_of_the_bucket_of_settings_breaks_the_promise() {
    let wanted = Topology::new(Profile::Durable).settings()[0].clone();
    let edits: [Edit; 3] = [
        |it| it.num_replicas = 1,
        |it| it.max_messages_per_subject = 1,
        |it| it.subjects = vec!["$KV.POOLS.payment".to_owned()],
    ];
    for edit in edits {
        let mut found = wanted.clone();
        edit(&mut found);
        let differences = settings_differences(&found, &wanted);
        assert_eq!(differences.iter().map(|it| it.impact).collect::<Vec<_>>(), [Corrected]);
    }
}
