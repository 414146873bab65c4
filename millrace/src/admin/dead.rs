//! Dead letters: listed, shown, replayed and discarded, as `millrace dead` does.

use serde_json::{Value, json};
use streams::dead_letter::{ResolutionKind, StoredDeadLetter};
use tokio::time::Instant;

use super::change::{Author, Outcome, change};
use super::context::Context;
use super::letter_selection::take_filter;
use super::members::{Members, shortened};
use super::refusal::Refusal;
use crate::cluster_lock::{ClusterLock, ClusterTask};
use crate::dead_letters::{
    Interruption, LetterFilter, ResolveError, ResolveRequest, Resolver, details, refusal, summary,
};
use crate::limits::{
    ADMIN_LISTED_BYTES_MAX, ADMIN_RESOLVE_RATE_MAX, ADMIN_RESOLVE_RATE_MIN, LETTERS_LISTED_DEFAULT,
    LETTERS_LISTED_MAX, LETTERS_RESOLVED_MAX, RESOLVE_LOCK_WAIT, RESOLVE_RATE_DEFAULT,
    RESOLVE_TIMEOUT,
};

/// Lists letters from the oldest on, unresolved ones unless `handled` is set. `next` in the reply is the `after` of the
/// request for those that follow.
pub(super) async fn list(context: &Context, payload: &[u8]) -> Result<Value, Refusal> {
    let mut members = Members::parse(payload)?;
    let filter = take_filter(&mut members)?;
    let is_handled_listed = members.flag("handled")?;
    let after = members.number("after", 0..=u64::MAX)?.unwrap_or_default();
    let limit = members.number("limit", 1..=LETTERS_LISTED_MAX)?.unwrap_or(LETTERS_LISTED_DEFAULT);
    members.end()?;
    let letters = context.unless_stopping(context.letters()).await?;
    let matching: Vec<&StoredDeadLetter> = letters
        .iter()
        .filter(|it| filter.matches(it) && (is_handled_listed || it.resolution.is_none()))
        .collect();
    let rest = matching.iter().filter(|letter| letter.number > after);
    let (mut listed, mut bytes, mut last) = (Vec::new(), 0, after);
    let mut next = None;
    for letter in rest {
        let summary = summary(letter);
        bytes += summary.to_string().len();
        // At least one, or the list would not go on.
        let is_full = listed.len() as u64 == limit || bytes > ADMIN_LISTED_BYTES_MAX;
        if is_full && !listed.is_empty() {
            next = Some(last);
            break;
        }
        last = letter.number;
        listed.push(summary);
    }
    Ok(json!({"letters": listed, "matching": matching.len(), "next": next}))
}

/// Shows one letter in full, without payment tokens.
pub(super) async fn show(context: &Context, payload: &[u8]) -> Result<Value, Refusal> {
    let mut members = Members::parse(payload)?;
    let number = members.require("number", "the number of a dead letter", Value::as_u64)?;
    members.end()?;
    let letters = context.unless_stopping(context.letters()).await?;
    let letter = letters.iter().find(|letter| letter.number == number);
    letter.map(details).ok_or_else(|| not_found(number))
}

/// Sends records to their steps again.
pub(super) async fn replay(context: &Context, payload: &[u8]) -> Result<Value, Refusal> {
    let run = async |options: &Options, author: Option<&Author>| {
        resolve(context, ResolutionKind::Replayed, options, author).await
    };
    change(context, "replay", payload, Options::take, run).await
}

/// Gives records up, and requests the cancellation of their orders.
pub(super) async fn discard(context: &Context, payload: &[u8]) -> Result<Value, Refusal> {
    let run = async |options: &Options, author: Option<&Author>| {
        resolve(context, ResolutionKind::Discarded, options, author).await
    };
    change(context, "discard", payload, Options::take, run).await
}

/// Which letters are resolved, and how fast.
struct Options {
    filter: LetterFilter,
    rate: u32,
}

impl Options {
    fn take(members: &mut Members) -> Result<Self, Refusal> {
        let filter = take_filter(members)?;
        let is_all = members.flag("all")?;
        let rate = members.number("rate", ADMIN_RESOLVE_RATE_MIN..=ADMIN_RESOLVE_RATE_MAX)?;
        if filter.is_empty() && !is_all {
            let error = "no dead letters are selected: write `numbers`, `pool`, `reason`, `since`, or \"all\":true";
            return Err(Refusal::member("numbers", error));
        }
        let rate = rate.map_or(RESOLVE_RATE_DEFAULT, |rate| rate as u32);
        Ok(Self { filter, rate })
    }
}

/// What came of each selected letter.
#[derive(Default)]
struct Outcomes {
    resolved: Vec<u64>,
    unresolved: Vec<Value>,
}

impl Outcomes {
    fn refuse(&mut self, number: u64, error: &str) {
        self.unresolved.push(json!({"number": number, "error": error}));
    }
}

/// Resolves the selected letters while no other process of the cluster does; without an author, says what it would do.
async fn resolve(
    context: &Context,
    action: ResolutionKind,
    options: &Options,
    author: Option<&Author>,
) -> Result<Outcome, Refusal> {
    let Some(author) = author else {
        let letters = context.unless_stopping(context.letters()).await?;
        return Ok(Outcome::done(would_resolve(&letters, action, options)));
    };
    let lock = context.lock(ClusterTask::Resolve, RESOLVE_LOCK_WAIT);
    let mut lock = context.unless_stopping(lock).await?;
    let resolved = resolve_selected(context, &mut lock, action, options, author).await;
    lock.release().await;
    resolved
}

fn would_resolve(letters: &[StoredDeadLetter], action: ResolutionKind, options: &Options) -> Value {
    let (selected, mut outcomes, more) = select(letters, &options.filter);
    for letter in selected {
        match refusal(letter, action) {
            Some(err) => outcomes.refuse(letter.number, &err.to_string()),
            None => outcomes.resolved.push(letter.number),
        }
    }
    reply(action, &outcomes, (&[], None), more)
}

/// The letters are read under the lock: what another process has resolved is resolved.
async fn resolve_selected(
    context: &Context,
    lock: &mut ClusterLock,
    action: ResolutionKind,
    options: &Options,
    author: &Author,
) -> Result<Outcome, Refusal> {
    let letters = context.unless_stopping(context.letters()).await?;
    let (selected, mut outcomes, more) = select(&letters, &options.filter);
    let request = ResolveRequest { action, by: &author.by, why: &author.why };
    let deadline = Instant::now() + RESOLVE_TIMEOUT;
    let stop = || {
        let is_stopping = context.shutdown.is_cancelled().then_some(Interruption::Stopping);
        is_stopping.or_else(|| (Instant::now() >= deadline).then_some(Interruption::TimeLimit))
    };
    let mut tried = 0;
    let report = |letter: &StoredDeadLetter, result: Result<(), &ResolveError>| {
        tried += 1;
        match result {
            Ok(()) => outcomes.resolved.push(letter.number),
            Err(err) => outcomes.refuse(letter.number, &err.to_string()),
        }
    };
    let resolver = Resolver { connection: &context.connection, lock, request, rate: options.rate };
    let interruption = resolver.resolve_each(&selected, stop, report).await;
    let not_reached: Vec<u64> = selected[tried..].iter().map(|letter| letter.number).collect();
    let is_interrupted = interruption.is_some();
    let result = reply(action, &outcomes, (&not_reached, interruption), more);
    Ok(Outcome { result, is_interrupted })
}

/// The letters that a filter selects, as many as one request resolves; why named ones are not among them; and how many
/// more there are.
fn select<'a>(
    letters: &'a [StoredDeadLetter],
    filter: &LetterFilter,
) -> (Vec<&'a StoredDeadLetter>, Outcomes, usize) {
    let mut outcomes = Outcomes::default();
    for number in &filter.numbers {
        match letters.iter().find(|letter| letter.number == *number) {
            None => outcomes.refuse(*number, "there is no dead letter with this number"),
            Some(StoredDeadLetter { resolution: Some(earlier), .. }) => {
                let (by, why) = (shortened(&earlier.by), shortened(&earlier.why));
                let error = format!("{} already by {by}: {why}", earlier.action);
                outcomes.refuse(*number, &error);
            }
            Some(letter) if !filter.matches(letter) => {
                outcomes.refuse(*number, "the other conditions exclude it");
            }
            Some(_) => {}
        }
    }
    let is_selected =
        |letter: &&StoredDeadLetter| letter.resolution.is_none() && filter.matches(letter);
    let mut selected: Vec<_> = letters.iter().filter(is_selected).collect();
    let more = selected.len().saturating_sub(LETTERS_RESOLVED_MAX);
    selected.truncate(LETTERS_RESOLVED_MAX);
    (selected, outcomes, more)
}

fn reply(
    action: ResolutionKind,
    outcomes: &Outcomes,
    (not_reached, interruption): (&[u64], Option<Interruption>),
    more: usize,
) -> Value {
    json!({
        "action": action,
        "resolved": outcomes.resolved,
        "unresolved": outcomes.unresolved,
        "not_reached": not_reached,
        "interrupted": interruption.map(|it| it.to_string()),
        "more": more,
    })
}

fn not_found(number: u64) -> Refusal {
    Refusal::not_found("number", format!("there is no dead letter {number}: list them"))
}

#[cfg(test)]
mod tests {
    use orders::Timestamp;
    use streams::dead_letter::{DeadLetter, Reason, Resolution};
    use streams::{DeliveryHistory, Origin};

    use super::*;

    fn letter(number: u64) -> StoredDeadLetter {
        let at = Timestamp::from_millis(0);
        let origin = Origin { stream: "ORDERS_1".to_owned(), sequence: number };
        let content = DeadLetter {
            step: "charge".to_owned(),
            reason: Reason::Exhausted,
            error: String::new(),
            history: DeliveryHistory::new(origin, at),
            last_at_ms: at,
            record: String::new(),
        };
        StoredDeadLetter::unresolved(number, content)
    }

    #[test]
    fn a_letter_that_is_named_and_not_resolved_is_never_left_out_without_a_word() {
        let mut letters = vec![letter(1), letter(2)];
        let at_ms = Timestamp::from_millis(0);
        let (by, why) = ("ann".to_owned(), "fixed".to_owned());
        letters[1].resolution =
            Some(Resolution { letter: 2, action: ResolutionKind::Replayed, by, why, at_ms });
        let numbers = vec![1, 2, 3];
        let (selected, outcomes, more) =
            select(&letters, &LetterFilter { numbers, ..LetterFilter::default() });
        assert_eq!(selected.iter().map(|it| it.number).collect::<Vec<_>>(), [1]);
        assert_eq!(more, 0);
        let expected = json!([
            {"number": 2, "error": "replayed already by ann: fixed"},
            {"number": 3, "error": "there is no dead letter with this number"},
        ]);
        assert_eq!(json!(outcomes.unresolved), expected);
    }

    #[test]
    fn one_request_resolves_a_bounded_number() {
        let letters: Vec<_> = (0..LETTERS_RESOLVED_MAX as u64 + 5).map(letter).collect();
        let (selected, _, more) = select(&letters, &LetterFilter::default());
        assert_eq!((selected.len(), more), (LETTERS_RESOLVED_MAX, 5));
    }

    #[test]
    fn letters_are_resolved_only_if_they_are_selected() {
        let take = |json: &str| Options::take(&mut Members::parse(json.as_bytes()).unwrap());
        assert_eq!(take("{}").err().unwrap().member.as_deref(), Some("numbers"));
        assert_eq!(take(r#"{"all":true}"#).unwrap().rate, RESOLVE_RATE_DEFAULT);
        assert_eq!(take(r#"{"pool":"payment","rate":10}"#).unwrap().rate, 10);
        assert_eq!(take(r#"{"all":true,"rate":1}"#).err().unwrap().member.as_deref(), Some("rate"));
    }
}
