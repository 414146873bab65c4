//! Dead letters on the screen. What a buyer pays with is not shown.

use anyhow::Result;
use serde_json::{Value, json};
use streams::dead_letter::{ResolutionKind, StoredDeadLetter};

use super::ResolveError;

/// One line about a letter.
pub(super) fn line(letter: &StoredDeadLetter) {
    let content = &letter.content;
    let order = letter.order_id().map_or_else(|| "-".to_owned(), |id| id.to_string());
    let handled = letter.handled.as_ref().map_or_else(String::new, |resolution_message| {
        format!(
            "  {} by {}: {}",
            resolution_message.action, resolution_message.by, resolution_message.why
        )
    });
    say(&format!(
        "{:>6}  {}  {:<8}  {:<11}  {order:<32}  {}{handled}",
        letter.number, content.last_at_ms, content.step, content.reason, content.error,
    ));
}

/// All about a letter, as one JSON object.
pub(super) fn whole(letter: &StoredDeadLetter) -> Result<()> {
    let mut shown = serde_json::to_value(&letter.content)?;
    if let Ok(mut record) = serde_json::from_str::<Value>(&letter.content.record) {
        hide_tokens(&mut record);
        shown["record"] = record;
    }
    shown["number"] = json!(letter.number);
    shown["handled"] = serde_json::to_value(&letter.handled)?;
    say(&serde_json::to_string_pretty(&shown)?);
    Ok(())
}

/// What was done about a letter.
pub(super) fn decided(letter: &StoredDeadLetter, action: ResolutionKind) {
    say(&format!("{:>6}  {action}", letter.number));
}

/// Why nothing was done about a letter.
pub(super) fn undecided(letter: &StoredDeadLetter, err: &ResolveError) {
    say(&format!("{:>6}  still waits: {err}", letter.number));
}

fn hide_tokens(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.remove("payment_token");
            members.values_mut().for_each(hide_tokens);
        }
        Value::Array(items) => items.iter_mut().for_each(hide_tokens),
        _ => {}
    }
}

#[expect(clippy::print_stdout, reason = "the letters are what the command is for")]
fn say(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payment_token_is_not_shown() {
        let mut record = json!({"event": {"created": {"order": {"payment_token": "tok_secret"}}}});
        hide_tokens(&mut record);
        assert_eq!(record, json!({"event": {"created": {"order": {}}}}));
    }
}
