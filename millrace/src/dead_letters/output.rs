//! Dead letters as text and as JSON, without their private members.

use anyhow::Result;
use serde_json::{Value, json};
use streams::dead_letter::{ResolutionKind, StoredDeadLetter};
use workers::stages;

use crate::private_members::remove_private_members;

/// Prints one line about a letter.
pub(super) fn print_line(letter: &StoredDeadLetter) {
    let content = &letter.content;
    let order = letter.order_id().map_or_else(|| "-".to_owned(), |id| id.to_string());
    let resolution = letter.resolution.as_ref().map_or_else(String::new, |resolution| {
        format!("  {} by {}: {}", resolution.action, resolution.by, resolution.why)
    });
    print(&format!(
        "{:>6}  {}  {:<8}  {:<11}  {order:<32}  {}{resolution}",
        letter.number, content.last_at_ms, content.step, content.reason, content.error,
    ));
}

/// Prints a letter in full, as one JSON object.
pub(super) fn print_details(letter: &StoredDeadLetter) -> Result<()> {
    print(&serde_json::to_string_pretty(&details(letter))?);
    Ok(())
}

/// A letter in full, as one JSON object.
pub(crate) fn details(letter: &StoredDeadLetter) -> Value {
    let mut details = json!(letter.content);
    if let Ok(mut record) = serde_json::from_str::<Value>(&letter.content.record) {
        remove_private_members(&mut record);
        details["record"] = record;
    }
    details["number"] = json!(letter.number);
    details["handled"] = json!(letter.resolution);
    details
}

/// The same without its record.
pub(crate) fn summary(letter: &StoredDeadLetter) -> Value {
    let content = &letter.content;
    json!({
        "number": letter.number,
        "order_id": letter.order_id(),
        "pool": stages::step_named(&content.step).map(|step| step.pool.as_str()),
        "step": content.step,
        "reason": content.reason,
        "error": content.error,
        "last_at_ms": content.last_at_ms,
        "tries": content.history.attempts,
        "replays": content.history.replays,
        "handled": letter.resolution,
    })
}

/// Prints how a letter was resolved.
pub(super) fn print_resolved(letter: &StoredDeadLetter, action: ResolutionKind) {
    print(&format!("{:>6}  {action}", letter.number));
}

/// Prints why a letter was not resolved.
pub(super) fn print_unresolved(letter: &StoredDeadLetter, err: &impl std::fmt::Display) {
    print(&format!("{:>6}  unresolved: {err}", letter.number));
}

#[expect(clippy::print_stdout, reason = "the letters are the command's output")]
fn print(text: &str) {
    println!("{text}");
}
