//! The documents that an edge has about itself.

use std::collections::BTreeSet;

use super::raw_http::{ORDER, RawHttp};
use super::test_edge::fresh_key;
use crate::contract::DOCUMENT;
use crate::test_servers::TestServers;

/// Asks for `path` as a browser does.
async fn browse(client: &mut RawHttp, path: &str) -> super::raw_http::Reply {
    let accept = "text/html,application/xhtml+xml,*/*;q=0.8";
    client.send(format!("GET {path} HTTP/1.1\r\nhost: edge\r\naccept: {accept}\r\n\r\n")).await;
    client.reply().await
}

#[tokio::test]
async fn the_document_of_the_api_is_served() {
    let edge = TestServers::shared().await.start_edge().await;
    let mut client = edge.connect().await;
    let reply = client.get("/openapi.json").await;
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.json(), *DOCUMENT);
    edge.stop().await;
}

#[tokio::test]
async fn the_page_of_the_api_loads_from_its_own_edge_alone() {
    let edge = TestServers::shared().await.start_edge().await;
    let mut client = edge.connect().await;
    let page = client.get("/docs").await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = page.header("content-security-policy").unwrap();
    let sources: BTreeSet<_> = policy.split([' ', ';']).filter(|it| !it.is_empty()).collect();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    assert!(!sources.iter().any(|it| it.contains('*') || it.contains("http")), "{policy}");
    assert!(!page.body.contains("://"), "{}", page.body);
    let loaded = page.body.split("src=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    let loaded: Vec<_> = loaded.collect();
    assert_eq!(loaded, ["/docs/rapidoc.js"]);
    let script = client.get(loaded[0]).await;
    assert_eq!(script.header("content-type"), Some("text/javascript; charset=utf-8"));
    assert!(script.body.contains("RapiDoc 9.3.8"));
    edge.stop().await;
}

#[tokio::test]
async fn the_type_of_a_problem_leads_to_its_explanation() {
    let edge = TestServers::shared().await.start_edge().await;
    let mut client = edge.connect().await;
    let refused = client.post(&fresh_key(), &ORDER.replace("GBP", "XXX")).await;
    refused.assert_problem(422, "not-an-order");
    let problem = refused.json();
    let path = problem["type"].as_str().unwrap();
    let explanation = client.get(path).await;
    assert_eq!(explanation.header("content-type"), Some("text/markdown; charset=utf-8"));
    let title = problem["title"].as_str().unwrap();
    assert!(explanation.body.starts_with(&format!("# {title}\n\n`{path}`, status 422 ")));
    let page = browse(&mut client, path).await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.body.contains(&format!("<h1>{title}</h1>")), "{}", page.body);
    client.get("/problems/no-such-problem").await.assert_problem(404, "not-found");
    edge.stop().await;
}

#[tokio::test]
async fn each_problem_of_the_document_has_a_page() {
    let edge = TestServers::shared().await.start_edge().await;
    let mut client = edge.connect().await;
    for name in DOCUMENT["components"]["examples"].as_object().unwrap().keys() {
        let reply = client.get(&format!("/problems/{name}")).await;
        assert_eq!(reply.status, 200, "{name}");
    }
    edge.stop().await;
}
