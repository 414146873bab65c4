//! A change: it is recorded in the stream `ADMIN` before it is done, and how it ended afterwards. What cannot be
//! recorded is not done.

use std::process;

use serde_json::{Value, json};
use streams::{AdminRecord, AdminStage, PublishError, Publisher, own_host, own_time};

use super::context::Context;
use super::members::Members;
use super::refusal::Refusal;
use crate::limits::{ADMIN_RECORD_TIMEOUT, ADMIN_REFUSED_CHARS_MAX};

/// Who asks for a change, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Author {
    pub(super) by: String,
    pub(super) why: String,
}

/// What was asked for. Without an author it is a dry run, which changes nothing and is not recorded.
struct Asked<Change> {
    what: Value,
    author: Option<Author>,
    change: Change,
}

/// What came of a change.
pub(super) struct Outcome {
    /// The reply.
    pub(super) result: Value,
    /// Whether a part of what was asked for was not tried.
    pub(super) is_interrupted: bool,
}

impl Outcome {
    /// All was tried that was asked for.
    pub(super) const fn done(result: Value) -> Self {
        Self { result, is_interrupted: false }
    }
}

/// Does the change that `payload` asks for: `parse` reads its own members, and `run` does it, or says what it would do
/// if there is no author.
pub(super) async fn change<Change>(
    context: &Context,
    action: &str,
    payload: &[u8],
    parse: impl FnOnce(&mut Members) -> Result<Change, Refusal>,
    run: impl AsyncFnOnce(&Change, Option<&Author>) -> Result<Outcome, Refusal>,
) -> Result<Value, Refusal> {
    let Asked { what, author, change } = match read(payload, parse) {
        Ok(asked) => asked,
        Err(refusal) => {
            record_refusal(context, action, payload, &refusal).await;
            return Err(refusal);
        }
    };
    let Some(author) = author else {
        let mut would = run(&change, None).await?.result;
        would["dry_run"] = json!(true);
        return Ok(would);
    };
    let asked = AdminRecord {
        by: Some(author.by.clone()),
        why: Some(author.why.clone()),
        what,
        ..new_record(AdminStage::Asked)
    };
    record(context, action, &asked).await.map_err(|err| {
        let what = "not done, because the stream ADMIN cannot record it (when it is full, an admin makes room: nats \
                    stream edit ADMIN --max-bytes)";
        Refusal::unavailable(what, err)
    })?;
    tracing::info!(action, id = asked.id, by = author.by, why = author.why, "asked");
    let result = run(&change, Some(&author)).await;
    let (stage, outcome) = match &result {
        Ok(outcome) if outcome.is_interrupted => (AdminStage::Interrupted, outcome.result.clone()),
        Ok(outcome) => (AdminStage::Done, outcome.result.clone()),
        Err(refusal) if refusal.is_refused() => (AdminStage::Refused, refusal.to_json()),
        Err(refusal) => (AdminStage::Failed, refusal.to_json()),
    };
    let ended = AdminRecord { stage, at_ms: own_time(), result: outcome, ..asked };
    let recorded = record(context, action, &ended).await;
    if let Err(err) = &recorded {
        tracing::error!(action, id = ended.id, %err, "how it ended is not recorded");
    }
    let mut result = result?.result;
    result["id"] = json!(ended.id);
    result["recorded"] = json!(recorded.is_ok());
    Ok(result)
}

fn read<Change>(
    payload: &[u8],
    parse: impl FnOnce(&mut Members) -> Result<Change, Refusal>,
) -> Result<Asked<Change>, Refusal> {
    let mut members = Members::parse(payload)?;
    let what = members.what();
    let is_dry_run = members.flag("dry_run")?;
    let author = if is_dry_run {
        let by = members.take("by", "a text", |value| value.as_str().map(drop));
        let why = members.take("why", "a text", |value| value.as_str().map(drop));
        by.and(why).map(|_| None)?
    } else {
        let by = members.require_text("by", "who asks")?;
        Some(Author { by, why: members.require_text("why", "the reason")? })
    };
    let change = parse(&mut members)?;
    members.end()?;
    Ok(Asked { what, author, change })
}

/// Nothing is changed, so that a refusal that cannot be recorded is only logged.
async fn record_refusal(context: &Context, action: &str, payload: &[u8], refusal: &Refusal) {
    let members = Members::parse(payload).ok();
    let said = |name| members.as_ref().and_then(|members| members.peek_text(name));
    let text = String::from_utf8_lossy(payload);
    let refused = AdminRecord {
        by: said("by"),
        why: said("why"),
        what: json!(text.chars().take(ADMIN_REFUSED_CHARS_MAX).collect::<String>()),
        result: refusal.to_json(),
        ..new_record(AdminStage::Refused)
    };
    if let Err(err) = record(context, action, &refused).await {
        tracing::warn!(action, error = refusal.error, %err, "refused, and not recorded");
    }
}

fn new_record(stage: AdminStage) -> AdminRecord {
    AdminRecord {
        id: format!("{:016x}", rand::random::<u64>()),
        stage,
        at_ms: own_time(),
        by: None,
        why: None,
        what: Value::Null,
        result: Value::Null,
        process: format!("{}/{}", own_host(), process::id()),
    }
}

async fn record(context: &Context, action: &str, record: &AdminRecord) -> Result<(), PublishError> {
    let publisher = Publisher::new(context.connection.clone());
    publisher.publish(&record.message(action), ADMIN_RECORD_TIMEOUT).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(json: &str) -> Result<Option<Author>, String> {
        let asked = read(json.as_bytes(), |members| members.flag("all"));
        asked.map(|asked| asked.author).map_err(|refusal| refusal.error)
    }

    #[test]
    fn a_change_says_who_asks_and_why_and_a_dry_run_need_not() {
        let ann = Author { by: "ann".to_owned(), why: "fixed".to_owned() };
        assert_eq!(asked(r#"{"by":"ann","why":"fixed","all":true}"#), Ok(Some(ann)));
        assert_eq!(asked(r#"{"dry_run":true,"all":true}"#), Ok(None));
        assert_eq!(asked(r#"{"dry_run":true,"by":"ann","why":"fixed"}"#), Ok(None));
        assert!(asked(r#"{"by":"ann"}"#).unwrap_err().starts_with("`why` is missing"));
        assert!(asked(r#"{"why":"fixed"}"#).unwrap_err().starts_with("`by` is missing"));
        let unknown = asked(r#"{"by":"ann","why":"fixed","force":true}"#).unwrap_err();
        assert_eq!(unknown, "`force` is not a member: there are dry_run, by, why, all");
    }
}
