//! Asks `millrace admin` as an operator with the nats CLI does, and reads what it has recorded.

use std::collections::BTreeSet;
use std::time::Duration;

use millrace::keys::Role;
use serde_json::{Value, json};
use streams::AdminRecord;
use tokio::time::timeout;

use super::test_cluster::{TestCluster, wait_until};
use crate::raw_nats::RawNats;

/// After this the next question is asked: a process that starts answers none.
const ANSWER_LIMIT: Duration = Duration::from_millis(500);

/// A person with the key of a role.
pub(crate) struct AdminClient(RawNats);

/// One reply.
#[derive(Debug)]
pub(crate) struct Reply {
    /// The code of the service error; `None` if the request was not refused.
    pub(crate) code: Option<String>,
    pub(crate) body: Value,
}

impl TestCluster {
    /// A person with the key of `role`, once `admins` processes answer.
    pub(crate) async fn admin_client(&self, role: Role, admins: usize) -> AdminClient {
        wait_until("the processes that serve repairs answer", async || {
            self.admin_pids().await.len() == admins
        })
        .await;
        let access = self.processes.servers.brokers.access(role);
        AdminClient(RawNats::connect_with_inbox(&access, &role.inbox_prefix()).await)
    }

    /// The process ids of those that answer now.
    async fn admin_pids(&self) -> BTreeSet<String> {
        let mut nats = self.nats().await;
        let mut pids = BTreeSet::new();
        // Each question is answered by all of them, and one answer is read.
        for _ in 0..4 * self.processes.admins.len() {
            let info = nats.request("$SRV.INFO.millrace-admin", "");
            let Ok(info) = timeout(ANSWER_LIMIT, info).await else { break };
            let has_all = info["endpoints"].as_array().is_some_and(|it| it.len() == 7);
            pids.extend(info["metadata"]["pid"].as_str().filter(|_| has_all).map(str::to_owned));
        }
        pids
    }

    /// What is recorded of repairs: each record with its kind of change.
    pub(crate) async fn admin_records(&self) -> Vec<(String, AdminRecord)> {
        let messages = self.messages("ADMIN").await;
        let record = |message: &streams::Replayed| {
            let record = serde_json::from_slice(&message.lines[0]).unwrap();
            (message.subject.clone(), record)
        };
        messages.iter().map(record).collect()
    }

    /// The stages that are recorded, each after its kind of change.
    pub(crate) async fn recorded_stages(&self) -> Vec<String> {
        let records = self.admin_records().await;
        let stage = |(subject, record): &(String, AdminRecord)| {
            format!("{subject} {}", json!(record.stage).as_str().unwrap())
        };
        records.iter().map(stage).collect()
    }
}

impl AdminClient {
    /// A person with the key of `role` at one broker.
    pub(super) async fn at(cluster: &TestCluster, broker: usize, role: Role) -> Self {
        let access = cluster.processes.servers.brokers.access_to(broker, role);
        Self(RawNats::connect_with_inbox(&access, &role.inbox_prefix()).await)
    }

    /// Sends a request whose reply is to go to `reply`.
    pub(super) async fn send(&mut self, subject: &str, reply: &str) {
        let errors = self.0.errors(&format!("PUB {subject} {reply} 2\r\n{{}}\r\n")).await;
        assert_eq!(errors, [""; 0]);
    }

    /// Asks until a reply comes.
    pub(super) async fn wait_for_reply(&mut self, subject: &str) -> Value {
        self.0.request(subject, "").await
    }

    /// The same for the history of an order.
    pub(super) async fn wait_for_order(&mut self, request: &Value) -> Value {
        self.0.request("millrace.admin.order", &request.to_string()).await
    }

    /// Sends the same request so many times at once, and returns the codes of the replies.
    pub(super) async fn ask_at_once(
        &mut self,
        subject: &str,
        request: &Value,
        times: usize,
    ) -> Vec<String> {
        let subject = format!("millrace.admin.{subject}");
        let mut left = times;
        let is_last = |_: &str| {
            left -= 1;
            left == 0
        };
        let replies = self.0.replies(&subject, &request.to_string(), times, is_last).await;
        replies.iter().map(|(headers, _)| error_code(headers).unwrap_or_default()).collect()
    }

    /// Asks `millrace.admin.<subject>`, and returns the only reply.
    pub(crate) async fn ask(&mut self, subject: &str, request: &Value) -> Reply {
        self.ask_text(subject, &request.to_string()).await
    }

    pub(crate) async fn ask_text(&mut self, subject: &str, request: &str) -> Reply {
        let subject = format!("millrace.admin.{subject}");
        let (headers, text) = self.0.replies(&subject, request, 1, |_| true).await.remove(0);
        let body = serde_json::from_str(&text).unwrap();
        Reply { code: error_code(&headers), body }
    }

    /// Asks and returns a reply that is not refused.
    pub(crate) async fn get(&mut self, subject: &str, request: &Value) -> Value {
        let reply = self.ask(subject, request).await;
        assert_eq!(reply.code, None, "{}", reply.body);
        reply.body
    }

    /// Asks and returns the code, the member and the error of a refusal.
    pub(crate) async fn refusal(
        &mut self,
        subject: &str,
        request: &Value,
    ) -> (String, Option<String>, String) {
        let Reply { code, body } = self.ask(subject, request).await;
        let member = body["member"].as_str().map(str::to_owned);
        let code = code.unwrap_or_else(|| panic!("not refused: {body}"));
        (code, member, body["error"].as_str().unwrap().to_owned())
    }

    /// Asks for an audit. Returns its lines, and the code of the empty message that ends them.
    pub(crate) async fn audit(&mut self, request: &Value) -> (Vec<Value>, Option<String>) {
        let subject = "millrace.admin.audit";
        let mut replies = self.0.replies(subject, &request.to_string(), 1, str::is_empty).await;
        let (headers, _) = replies.pop().unwrap();
        let lines = replies.iter().map(|(_, line)| serde_json::from_str(line).unwrap());
        (lines.collect(), error_code(&headers))
    }
}

fn error_code(headers: &str) -> Option<String> {
    let code = headers.lines().find_map(|line| line.strip_prefix("Nats-Service-Error-Code:"));
    code.map(|code| code.trim().to_owned())
}
