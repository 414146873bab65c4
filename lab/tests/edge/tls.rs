//! An edge with TLS: what its clients speak, and what it does with those that do not.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http_body_util::Full;
use hyper::client::conn::http2;
use hyper::{Request, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::raw_http::{ORDER, RawHttp, post};
use super::test_certificates::TestCertificates;
use super::test_edge::{DEADLINE, fresh_key};

/// Between the time for a handshake and that for an idle connection.
const SOON: Duration = Duration::from_secs(12);

fn order() -> Request<Full<Bytes>> {
    let order = Request::post("https://edge/v1/orders")
        .header("content-type", "application/json")
        .header("idempotency-key", fresh_key());
    order.body(Full::from(ORDER)).unwrap()
}

#[tokio::test]
async fn orders_are_placed_by_the_protocol_that_client_and_edge_agree_on() {
    let certificates = TestCertificates::new();
    let edge = certificates.start_edge().await;
    for (offered, agreed) in [(&["http/1.1"][..], Some("http/1.1")), (&[], None)] {
        let stream = certificates.connect(edge.address, offered).await;
        let protocol = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
        assert_eq!(protocol.as_deref(), agreed.map(str::as_bytes));
        let mut client = RawHttp::over(stream);
        for _ in 0..3 {
            assert_eq!(client.post(&fresh_key(), ORDER).await.status, 202);
        }
    }
    let stream = certificates.connect(edge.address, &["http/1.1", "h2"]).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (client, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let placed = join_all((0..300).map(|_| client.clone().send_request(order()))).await;
    for reply in placed {
        let reply = reply.unwrap();
        assert_eq!((reply.status().as_u16(), reply.version()), (202, Version::HTTP_2));
    }
    // The drain ends the connection by GOAWAY, which is not an error.
    edge.stop().await;
    timeout(DEADLINE, connection).await.unwrap().unwrap().unwrap();
    drop(client);
}

#[tokio::test]
async fn a_request_that_is_being_sent_over_tls_is_answered_while_the_edge_drains() {
    let certificates = TestCertificates::new();
    let edge = certificates.start_edge().await;
    let address = edge.address;
    let _silent = TcpStream::connect(address).await.unwrap();
    let mut client = RawHttp::over(certificates.connect(address, &["http/1.1"]).await);
    let request = post(&fresh_key(), ORDER);
    let (first, rest) = request.split_at(request.len() - 10);
    client.send(first).await;
    // Its head has been read once the edge no longer waits for connections without a request.
    let mut idle = RawHttp::over(certificates.connect(address, &["http/1.1"]).await);
    assert_eq!(idle.get("/livez").await.status, 200);
    let stopped = edge.start_drain();
    timeout(DEADLINE, idle.wait_closed()).await.unwrap();
    client.send(rest).await;
    let reply = client.last_reply().await.unwrap();
    assert_eq!((reply.status, reply.header("connection")), (202, Some("close")), "{reply:?}");
    let begun = Instant::now();
    timeout(DEADLINE, stopped).await.unwrap().unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(4), "a silent handshake delays the drain");
}

#[tokio::test]
async fn a_client_that_shakes_no_hands_is_disconnected_in_time_and_others_are_served() {
    let certificates = TestCertificates::new();
    let edge = certificates.start_edge().await;
    let begun = Instant::now();
    let mut silent = TcpStream::connect(edge.address).await.unwrap();
    let mut half = TcpStream::connect(edge.address).await.unwrap();
    // A record of 200 bytes with a ClientHello, of which the first ones come.
    half.write_all(&[22, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3]).await.unwrap();
    let mut client = RawHttp::over(certificates.connect(edge.address, &[]).await);
    assert_eq!(client.post(&fresh_key(), ORDER).await.status, 202);
    for stream in [&mut silent, &mut half] {
        let end = timeout(SOON, stream.read_to_end(&mut Vec::new())).await;
        end.expect("a silent client is disconnected").ok();
    }
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    assert_eq!(client.post(&fresh_key(), ORDER).await.status, 202);
    edge.stop().await;
}

#[tokio::test]
async fn clear_text_is_answered_in_clear_text_and_ends() {
    let certificates = TestCertificates::new();
    let edge = certificates.start_edge().await;
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned();
    for sent in [post(&fresh_key(), ORDER), preface, "GET / HTTP/1.0\r\n".to_owned()] {
        let mut client = edge.connect().await;
        client.send(&sent).await;
        let reply = client.reply().await;
        assert_eq!((reply.status, &*reply.body), (400, "This port takes HTTPS.\n"), "{sent}");
        client.end_sending().await;
        timeout(DEADLINE, client.wait_closed()).await.unwrap();
    }
    edge.stop().await;
}
