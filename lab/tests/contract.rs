//! Holds what edges answer in the other tests against the document of the API, `/openapi.json`: status, headers,
//! content type, and each member of a body.

mod schema;

use std::sync::LazyLock;

use serde_json::Value;

use schema::check_schema;

pub(crate) static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../edge/openapi.json")).unwrap());

/// Headers of HTTP itself, and those of CORS, which the document names in its introduction.
const OF_HTTP: [&str; 6] =
    ["content-type", "content-length", "transfer-encoding", "connection", "date", "vary"];
const OF_CORS: &str = "access-control-";

/// An answer of an edge.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'a str, &'a str)>,
    pub(crate) body: &'a str,
}

/// Fails if the document does not say that a request may be answered so. What is of no operation, such as an
/// unknown path, is not looked at.
#[track_caller]
pub(crate) fn assert_documented(method: &str, target: &str, answer: &Answer<'_>) {
    if let Some(Err(fault)) = operation(method, target).map(|it| check(it, answer)) {
        let Answer { status, headers, body } = answer;
        panic!("not in openapi.json: {method} {target}: {fault}: {status} {headers:?} {body}");
    }
}

/// The operation that answers a request.
fn operation(method: &str, target: &str) -> Option<&'static Value> {
    let path = target.split('?').next()?;
    let is_path = |template: &str| {
        let (expected, sent) = (template.split('/'), path.split('/'));
        expected.clone().count() == sent.clone().count()
            && expected.zip(sent).all(|(part, sent)| part.starts_with('{') || part == sent)
    };
    let paths = DOCUMENT["paths"].as_object()?;
    let (_, item) = paths.iter().find(|(template, _)| is_path(template))?;
    item.get(method.to_ascii_lowercase())
}

fn check(operation: &'static Value, answer: &Answer<'_>) -> Result<(), String> {
    let header = |name: &str| answer.headers.iter().find(|it| it.0.eq_ignore_ascii_case(name));
    let response = &operation["responses"][answer.status.to_string()];
    let documented = response["headers"].as_object().ok_or("this status is not documented")?;
    for (name, reference) in documented {
        let definition = resolve(reference);
        let is_missing = definition["required"] == true && header(name).is_none();
        if is_missing {
            return Err(format!("{name} is missing"));
        }
    }
    for (name, _) in &answer.headers {
        let is_documented = documented.keys().any(|it| it.eq_ignore_ascii_case(name));
        if !is_documented && !OF_HTTP.contains(name) && !name.starts_with(OF_CORS) {
            return Err(format!("{name} is not documented"));
        }
    }
    if answer.status == 204 {
        return Ok(());
    }
    let content_type = header("content-type").ok_or("content-type is missing")?.1;
    let media_type = content_type.split(';').next().unwrap_or_default();
    let content = response["content"].get(media_type);
    let content = content.ok_or_else(|| format!("{media_type} is not documented"))?;
    if !media_type.ends_with("json") || media_type.ends_with("ndjson") {
        return Ok(());
    }
    let body = serde_json::from_str(answer.body).map_err(|err| err.to_string())?;
    check_schema(&content["schema"], &body, "")
}

/// What `value` refers to, or itself.
pub(crate) fn resolve(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        None => value,
        Some(target) => {
            let found = DOCUMENT.pointer(&target[1..]);
            resolve(found.unwrap_or_else(|| panic!("{target} is not there")))
        }
    }
}

#[test]
fn an_answer_that_the_document_does_not_have_is_found() {
    let json = ("content-type", "application/json");
    let headers = vec![json, ("request-id", "1"), ("cache-control", "no-store")];
    let stock = r#"{"sku":"A","on_hand":1,"unit_price":2,"currency":"GBP","exponent":2}"#;
    let stock_operation = operation("GET", "/v1/stock/A?x=y").unwrap();
    let fault = |status: u16, headers: &[(&'static str, &'static str)], body: &str| {
        check(stock_operation, &Answer { status, headers: headers.to_vec(), body }).unwrap_err()
    };
    check(stock_operation, &Answer { status: 200, headers: headers.clone(), body: stock }).unwrap();
    assert_eq!(fault(201, &headers, stock), "this status is not documented");
    assert_eq!(fault(200, &headers[..2], stock), "Cache-Control is missing");
    let more = [&headers[..], &[("etag", "1")]].concat();
    assert_eq!(fault(200, &more, stock), "etag is not documented");
    let text = [&[("content-type", "text/plain")], &headers[1..]].concat();
    assert_eq!(fault(200, &text, stock), "text/plain is not documented");
    for (from, to, expected) in [
        (r#""on_hand":1,"#, "", "on_hand is missing"),
        (r#""on_hand":1"#, r#""on_hand":"1""#, "/on_hand is \"1\", not integer"),
        (r#""on_hand":1"#, r#""on_hand":1,"held":2"#, "/held is not documented"),
        (r#""unit_price":2"#, r#""unit_price":-2"#, "/unit_price is below 0"),
    ] {
        assert!(fault(200, &headers, &stock.replace(from, to)).ends_with(expected), "{expected}");
    }
    assert!(operation("GET", "/v1/stock/A/B").is_none() && operation("PUT", "/v1/stock").is_none());
}
