//! A client that speaks the NATS protocol itself: it does what an operator's tool or a stranger may
//! do at a broker, which the product's own client does not.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lab::servers::tls_stream::encrypt;
use serde_json::{Value, json};
use streams::{BrokerAccess, RoleKey};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Duration, timeout};
use tokio_rustls::client::TlsStream;

/// Longer than any reply takes on a busy machine.
const REPLY_TIMEOUT: Duration = Duration::from_secs(30);
/// After this a request is sent again: no broker replies to one that comes while a leader is elected.
const RESEND_AFTER: Duration = Duration::from_secs(6);
/// So often a request is sent.
const REQUESTS_MAX: usize = 5;

pub(crate) struct RawNats {
    stream: BufReader<Box<dyn Stream>>,
    /// Where its replies come in: no other client's do.
    inbox: String,
    /// How many requests it has sent, each of which has a subject of its own for the reply.
    requests: u64,
}

/// A connection, encrypted or not.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl Stream for TcpStream {}
impl Stream for TlsStream<TcpStream> {}

/// What a broker says of itself, before anything is encrypted: byte by byte, so that nothing of what comes next is
/// read.
pub(crate) async fn read_info(tcp: &mut TcpStream) -> Value {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        line.push(tcp.read_u8().await.unwrap());
    }
    serde_json::from_slice(line.strip_prefix(b"INFO ").unwrap()).unwrap()
}

/// A message that the broker has delivered.
struct Delivered {
    subject: String,
    reply_to: Option<String>,
    headers: Vec<u8>,
    payload: Vec<u8>,
}

impl RawNats {
    /// Connects to the first broker of `access`, such as `nats://127.0.0.1:4222`.
    pub(crate) async fn connect(access: &BrokerAccess) -> Self {
        let mut client = Self::open(access).await;
        client.send(&format!("SUB {}.* 1\r\nPING\r\n", client.inbox)).await;
        while client.line().await != "PONG" {}
        client
    }

    /// The same with an inbox that a role may have whose replies come under `inbox_prefix`.
    pub(crate) async fn connect_with_inbox(access: &BrokerAccess, inbox_prefix: &str) -> Self {
        let mut client = Self::open(access).await;
        client.inbox = format!("{inbox_prefix}.{:016x}", rand::random::<u64>());
        let errors = client.errors(&format!("SUB {}.* 1\r\n", client.inbox.clone())).await;
        assert_eq!(errors, [""; 0]);
        client
    }

    /// The same without a subscription; what the broker says if it refuses the client.
    pub(crate) async fn connect_as(access: &BrokerAccess) -> Result<Self, String> {
        let mut client = Self::open(access).await;
        match client.errors("").await.into_iter().next() {
            Some(refused) => Err(refused),
            None => Ok(client),
        }
    }

    /// What the broker says to a client that it refuses, which sends nothing else.
    pub(crate) async fn refusal(access: &BrokerAccess) -> String {
        Self::open(access).await.error().await
    }

    /// What a broker says to `connect` at its port for other brokers, where it says nothing of itself first.
    pub(crate) async fn route_error(
        address: &str,
        connect: &str,
        ca_file: Option<&Path>,
    ) -> String {
        let tcp = TcpStream::connect(address).await.unwrap();
        let stream: Box<dyn Stream> = match ca_file {
            None => Box::new(tcp),
            Some(file) => match encrypt(tcp, file).await {
                Ok(encrypted) => Box::new(encrypted),
                Err(_) => return String::new(),
            },
        };
        let mut client = Self::over(stream);
        let connect = format!("CONNECT {connect}\r\n");
        // The broker may have closed the connection already.
        client.stream.write_all(connect.as_bytes()).await.ok();
        client.error().await
    }

    /// The first error that the broker reports; empty if it closes the connection without one.
    async fn error(&mut self) -> String {
        loop {
            let line =
                timeout(REPLY_TIMEOUT, self.line()).await.expect("the broker refuses nothing");
            if line.is_empty() || line.starts_with("-ERR") {
                return line;
            }
        }
    }

    /// The errors that the broker reports after `commands`.
    pub(crate) async fn errors(&mut self, commands: &str) -> Vec<String> {
        self.send(&format!("{commands}PING\r\n")).await;
        let mut errors = Vec::new();
        loop {
            match &*timeout(REPLY_TIMEOUT, self.line()).await.unwrap() {
                "PONG" => return errors,
                "" => return [errors, vec!["closed".to_owned()]].concat(),
                "PING" => self.send("PONG\r\n").await,
                line if line.starts_with("-ERR") => errors.push(line.to_owned()),
                _ => {}
            }
        }
    }

    fn over(stream: Box<dyn Stream>) -> Self {
        let inbox = format!("_INBOX_raw.{:016x}", rand::random::<u64>());
        Self { stream: BufReader::new(stream), inbox, requests: 0 }
    }

    /// Connects without waiting for what the broker says to it.
    async fn open(access: &BrokerAccess) -> Self {
        let first = access.urls.split(',').next().unwrap();
        let address = first.trim_start_matches("nats://");
        let mut tcp = TcpStream::connect(address).await.unwrap();
        let info = read_info(&mut tcp).await;
        let stream: Box<dyn Stream> = match &access.ca_file {
            None => Box::new(tcp),
            Some(file) => Box::new(encrypt(tcp, file).await.unwrap()),
        };
        let mut client = Self::over(stream);
        let mut connect = json!({"verbose": false, "headers": true, "no_responders": false});
        if let Some(file) = &access.key_file {
            let key = RoleKey::read(file).unwrap();
            let signature = key.sign(info["nonce"].as_str().unwrap().as_bytes()).unwrap();
            connect["nkey"] = json!(key.public());
            connect["sig"] = json!(URL_SAFE_NO_PAD.encode(signature));
        }
        client.send(&format!("CONNECT {connect}\r\n")).await;
        client
    }

    /// Sends a request to the JetStream API and returns its reply.
    pub(crate) async fn api(&mut self, subject: &str, body: &Value) -> Value {
        self.request(&format!("$JS.API.{subject}"), &body.to_string()).await
    }

    /// Sends a request and returns its reply, which is JSON. An empty one is none: its sender hands over to another.
    pub(crate) async fn request(&mut self, subject: &str, body: &str) -> Value {
        for _ in 0..REQUESTS_MAX {
            self.requests += 1;
            let inbox = format!("{}.{}", self.inbox, self.requests);
            self.send(&format!("PUB {subject} {inbox} {}\r\n{body}\r\n", body.len())).await;
            let reply = async {
                loop {
                    let reply = self.next_on(&inbox).await;
                    if !reply.payload.is_empty() {
                        return reply;
                    }
                }
            };
            if let Ok(reply) = timeout(RESEND_AFTER, reply).await {
                return serde_json::from_slice(&reply.payload).unwrap();
            }
        }
        panic!("no reply to {subject}")
    }

    /// Sends a request so many times at once, and returns the headers and the text of each reply, up to the first that
    /// `is_last`.
    pub(crate) async fn replies(
        &mut self,
        subject: &str,
        body: &str,
        times: usize,
        mut is_last: impl FnMut(&str) -> bool,
    ) -> Vec<(String, String)> {
        self.requests += 1;
        let inbox = format!("{}.{}", self.inbox, self.requests);
        let request = format!("PUB {subject} {inbox} {}\r\n{body}\r\n", body.len());
        self.send(&request.repeat(times)).await;
        let mut replies = Vec::new();
        loop {
            let reply = timeout(REPLY_TIMEOUT, self.next_on(&inbox)).await;
            let Delivered { headers, payload, .. } =
                reply.unwrap_or_else(|_| panic!("no further reply to {subject}: {replies:?}"));
            let text = String::from_utf8(payload).unwrap();
            let ends = is_last(&text);
            replies.push((String::from_utf8(headers).unwrap(), text));
            if ends {
                return replies;
            }
        }
    }

    /// The next message on this subject.
    async fn next_on(&mut self, subject: &str) -> Delivered {
        loop {
            let delivered = self.next().await;
            if delivered.subject == subject {
                return delivered;
            }
        }
    }

    /// Changes one setting of a stream. Returns what the settings were before.
    pub(crate) async fn edit_stream(&mut self, stream: &str, setting: &str, value: Value) -> Value {
        let mut info = self.api(&format!("STREAM.INFO.{stream}"), &json!({})).await;
        let mut config = info["config"].clone();
        config[setting] = value;
        let updated = self.api(&format!("STREAM.UPDATE.{stream}"), &config).await;
        assert_eq!(updated["config"][setting], config[setting], "{updated}");
        info["config"].take()
    }

    /// Changes one setting of a durable consumer of the stream of orders.
    pub(crate) async fn edit_consumer(&mut self, durable: &str, setting: &str, value: Value) {
        let info = self.api(&format!("CONSUMER.INFO.ORDERS_1.{durable}"), &json!({})).await;
        let mut config = info["config"].clone();
        config[setting] = value;
        let request = json!({"stream_name": "ORDERS_1", "action": "update", "config": config});
        let subject = format!("CONSUMER.DURABLE.CREATE.ORDERS_1.{durable}");
        let updated = self.api(&subject, &request).await;
        assert_eq!(updated["config"][setting], config[setting], "{updated}");
    }

    /// Publishes `payload` on `subject` this many times, without waiting for acknowledgements.
    pub(crate) async fn publish(&mut self, subject: &str, payload: &str, times: usize) {
        let message = format!("PUB {subject} {}\r\n{payload}\r\n", payload.len());
        self.send(&message.repeat(times)).await;
    }

    /// Subscribes to `subject`. What is returned replies to each message with `reply`, until it is dropped.
    pub(crate) async fn impersonate(
        mut self,
        subject: &str,
        reply: &str,
    ) -> impl Future<Output = ()> + use<> {
        self.send(&format!("SUB {subject} 2\r\nPING\r\n")).await;
        while self.line().await != "PONG" {}
        let reply = reply.to_owned();
        async move {
            loop {
                let Some(reply_to) = self.next().await.reply_to else { continue };
                self.send(&format!("PUB {reply_to} {}\r\n{reply}\r\n", reply.len())).await;
            }
        }
    }

    /// Answers the first pull request on `subject` once a second one has come: has the broker send it the
    /// next message of the consumer that is pulled from by `other`.
    pub(crate) async fn answer_late(mut self, subject: &str, other: &str) {
        self.send(&format!("SUB {subject} 2\r\n")).await;
        let inbox = self.next().await.reply_to.unwrap();
        self.next().await;
        self.send(&format!("PUB {other} {inbox} 1\r\n1\r\nPING\r\n")).await;
        while self.line().await != "PONG" {}
    }

    /// Two messages on `subject`, each with its headers, to which nothing replies.
    pub(crate) async fn two_messages(mut self, subject: &str) -> [(String, Vec<u8>); 2] {
        self.send(&format!("SUB {subject} 2\r\n")).await;
        let mut messages = [const { (String::new(), Vec::new()) }; 2];
        for message in &mut messages {
            let Delivered { headers, payload, .. } = self.next().await;
            *message = (String::from_utf8(headers).unwrap(), payload);
        }
        messages
    }

    async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        // A broker that refuses a client may reset the connection before it was read to its end.
        self.stream.read_line(&mut line).await.ok();
        line.trim_end().to_owned()
    }

    async fn next(&mut self) -> Delivered {
        loop {
            let line = self.line().await;
            let mut words: Vec<&str> = line.split(' ').collect();
            match words[0] {
                "PING" => self.send("PONG\r\n").await,
                // [H]MSG subject sid [reply-to] [header bytes] bytes
                "MSG" | "HMSG" => {
                    let subject = words[1].to_owned();
                    let bytes: usize = words.pop().unwrap().parse().unwrap();
                    let has_headers = words[0] == "HMSG";
                    let header_bytes =
                        if has_headers { words.pop().unwrap().parse().unwrap() } else { 0 };
                    let reply_to = words.get(3).map(|reply_to| (*reply_to).to_owned());
                    let mut headers = vec![0; bytes + "\r\n".len()];
                    self.stream.read_exact(&mut headers).await.unwrap();
                    headers.truncate(bytes);
                    let payload = headers.split_off(header_bytes);
                    return Delivered { subject, reply_to, headers, payload };
                }
                _ => {}
            }
        }
    }
}
