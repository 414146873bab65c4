//! Tests that hold the document against the table of routes and the types of problems.

mod order_bounds;

use std::collections::BTreeSet;
use std::path::Path;

use http_body_util::Either;
use hyper::header::CONTENT_TYPE;
use orders::limits::KEY_LENGTH_MAX;
use orders::{BatchLine, CancelReason, CancelledBy, PlaceOrder, Rejection, SubmitPayment};
use serde_json::{Value, json};

use super::document::text;
use super::{DOCUMENT, get_openapi};
use crate::identity::{Scope, TokenFault};
use crate::problem::{Problem, ProblemKind};
use crate::request_id::RequestId;
use crate::routes::table::ROUTES;

fn document() -> Value {
    serde_json::from_slice(DOCUMENT).unwrap()
}

/// Each operation, with its method and path.
fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, item)| {
        let item = item.as_object().unwrap().iter();
        item.map(move |(method, operation)| (method.to_uppercase(), path.clone(), operation))
    });
    operations.collect()
}

/// Calls `visit` for each object in `value`, with the name under which its parent has it.
fn visit_objects<'a>(name: &'a str, value: &'a Value, visit: &mut impl FnMut(&'a str, &'a Value)) {
    match value {
        Value::Object(members) => {
            visit(name, value);
            members.iter().for_each(|(name, value)| visit_objects(name, value, visit));
        }
        Value::Array(items) => items.iter().for_each(|item| visit_objects(name, item, visit)),
        _ => {}
    }
}

fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        None => value,
        Some(target) => {
            let found = document.pointer(target.strip_prefix('#').unwrap());
            resolve(document, found.unwrap_or_else(|| panic!("{target} is not there")))
        }
    }
}

#[test]
fn the_document_that_is_served_is_what_the_code_says() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        return std::fs::write(file, text()).unwrap();
    }
    let is_same = DOCUMENT == text().as_bytes();
    assert!(
        is_same,
        "run `UPDATE_DOCS=1 cargo test -p edge the_document_that_is_served`, and read what changes"
    );
    let response = get_openapi();
    assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
    assert!(matches!(response.body(), Either::Left(_)));
}

#[test]
fn every_route_is_an_operation_with_its_summary_and_there_is_no_other() {
    let document = document();
    let operations = operations(&document);
    let documented = operations.iter().map(|(method, path, operation)| {
        (method.as_str(), path.as_str(), operation["summary"].as_str().unwrap())
    });
    let routes = ROUTES.iter().map(|it| (it.method.as_str(), it.path, it.summary));
    assert_eq!(documented.collect::<BTreeSet<_>>(), routes.collect());
    let ids: BTreeSet<_> =
        operations.iter().map(|it| it.2["operationId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), operations.len(), "an id is not unique");
}

#[test]
fn the_parameters_of_a_path_are_those_of_its_operations() {
    let document = document();
    for (method, path, operation) in operations(&document) {
        let parameters = operation["parameters"].as_array().unwrap().iter();
        let parameters = parameters.map(|it| resolve(&document, it));
        let of_path: Vec<_> = parameters.filter(|it| it["in"] == "path").collect();
        let names: Vec<_> = of_path.iter().map(|it| it["name"].as_str().unwrap()).collect();
        let expected = path.split('/').filter_map(|segment| segment.strip_prefix('{'));
        let expected: Vec<_> = expected.map(|it| it.trim_end_matches('}')).collect();
        assert_eq!(names, expected, "{method} {path}");
    }
}

#[test]
fn every_type_of_problem_is_in_a_response_and_there_is_no_other() {
    let document = document();
    let mut documented = BTreeSet::new();
    let responses = &document["components"]["responses"];
    for (place, part) in [("paths", &document["paths"]), ("responses", responses)] {
        visit_objects(place, part, &mut |_, object| {
            let types = &object["schema"]["allOf"][1]["properties"]["type"]["enum"];
            let types = types.as_array().into_iter().flatten();
            documented.extend(types.map(|it| it.as_str().unwrap().to_owned()));
        });
    }
    let types: BTreeSet<_> = ProblemKind::ALL.iter().map(|it| it.entry().1.to_owned()).collect();
    assert_eq!(documented, types);
    let examples = document["components"]["examples"].as_object().unwrap().iter();
    let examples = examples.map(|(name, example)| {
        assert_eq!(example["value"]["type"], format!("/problems/{name}"));
        example["value"]["type"].as_str().unwrap().to_owned()
    });
    assert_eq!(examples.collect::<BTreeSet<_>>(), types);
}

#[test]
fn a_response_with_problems_lists_those_of_its_status_alone() {
    let document = document();
    for (method, path, operation) in operations(&document) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            let schema = &response["content"]["application/problem+json"]["schema"];
            let types = &schema["allOf"][1]["properties"]["type"]["enum"];
            for uri in types.as_array().into_iter().flatten() {
                let name = uri.as_str().unwrap().strip_prefix("/problems/").unwrap();
                let kind = ProblemKind::named(name).unwrap();
                assert_eq!(kind.entry().0.as_str(), status, "{method} {path}: {name}");
            }
        }
    }
}

#[test]
fn the_headers_of_a_problem_are_documented() {
    let document = document();
    let id = RequestId::of(&hyper::HeaderMap::new());
    let not_allowed = Problem::MethodNotAllowed { allowed: "GET".to_owned() };
    let place = "/paths/~1v1~1orders/post/responses";
    for (problem, response) in [
        (not_allowed, "/components/responses/MethodNotAllowed".to_owned()),
        (Problem::Overloaded, format!("{place}/503")),
        (Problem::AckTimeout, format!("{place}/503")),
        (Problem::UnsupportedContentEncoding, format!("{place}/415")),
        (Problem::KeyMissing, format!("{place}/400")),
        (Problem::Unauthenticated(TokenFault::Missing), format!("{place}/401")),
        (Problem::ScopeMissing(Scope::WriteOrders), format!("{place}/403")),
        (Problem::InvalidOrder(Vec::new()), format!("{place}/422")),
    ] {
        let documented = document.pointer(&response).unwrap()["headers"].as_object().unwrap();
        let names = documented.keys().map(|name| name.to_lowercase());
        let mut names: BTreeSet<_> = names.collect();
        let sent = problem.to_response(&id);
        let sent = sent.headers().keys().map(ToString::to_string);
        // Those are of every response.
        let sent: BTreeSet<_> = sent.filter(|name| name != "content-type").collect();
        // What is left of a quota is added to every response.
        names.retain(|name| !name.starts_with("ratelimit"));
        assert!(names.remove("request-id"), "{problem:?}");
        assert_eq!(sent, names, "{problem:?}");
    }
}

#[test]
fn every_reference_leads_to_a_component_and_every_component_is_referred_to() {
    let document = document();
    let mut used = BTreeSet::new();
    visit_objects("", &document, &mut |_, object| {
        if object["$ref"].is_string() {
            resolve(&document, object);
            used.insert(object["$ref"].as_str().unwrap().to_owned());
        }
    });
    for (kind, components) in document["components"].as_object().unwrap() {
        // These two are of requests that no operation is asked by.
        let is_used = |name: &String| used.contains(&format!("#/components/{kind}/{name}"));
        let mut unused: Vec<_> = components.as_object().unwrap().keys().collect();
        unused.retain(|name| !is_used(name));
        // Each of these is the example of a response for a request that no operation describes.
        unused.retain(|name| kind != "responses" && *name != "method-not-allowed");
        // Operations name these without a reference.
        unused.retain(|_| kind != "securitySchemes");
        assert!(unused.is_empty(), "{kind}: {unused:?}");
    }
}

#[test]
fn every_parameter_header_and_body_has_an_example() {
    let document = document();
    let mut count = 0;
    visit_objects("", &document, &mut |_, object| {
        let has_schema = object["schema"].is_object();
        let is_item = object["x-item-schema"].is_object();
        if has_schema && !is_item {
            count += 1;
            let has_example = !object["example"].is_null() || object["examples"].is_object();
            assert!(has_example, "{object:#}");
        }
    });
    assert!(count > 50, "{count}");
}

#[test]
fn the_examples_of_requests_are_taken() {
    let document = document();
    let example = |path: &str, media_type: &str| {
        let body = &document["paths"][path]["post"]["requestBody"]["content"][media_type];
        body["example"].clone()
    };
    let order = example("/v1/orders", "application/json").to_string();
    PlaceOrder::parse(order.as_bytes()).unwrap();
    let payment = example("/v1/orders/{id}/payment", "application/json").to_string();
    SubmitPayment::parse(payment.as_bytes()).unwrap();
    let lines = example("/v1/orders:batch", "application/x-ndjson");
    for line in lines.as_str().unwrap().lines() {
        BatchLine::parse(line.as_bytes()).unwrap();
    }
    let key = &document["components"]["schemas"]["IdempotencyKey"];
    assert_eq!(key["maxLength"], KEY_LENGTH_MAX);
    for (length, is_valid) in
        [(0, false), (1, true), (KEY_LENGTH_MAX, true), (KEY_LENGTH_MAX + 1, false)]
    {
        assert_eq!("k".repeat(length).parse::<orders::IdempotencyKey>().is_ok(), is_valid);
    }
}

#[test]
fn every_reason_is_one_of_those_in_the_document() {
    let document = document();
    let skus = vec!["A".parse().unwrap()];
    let rejections = [
        Rejection::OutOfStock { skus: skus.clone() },
        Rejection::UnknownSku { skus: skus.clone() },
        Rejection::PriceChanged { skus: skus.clone() },
        Rejection::CurrencyMismatch { skus: skus.clone() },
    ];
    let cancellations = [
        CancelReason::PaymentDeclined { decline_code: "generic_decline".to_owned() },
        CancelReason::Requested { by: CancelledBy::Expiry },
        CancelReason::Unshippable { skus },
    ];
    let rejections = rejections.iter().map(|it| serde_json::to_value(it).unwrap());
    let reasons = rejections.chain(cancellations.iter().map(|it| json!(it)));
    let shapes = document["components"]["schemas"]["Reason"]["oneOf"].as_array().unwrap();
    for reason in reasons {
        let is_shape = |shape: &&Value| {
            let code = &shape["properties"]["code"];
            let is_code = code["const"] == reason["code"]
                || code["enum"].as_array().is_some_and(|it| it.contains(&reason["code"]));
            let members = shape["properties"].as_object().unwrap().keys();
            is_code && members.eq(reason.as_object().unwrap().keys())
        };
        assert_eq!(shapes.iter().filter(is_shape).count(), 1, "{reason}");
    }
}
