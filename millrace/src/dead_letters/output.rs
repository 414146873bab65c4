//! Prints dead letters. Payment tokens are not shown.

use anyhow::Result;
use serde_json::{Value, json};
use streams::dead_letter::{ResolutionKind, StoredDeadLetter};

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
    let mut details = serde_json::to_value(&letter.content)?;
    if let Ok(mut record) = serde_json::from_str::<Value>(&letter.content.record) {
        remove_tokens(&mut record);
        details["record"] = record;
    }
    details["number"] = json!(letter.number);
    details["handled"] = serde_json::to_value(&letter.resolution)?;
    print(&serde_json::to_string_pretty(&details)?);
    Ok(())
}

/// Prints how a letter was resolved.
pub(super) fn print_resolved(letter: &StoredDeadLetter, action: ResolutionKind) {
    print(&format!("{:>6}  {action}", letter.number));
}

/// Prints why a letter was not resolved.
pub(super) fn print_unresolved(letter: &StoredDeadLetter, err: &impl std::fmt::Display) {
    print(&format!("{:>6}  unresolved: {err}", letter.number));
}

fn remove_tokens(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.remove("payment_token");
            members.values_mut().for_each(remove_tokens);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_tokens),
        _ => {}
    }
}

#[expect(clippy::print_stdout, reason = "the letters are the command's output")]
fn print(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payment_token_is_not_shown() {
        let mut record = json!({"event": {"created": {"order": {"payment_token": "tok_secret"}}}});
        remove_tokens(&mut record);
        assert_eq!(record, json!({"event": {"created": {"order": {}}}}));
    }
}
