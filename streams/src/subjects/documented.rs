//! Tests that `docs/asyncapi.yaml` has the subjects of the code, and no others.

use std::collections::BTreeSet;

use super::*;

const DOCUMENT: &str = include_str!("../../../docs/asyncapi.yaml");

/// What is after `key` in the lines of the document that begin with it.
fn values(key: &str) -> impl Iterator<Item = &str> {
    DOCUMENT.lines().filter_map(move |line| line.trim_start().strip_prefix(key))
}

#[test]
fn the_channels_of_the_document_are_the_subjects_of_the_code() {
    let events = EventKind::ALL.iter().map(|kind| format!("orders.{{lane}}.{kind}"));
    let notices = [LANE_USED, PAYMENT_DELAYED, STREAMS_DIFFER];
    let lookups = [STATUS_GET, CONTENTS_GET, LISTING_GET, STOCK_GET, EDGE_STATE];
    let fixed = [&ADMIN_REQUESTS[..], &notices, &lookups].concat();
    let subjects = events.chain([lag_subject("{pool}")]);
    let subjects = subjects.chain(fixed.into_iter().map(str::to_owned));
    // The inbox of a reply has no address.
    let documented = values("address: ").filter(|address| *address != "null").map(str::to_owned);
    assert_eq!(documented.collect::<BTreeSet<_>>(), subjects.collect());
}

#[test]
fn every_subject_of_an_event_is_one_of_a_lane_and_of_its_message() {
    for kind in EventKind::ALL {
        let address = format!("  {kind}:\n    address: orders.{{lane}}.{kind}\n");
        assert!(DOCUMENT.contains(&address), "{kind}");
        let message = format!("batch: {{$ref: '#/components/messages/{kind}'}}");
        assert!(DOCUMENT.contains(&message), "{kind}");
        assert_eq!(event_kind(&format!("orders.2.{kind}")), Some(*kind));
    }
    let lanes = (1..=crate::limits::LANES_MAX).map(|lane| format!("'{lane}'"));
    let lanes = format!("enum: [{}]", lanes.collect::<Vec<_>>().join(", "));
    assert!(DOCUMENT.contains(&lanes), "{lanes}");
}

#[test]
fn the_headers_of_a_batch_are_those_of_the_document() {
    let required = format!("required: [{RECORDS_HEADER}, {SCHEMA_HEADER}]");
    assert!(DOCUMENT.contains(&required), "{required}");
    assert!(DOCUMENT.contains(&format!("{SCHEMA_HEADER}: {{const: '{SCHEMA}'}}")));
    let kinds = values("contentType: ").filter(|it| *it == NDJSON).count();
    assert_eq!(kinds, EventKind::ALL.len());
}
