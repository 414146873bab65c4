//! Web pages of other origins, as their browsers ask for them.

use edge::ROUTES;
use orders::{CallerName, OrderId};
use serde_json::{Value, json};
use streams::Profile;
use streams::subjects::STATUS_GET;

use super::raw_http::{ORDER, RawHttp, Reply, post, with_headers};
use super::test_edge::{TestEdge, fresh_key, signing_keys};
use crate::test_servers::TestServers;

const ORIGIN: &str = "https://shop.example";
/// Origins that are not configured, and one that is, twice.
const REFUSED: [&str; 6] = [
    "origin: https://evil.example\r\n",
    "origin: https://shop.example.evil.example\r\n",
    "origin: http://shop.example\r\n",
    "origin: null\r\n",
    "origin: *\r\n",
    "origin: https://shop.example\r\norigin: https://shop.example\r\n",
];

/// An edge that pages of two origins may use.
async fn edge_for_pages(servers: &TestServers) -> TestEdge {
    let mut config = servers.config(Profile::Single);
    config.cors_origins = Some(format!("http://localhost:3000,{ORIGIN}").parse().unwrap());
    TestEdge::start(config).await
}

fn request(method: &str, path: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nhost: edge\r\n\r\n")
}

async fn send(client: &mut RawHttp, request: &str, headers: &str) -> Reply {
    client.send(with_headers(request, headers)).await;
    if request.starts_with("OPTIONS") || request.starts_with("HEAD") {
        client.head_reply().await
    } else {
        client.reply().await
    }
}

/// What a browser asks before it sends a POST with JSON.
fn preflight(origin: &str, method: &str) -> String {
    format!(
        "origin: {origin}\r\naccess-control-request-method: {method}\r\n\
         access-control-request-headers: content-type,idempotency-key\r\n"
    )
}

fn cors_headers(reply: &Reply) -> Vec<&str> {
    reply.header_names().filter(|name| name.starts_with("access-control-")).collect()
}

fn id(byte: u8) -> String {
    signing_keys().sign(OrderId::from_bytes([byte; 16]), &CallerName::PUBLIC).to_string()
}

#[tokio::test]
async fn a_preflight_permits_what_a_page_needs_on_every_route() {
    let edge = edge_for_pages(TestServers::shared().await).await;
    let mut client = edge.connect().await;
    for route in ROUTES {
        let path = route.path.replace("{id}", &id(20)).replace("{sku}", "A");
        let method = route.method.as_str();
        let options = request("OPTIONS", &path);
        let reply = send(&mut client, &options, &preflight(ORIGIN, method)).await;
        assert_eq!(reply.status, 204, "{path}");
        let header = |name| reply.header(name).unwrap_or_else(|| panic!("{name} of {path}"));
        assert_eq!(header("access-control-allow-origin"), ORIGIN);
        assert!(header("access-control-allow-methods").split(", ").any(|it| it == method));
        let allowed = header("access-control-allow-headers");
        for needed in ["content-type", "idempotency-key", "request-id", "authorization"] {
            assert!(allowed.split(", ").any(|it| it == needed), "{needed}");
        }
        assert_eq!(header("access-control-max-age"), "7200");
        assert_eq!(
            (header("vary"), reply.header("access-control-allow-credentials")),
            ("origin", None)
        );
    }
    let nowhere = with_headers(&request("OPTIONS", "/nowhere"), &preflight(ORIGIN, "POST"));
    client.send(nowhere).await;
    let reply = client.reply().await;
    reply.assert_problem(404, "not-found");
    assert_eq!(reply.header("access-control-allow-methods"), None);
    edge.stop().await;
}

#[tokio::test]
async fn a_preflight_asks_no_worker() {
    let servers = TestServers::start_with_streams().await;
    let mut requests = servers.worker_requests(STATUS_GET).await;
    let edge = edge_for_pages(&servers).await;
    let mut client = edge.connect().await;
    let options = request("OPTIONS", &format!("/v1/orders/{}", id(21)));
    assert_eq!(send(&mut client, &options, &preflight(ORIGIN, "GET")).await.status, 204);
    let asked = async {
        let first = requests.next().await.unwrap();
        let ids: Vec<Value> = serde_json::from_slice(&first.payload).unwrap();
        first.reply(json!([null]).to_string().into()).await;
        ids
    };
    let get = request("GET", &format!("/v1/orders/{}", id(22)));
    let (reply, asked) = tokio::join!(send(&mut client, &get, ""), asked);
    assert_eq!(
        (reply.status, asked),
        (200, vec![OrderId::from_bytes([22; 16]).to_string().into()])
    );
    edge.stop().await;
}

#[tokio::test]
async fn a_page_of_a_configured_origin_reads_every_response() {
    let edge = edge_for_pages(TestServers::shared().await).await;
    let mut client = edge.connect().await;
    for (request, status) in [
        (post(&fresh_key(), ORDER), 202),
        (request("GET", "/livez"), 200),
        (request("HEAD", "/livez"), 200),
        (request("OPTIONS", "/v1/orders"), 204),
        (request("GET", &format!("/v1/orders/{}", id(23))), 503),
        (request("GET", "/v1/orders/x"), 404),
        (request("GET", "/v1/orders:batch"), 405),
        (request("GET", "/%"), 400),
        (post("", ORDER), 400),
        (post(&fresh_key(), "{}"), 422),
        (post(&fresh_key(), &" ".repeat(300 * 1024)), 413),
        (request("GET", "/livez").replace("host: edge\r\n", ""), 400),
    ] {
        for origin in [ORIGIN, "http://localhost:3000"] {
            let reply = send(&mut client, &request, &format!("origin: {origin}\r\n")).await;
            assert_eq!(reply.status, status);
            assert_eq!(reply.header("access-control-allow-origin"), Some(origin), "{reply:?}");
            assert_eq!(reply.header("vary"), Some("origin"));
            let exposed = reply.header("access-control-expose-headers").unwrap();
            for name in ["location", "retry-after", "request-id", "idempotent-replayed", "allow"] {
                assert!(exposed.split(", ").any(|it| it == name), "{name}: {exposed}");
            }
        }
    }
    let batch = post("", "").replace("/v1/orders ", "/v1/orders:batch ");
    let batch = batch.replace("application/json", "application/x-ndjson");
    client.send(with_headers(&batch, &format!("origin: {ORIGIN}\r\n"))).await;
    let reply = client.head_reply().await;
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, Some(ORIGIN)));
    edge.stop().await;
}

#[tokio::test]
async fn a_request_of_another_origin_is_handled_as_if_it_had_none() {
    let edge = edge_for_pages(TestServers::shared().await).await;
    let mut client = edge.connect().await;
    for origin in REFUSED.into_iter().chain([""]) {
        for (request, status) in [
            (post(&fresh_key(), ORDER), 202),
            (request("GET", "/livez"), 200),
            (request("GET", "/v1/orders/x"), 404),
            (request("OPTIONS", "/v1/orders"), 204),
        ] {
            let asks = format!("{origin}access-control-request-method: POST\r\n");
            let reply = send(&mut client, &request, &asks).await;
            assert_eq!((reply.status, cors_headers(&reply)), (status, Vec::new()), "{origin}");
            assert_eq!(reply.header("vary"), Some("origin"), "a cache keeps it apart");
        }
    }
    edge.stop().await;
}

#[tokio::test]
async fn without_configured_origins_no_response_is_shared() {
    let edge = TestServers::shared().await.start_edge().await;
    let mut client = edge.connect().await;
    for request in [request("GET", "/livez"), request("OPTIONS", "/v1/orders"), post("", ORDER)] {
        let reply = send(&mut client, &request, &preflight(ORIGIN, "POST")).await;
        assert_eq!((cors_headers(&reply), reply.header("vary")), (Vec::new(), None));
    }
    edge.stop().await;
}
