//! All that a run leaves: logs, Redis, every row of PostgreSQL, and every message that is stored.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::test_cluster::TestCluster;

/// Texts, each with the place where it was found.
pub(crate) struct Remains {
    logs: Vec<(String, String)>,
    redis: Vec<(String, String)>,
    rows: Vec<(String, String)>,
    messages: Vec<(String, String)>,
}

/// Asserts that `text` has none of `values`.
pub(crate) fn assert_absent(text: &str, place: &str, values: &[&str]) {
    for value in values {
        if let Some(at) = text.find(value) {
            let around = text.floor_char_boundary(at.saturating_sub(300));
            let end = text.ceil_char_boundary((at + 100).min(text.len()));
            panic!("{place} has {value}: …{}…", &text[around..end]);
        }
    }
}

impl Remains {
    /// What `cluster` has left so far, and what a tail of its events has `printed`.
    pub(crate) async fn of(cluster: &TestCluster, printed: String) -> Self {
        let mut logs = Vec::new();
        read_logs(cluster.processes.folder.path(), &mut logs);
        for process in ["edge", "inventory", "payment", "postgres", "broker", "redis", "provider"] {
            let is_found = logs.iter().any(|(place, _)| place.contains(process));
            assert!(
                is_found,
                "{process} has a log: {:?}",
                logs.iter().map(|it| &it.0).collect::<Vec<_>>()
            );
        }
        assert!(printed.contains("created"), "tail has printed orders: {printed}");
        logs.push(("tail".to_owned(), printed));
        Self {
            logs,
            redis: cluster.redis_entries().await,
            rows: cluster.all_rows().await,
            messages: cluster.all_messages().await,
        }
    }

    /// Asserts that of PostgreSQL only the table `row` has `values`, and of the streams only orders as they were
    /// placed, and that nothing else has them.
    pub(crate) fn assert_found_only_in(&self, values: &[&str], row: &str) {
        for (place, text) in self.logs.iter().chain(&self.redis) {
            assert_absent(text, place, values);
        }
        for (place, text) in self.rows.iter().filter(|(table, _)| table != row) {
            assert_absent(text, place, values);
        }
        for (place, text) in &self.messages {
            assert_absent(&without_created(place, text), place, values);
        }
    }

    /// Asserts that nothing has `value`.
    pub(crate) fn assert_found_nowhere(&self, value: &str) {
        let all = [&self.logs, &self.redis, &self.rows, &self.messages];
        for (place, text) in all.into_iter().flatten() {
            assert_absent(text, place, &[value]);
        }
    }

    /// Asserts that `row`, lanes, retries and dead letters have `values`.
    pub(crate) fn assert_planted(&self, values: &[&str], row: &str) {
        let has = |places: &[(String, String)], place: &str, value: &str| {
            places.iter().any(|(at, text)| at.starts_with(place) && text.contains(value))
        };
        for value in values {
            assert!(has(&self.rows, row, value), "{row} has {value}");
            for stream in ["ORDERS_1", "RETRIES", "DEAD_LETTERS"] {
                assert!(has(&self.messages, stream, value), "{stream} has {value}");
            }
        }
    }
}

/// A message without orders as they were placed: lines of the subject `created`, and the records of retries and dead
/// letters that are such lines.
fn without_created(place: &str, text: &str) -> String {
    if place.starts_with("ORDERS_") && place.ends_with(".created") {
        return String::new();
    }
    let Ok(mut message) = serde_json::from_str::<Value>(text) else { return text.to_owned() };
    let record = match &message["record"] {
        Value::String(record) => serde_json::from_str(record).unwrap_or_default(),
        record => record.clone(),
    };
    let event = record["event"].as_object().and_then(|event| event.keys().next());
    if event.is_some_and(|name| name.starts_with("created")) {
        message["record"] = Value::Null;
    }
    message.to_string()
}

fn read_logs(folder: &Path, logs: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_logs(&path, logs);
        } else if path.extension().is_some_and(|it| it == "log") {
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            logs.push((path.display().to_string(), text));
        }
    }
}

impl TestCluster {
    /// Each key of Redis with its value.
    async fn redis_entries(&self) -> Vec<(String, String)> {
        let client = self.processes.servers.admin_redis().client().unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let keys: Vec<Vec<u8>> =
            redis::cmd("KEYS").arg("*").query_async(&mut connection).await.unwrap();
        let mut entries = Vec::new();
        for key in keys {
            let kind: String =
                redis::cmd("TYPE").arg(&key).query_async(&mut connection).await.unwrap();
            let place = String::from_utf8_lossy(&key).into_owned();
            let command = match kind.as_str() {
                "string" => redis::cmd("GET").arg(&key).to_owned(),
                "hash" => redis::cmd("HGETALL").arg(&key).to_owned(),
                "zset" => redis::cmd("ZRANGE").arg(&key).arg(0).arg(-1).to_owned(),
                // It has expired.
                "none" => continue,
                other => panic!("{place} is a {other}"),
            };
            let value: redis::Value = command.query_async(&mut connection).await.unwrap();
            let text = flatten(&value);
            entries.push((format!("the key {place} of Redis"), format!("{place} {text}")));
        }
        assert!(!entries.is_empty(), "Redis has digests of orders");
        entries
    }

    /// Each row of each table, as text.
    async fn all_rows(&self) -> Vec<(String, String)> {
        let connection = self.sources.database.connection().await.unwrap();
        let tables = "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
             WHERE schemaname NOT IN ('pg_catalog', 'information_schema')";
        let mut rows = Vec::new();
        for table in connection.query(tables, &[]).await.unwrap() {
            let table: String = table.get(0);
            let select = format!("SELECT entry::text FROM {table} AS entry");
            let found = connection.query(&select, &[]).await.unwrap();
            rows.extend(found.iter().map(|row| (table.clone(), row.get(0))));
        }
        rows
    }

    /// Each line of each message of each stream, and its headers; the place begins with the stream and ends with the
    /// subject.
    async fn all_messages(&self) -> Vec<(String, String)> {
        let mut nats = self.nats().await;
        let names = nats.request("$JS.API.STREAM.NAMES", "").await;
        let names = names["streams"].as_array().unwrap();
        assert!(names.len() >= 6, "{names:?}");
        let mut messages = Vec::new();
        for stream in names.iter().map(|name| name.as_str().unwrap()) {
            let info = nats.request(&format!("$JS.API.STREAM.INFO.{stream}"), "").await;
            let state = |member: &str| info["state"][member].as_u64().unwrap();
            for sequence in state("first_seq")..=state("last_seq") {
                let get = format!("$JS.API.STREAM.MSG.GET.{stream}");
                let found = nats.request(&get, &json!({"seq": sequence}).to_string()).await;
                let message = &found["message"];
                // One that was deleted, or processed, is not found.
                let Some(subject) = message["subject"].as_str() else { continue };
                let place = format!("{stream} {subject}");
                let text = |member: &str| {
                    let bytes = STANDARD.decode(message[member].as_str().unwrap_or_default());
                    String::from_utf8_lossy(&bytes.unwrap()).into_owned()
                };
                messages.push((format!("the headers of {place}"), text("hdrs")));
                messages.extend(text("data").lines().map(|line| (place.clone(), line.to_owned())));
            }
        }
        messages
    }
}

/// All bytes of a value, as text.
fn flatten(value: &redis::Value) -> String {
    match value {
        redis::Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        redis::Value::Array(values) => values.iter().map(flatten).collect::<Vec<_>>().join(" "),
        redis::Value::Map(entries) => entries
            .iter()
            .map(|(name, value)| format!("{} {}", flatten(name), flatten(value)))
            .collect::<Vec<_>>()
            .join(" "),
        other => format!("{other:?}"),
    }
}
