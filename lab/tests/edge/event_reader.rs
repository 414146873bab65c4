//! Reads server-sent events, as browsers do.

use std::collections::VecDeque;

use serde_json::Value;

use super::raw_http::{RawHttp, Reply};

/// A client that follows an order.
pub(crate) struct EventReader {
    pub(crate) client: RawHttp,
    pub(crate) head: Reply,
    /// What was received and not read yet, frame by frame.
    frames: VecDeque<String>,
}

impl EventReader {
    /// Begins to follow the order at `path`, after the event with the id `seen`.
    pub(crate) async fn begin(mut client: RawHttp, path: &str, seen: Option<&str>) -> Self {
        let head = client.get_events(path, seen).await;
        assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
        Self { client, head, frames: VecDeque::new() }
    }

    /// The next frame, without the empty line at its end; `None` at the end of the stream.
    pub(crate) async fn frame(&mut self) -> Option<String> {
        if self.frames.is_empty() {
            let chunk = self.client.chunk().await?;
            let frames = chunk.strip_suffix("\n\n").expect("frames come whole").split("\n\n");
            self.frames.extend(frames.map(str::to_owned));
        }
        self.frames.pop_front()
    }

    /// The id and the data of the next event, whatever else comes before it.
    pub(crate) async fn event(&mut self) -> Option<(String, Value)> {
        loop {
            let frame = self.frame().await?;
            let Some((id, data)) = frame.split_once("\ndata: ") else { continue };
            let id = id.strip_prefix("id: ").expect("an event has an id");
            return Some((id.to_owned(), serde_json::from_str(data).unwrap()));
        }
    }

    /// The ids of the next events.
    pub(crate) async fn ids(&mut self, count: usize) -> Vec<String> {
        let mut ids = Vec::new();
        for _ in 0..count {
            ids.push(self.event().await.expect("the stream goes on").0);
        }
        ids
    }

    /// The ids of all events that come until the end.
    pub(crate) async fn rest(&mut self) -> Vec<String> {
        let mut ids = Vec::new();
        while let Some((id, _)) = self.event().await {
            ids.push(id);
        }
        ids
    }
}

impl RawHttp {
    /// The head of the response to a client that follows the order at `path`.
    pub(crate) async fn get_events(&mut self, path: &str, seen: Option<&str>) -> Reply {
        let seen = seen.map_or_else(String::new, |seen| format!("last-event-id: {seen}\r\n"));
        let request = format!("GET {path}/events HTTP/1.1\r\nhost: edge\r\n{seen}\r\n");
        self.send(request).await;
        self.head_reply().await
    }
}
