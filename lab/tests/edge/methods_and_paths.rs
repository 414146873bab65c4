//! Methods that a client may ask for on any route, and the spellings of a path.

use std::collections::BTreeMap;

use edge::ROUTES;
use hyper::Method;
use orders::{CallerName, OrderId};

use super::raw_http::{ORDER, RawHttp, Reply, post};
use super::stock_lookup::answer_stock;
use super::test_edge::{fresh_key, order_id, signing_keys};
use crate::test_servers::TestServers;

/// Each path of the API with a value for its parameter, and the methods that it answers.
fn paths() -> BTreeMap<String, Vec<Method>> {
    let mut paths = BTreeMap::<_, Vec<_>>::new();
    for route in ROUTES {
        let id =
            signing_keys().sign(OrderId::from_bytes([11; 16]), &CallerName::PUBLIC).to_string();
        let path = route.path.replace("{id}", &id).replace("{sku}", "A");
        let path = path.replace("{name}", "not-found");
        let methods = paths.entry(path).or_default();
        methods.push(route.method.clone());
        methods.extend((route.method == Method::GET).then_some(Method::HEAD));
    }
    paths
}

async fn head_of(client: &mut RawHttp, method: &str, target: &str) -> Reply {
    client.send(format!("{method} {target} HTTP/1.1\r\nhost: edge\r\n\r\n")).await;
    client.head_reply().await
}

#[tokio::test]
async fn options_says_which_methods_each_path_answers() {
    let edge = TestServers::shared().await.start_edge().await;
    let mut client = edge.connect().await;
    let mut targets = paths();
    targets.insert("*".to_owned(), vec![Method::POST, Method::GET, Method::HEAD]);
    for (target, methods) in targets {
        let reply = head_of(&mut client, "OPTIONS", &target).await;
        assert_eq!((reply.status, reply.header("content-length")), (204, None), "{target}");
        let mut allowed: Vec<_> = methods.iter().map(Method::as_str).collect();
        allowed.push("OPTIONS");
        assert_eq!(reply.header("allow"), Some(&*allowed.join(", ")), "{target}");
    }
    client.send("OPTIONS /nowhere HTTP/1.1\r\nhost: edge\r\n\r\n").await;
    client.reply().await.assert_problem(404, "not-found");
    edge.stop().await;
}

#[tokio::test]
async fn head_is_get_without_a_body_and_405_where_there_is_no_get() {
    let edge = TestServers::shared().await.start_edge().await;
    let mut client = edge.connect().await;
    for (path, methods) in paths() {
        let head = head_of(&mut client, "HEAD", &path).await;
        if methods.contains(&Method::GET) {
            let get = client.get(&path).await;
            assert_eq!(head.status, get.status, "{path}");
            for name in ["content-type", "content-length", "cache-control", "retry-after"] {
                assert_eq!(head.header(name), get.header(name), "{name} of {path}");
            }
        } else {
            assert_eq!((head.status, head.header("allow")), (405, Some("POST, OPTIONS")), "{path}");
        }
    }
    edge.stop().await;
}

#[tokio::test]
async fn a_query_hides_neither_that_a_path_is_unknown_nor_that_it_has_no_such_method() {
    let edge = TestServers::shared().await.start_edge().await;
    let mut client = edge.connect().await;
    for (target, status, kind) in [
        ("/v1/stock?sku=A", 405, "method-not-allowed"),
        ("/nowhere?a=b", 404, "not-found"),
        ("/v1/orders?a=b", 400, "unknown-parameter"),
    ] {
        client.send(post("key", ORDER).replace("/v1/orders ", &format!("{target} "))).await;
        client.reply().await.assert_problem(status, kind);
    }
    edge.stop().await;
}

#[tokio::test]
async fn an_order_id_is_found_however_its_digits_are_written() {
    let servers = TestServers::shared().await;
    let edge = servers.start_edge().await;
    let mut client = edge.connect().await;
    let placed = client.post(&fresh_key(), ORDER).await.json();
    let id = placed["order_id"].as_str().unwrap();
    let encoded = id.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
    for written in [id.to_uppercase(), encoded, id.replace('a', "%61").replace('f', "%46")] {
        let cancel = format!("/v1/orders/{written}/cancel");
        let request = post("any", "").replace("/v1/orders ", &format!("{cancel} "));
        client.send(request).await;
        let reply = client.reply().await;
        assert_eq!((reply.status, &reply.json()["order_id"]), (202, &placed["order_id"]));
        // The id is one that an edge issued; the shared servers have no worker.
        let status = client.get(&format!("/v1/orders/{written}")).await;
        status.assert_problem(503, "status-unavailable");
    }
    let events = servers.stored_events_of(order_id(&placed)).await;
    assert!(
        events.iter().any(|event| event["event"]["cancel_requested"].is_object()),
        "{events:?}"
    );
    edge.stop().await;
}

#[tokio::test]
async fn a_path_is_decoded_once_and_a_faulty_encoding_is_refused() {
    let servers = TestServers::start_with_streams().await;
    let (_, answering) = answer_stock(&servers).await;
    let edge = servers.start_edge().await;
    let mut client = edge.connect().await;
    for (path, sku) in
        [("/v1/stock/a%2Fb", "a/b"), ("/v1/stock/a%2525", "a%25"), ("/%76%31/st%6Fck/%61", "a")]
    {
        let reply = client.get(path).await;
        assert_eq!((reply.status, &reply.json()["sku"]), (200, &sku.into()), "{path}");
    }
    let batch = post(&fresh_key(), "").replace("/v1/orders ", "/v1/orders%3Abatch ");
    client.send(batch).await;
    client.reply().await.assert_problem(415, "wrong-media-type");
    for path in ["/v1/stock/%", "/v1/stock/%F", "/v1/stock/%zz", "/v1/stock/%FF", "/v1/orders/%GG"]
    {
        client.get(path).await.assert_problem(400, "malformed-path");
    }
    answering.abort();
    edge.stop().await;
}
