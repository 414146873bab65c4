//! What an edge says about the lines of a batch.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

/// The answer to one line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Stored,
    /// For good: the line is at fault.
    Refused(String),
    /// Not now; the same line may be stored later.
    Later(String),
}

/// The type of the problem of a body that broke off.
const BODY_BROKEN: &str = "/problems/body-broken";

#[derive(Deserialize)]
struct AnswerLine {
    line: u64,
    status: u16,
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    errors: Vec<FieldError>,
}

#[derive(Deserialize)]
struct FieldError {
    pointer: String,
    detail: String,
}

/// The answers in a response, by the number of the line in its request. A line that cannot be read
/// answers nothing: the response may have been cut.
pub(super) fn answers(body: &[u8]) -> HashMap<u64, Answer> {
    let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.filter_map(|line| serde_json::from_slice(line).ok()).map(answer).collect()
}

fn answer(answer: AnswerLine) -> (u64, Answer) {
    let AnswerLine { line, status, kind, detail, errors } = answer;
    let meaning = match status {
        202 => Answer::Stored,
        // Also a line that did not arrive as a whole, as if the machine slept.
        408 | 429 | 500.. => Answer::Later(detail),
        400 if kind == BODY_BROKEN => Answer::Later(detail),
        _ => Answer::Refused(reason(detail, &errors)),
    };
    (line, meaning)
}

/// The detail of a problem, and each fault with its place.
fn reason(detail: String, errors: &[FieldError]) -> String {
    let faults = errors.iter().map(|FieldError { pointer, detail }| {
        format!("\n  {}: {detail}", Value::from(pointer.as_str()))
    });
    [detail].into_iter().chain(faults).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_of_a_response_is_an_answer_and_one_that_is_cut_is_none() {
        let body = br#"{"line":1,"status":202,"order_id":"x"}
{"line":2,"status":503,"detail":"full"}
{"line":5,"status":408,"detail":"slow"}
{"line":6,"status":400,"type":"/problems/body-broken","detail":"broken"}
{"line":3,"status":422,"detail":"invalid","errors":[{"pointer":"/order/lines","detail":"missing"}]}
{"line":4,"status":2"#;
        let answers = answers(body);
        assert_eq!(answers.len(), 5);
        assert_eq!(answers[&5], Answer::Later("slow".to_owned()));
        assert_eq!(answers[&6], Answer::Later("broken".to_owned()));
        assert_eq!(answers[&1], Answer::Stored);
        assert_eq!(answers[&2], Answer::Later("full".to_owned()));
        let refused = "invalid\n  \"/order/lines\": missing".to_owned();
        assert_eq!(answers[&3], Answer::Refused(refused));
    }
}
