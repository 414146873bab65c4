//! `GET /problems/{name}`: what a type of problem means. The `type` of a problem document leads here.

use std::borrow::Cow;

use hyper::StatusCode;
use hyper::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderValue, VARY,
    X_CONTENT_TYPE_OPTIONS,
};

use crate::limits::DOCUMENT_AGE_MAX;
use crate::problem::{Problem, ProblemKind};
use crate::response::{HttpResponse, with_body};

const HTML: &str = "text/html; charset=utf-8";
const MARKDOWN: &str = "text/markdown; charset=utf-8";
/// The page loads nothing, and runs nothing.
const PAGE_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; base-uri 'none'; frame-ancestors 'none'");

/// Explains the type of problem that is called `name`: as a page to a browser, else as Markdown.
pub(super) fn explain_problem(name: &str, headers: &HeaderMap) -> Result<HttpResponse, Problem> {
    let kind = ProblemKind::named(name).ok_or(Problem::NotFound)?;
    let text = markdown(kind);
    let mut response = if wants_html(headers) {
        with_body(StatusCode::OK, HTML, html(&text))
    } else {
        with_body(StatusCode::OK, MARKDOWN, text)
    };
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_name(ACCEPT));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(DOCUMENT_AGE_MAX));
    headers.insert(CONTENT_SECURITY_POLICY, PAGE_POLICY);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}

/// Whether the client names HTML, as every browser does, and does not refuse it.
fn wants_html(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let is_html = parts.next().is_some_and(|it| it.eq_ignore_ascii_case("text/html"));
        let is_refused = |weight: &str| weight.trim_end_matches(['0', '.']).is_empty();
        is_html && !parts.any(|it| it.strip_prefix("q=").is_some_and(is_refused))
    })
}

fn markdown(kind: ProblemKind) -> String {
    let (status, uri, title) = kind.entry();
    let explanation = kind.explanation();
    format!(
        "# {title}\n\n`{uri}`, status {status}\n\n{}\n\n## Cause\n\n{}\n\n## Remedy\n\n{}\n",
        explanation.meaning, explanation.cause, explanation.remedy,
    )
}

/// The page of a text with headings, paragraphs and code.
fn html(markdown: &str) -> String {
    let title = markdown.lines().next().unwrap_or_default().trim_start_matches("# ");
    let blocks = markdown.split("\n\n").map(|block| {
        let (tag, text) = match (block.strip_prefix("## "), block.strip_prefix("# ")) {
            (Some(heading), _) => ("h2", heading),
            (_, Some(heading)) => ("h1", heading),
            _ => ("p", block),
        };
        format!("<{tag}>{}</{tag}>\n", with_code(text.trim_end()))
    });
    let (title, body) = (escape(title), blocks.collect::<Vec<_>>().concat());
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{title}</title></head>\n\
         <body>\n{body}</body>\n</html>\n"
    )
}

/// What is between two backticks is code.
fn with_code(text: &str) -> String {
    let parts = text.split('`').enumerate().map(|(index, part)| match index % 2 {
        0 => escape(part),
        _ => format!("<code>{}</code>", escape(part)).into(),
    });
    parts.collect()
}

fn escape(text: &str) -> Cow<'_, str> {
    if text.contains(['&', '<', '>', '"']) {
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        text.replace('"', "&quot;").into()
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::CONTENT_TYPE;

    use super::*;

    fn page(name: &str, accept: &'static str) -> Result<HttpResponse, Problem> {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
        explain_problem(name, &headers)
    }

    #[test]
    fn each_type_of_problem_has_a_page_and_no_other_name_has() {
        for kind in ProblemKind::ALL {
            let (_, uri, _) = kind.entry();
            let name = uri.strip_prefix("/problems/").unwrap();
            assert_eq!(page(name, "*/*").unwrap().status(), StatusCode::OK, "{name}");
            assert!(name.bytes().all(|it| it == b'-' || it.is_ascii_lowercase()), "{name}");
        }
        for name in ["", "not-Found", "not-found ", "not_found", "problems/not-found"] {
            assert!(matches!(page(name, "*/*"), Err(Problem::NotFound)), "{name:?}");
        }
    }

    #[test]
    fn a_page_has_the_status_the_meaning_the_cause_and_the_remedy() {
        for kind in ProblemKind::ALL {
            let (status, uri, title) = kind.entry();
            let text = markdown(*kind);
            let explanation = kind.explanation();
            for part in [
                status.as_str(),
                uri,
                title,
                explanation.meaning,
                explanation.cause,
                explanation.remedy,
            ] {
                assert!(!part.is_empty() && text.contains(part), "{uri}: {part:?}");
            }
            assert_eq!(text.matches('`').count() % 2, 0, "{uri}");
            assert!(explanation.remedy.ends_with('.'), "{uri}");
        }
    }

    #[test]
    fn a_browser_gets_html_and_any_other_client_markdown() {
        for (accept, content_type) in [
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", HTML),
            ("application/json, Text/HTML;level=1", HTML),
            ("*/*", MARKDOWN),
            ("text/html;q=0, text/plain", MARKDOWN),
            ("text/html;q=0.000", MARKDOWN),
            ("text/html;q=0.5", HTML),
            ("", MARKDOWN),
        ] {
            let response = page("not-json", accept).unwrap();
            assert_eq!(response.headers()[CONTENT_TYPE], content_type, "{accept}");
            assert_eq!(response.headers()[VARY], "accept");
        }
    }

    #[test]
    fn a_page_shows_code_and_escapes_what_html_would_read() {
        let page = html("# A & B\n\nSend `{\"a\": <b>}`.\n\n## Cause\n\nNone.\n");
        assert!(page.contains("<title>A &amp; B</title>"), "{page}");
        assert!(
            page.contains(
                "<h1>A &amp; B</h1>\n<p>Send <code>{&quot;a&quot;: &lt;b&gt;}</code>.</p>"
            )
        );
        assert!(page.contains("<h2>Cause</h2>\n<p>None.</p>\n</body>"), "{page}");
    }
}
