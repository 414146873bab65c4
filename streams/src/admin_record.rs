//! What `millrace admin` was asked to change, who asked and why, and what came of it: the JSON bodies of messages in
//! the stream `ADMIN`. One says that something was asked, before it is done, and another one how it ended.

use orders::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use strum::IntoStaticStr;

use crate::outbound::Destination;
use crate::{OutboundMessage, subjects};

/// One record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminRecord {
    /// The id of the request: the records of one request have the same.
    pub id: String,
    /// What the record says about it.
    pub stage: AdminStage,
    /// The time of the process that wrote it.
    pub at_ms: Timestamp,
    /// Who asked, in their own words; absent if a refused request does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The reason, in the same way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What was asked for.
    pub what: Value,
    /// What came of it; absent before it is done.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub result: Value,
    /// The process that was asked: its host and process id.
    pub process: String,
}

/// How far a request has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum AdminStage {
    /// It is about to be done. Without a later record, the process has died over it.
    Asked,
    /// It was done, as far as the result says.
    Done,
    /// It was done in part, and ended before the rest was tried.
    Interrupted,
    /// It was refused, and nothing was changed.
    Refused,
    /// It failed, and may be done in part.
    Failed,
}

impl AdminRecord {
    /// The message that stores it as a record of this kind of change.
    pub fn message(&self, action: &str) -> OutboundMessage {
        let payload = serde_json::to_vec(self).expect("a record has text keys and JSON values");
        let stage: &str = self.stage.into();
        let destination = Destination::Stream(subjects::ADMIN, subjects::admin_subject(action));
        OutboundMessage::with_id(destination, payload.into(), &format!("{}.{stage}", self.id))
    }
}
