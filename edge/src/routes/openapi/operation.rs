//! An operation: what a route takes, and everything that it can answer.

use std::collections::BTreeMap;

use hyper::{Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::problem::ProblemKind;
use crate::routes::table::Route;

/// An operation, besides what the table of routes says about it.
#[derive(Default)]
pub(super) struct Operation {
    pub(super) id: &'static str,
    pub(super) tag: &'static str,
    pub(super) description: &'static str,
    /// Names of parameters in the components.
    pub(super) parameters: Vec<&'static str>,
    pub(super) body: Option<Content>,
    pub(super) answers: Vec<Answer>,
    /// Besides those of every request.
    pub(super) problems: Vec<ProblemKind>,
}

/// A response that is not a problem.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) description: &'static str,
    /// Names of headers in the components.
    pub(super) headers: Vec<&'static str>,
    pub(super) content: Vec<Content>,
    /// Operations on the order whose id the body has.
    pub(super) links: &'static [&'static str],
}

/// What a body is, with an example.
pub(super) struct Content {
    pub(super) media_type: &'static str,
    pub(super) schema: Value,
    pub(super) example: Value,
}

/// What any request may be answered with.
const OF_EACH: [ProblemKind; 3] =
    [ProblemKind::InvalidHost, ProblemKind::HeadTooLarge, ProblemKind::UnsupportedTransferCoding];
const OF_EACH_POST: [ProblemKind; 2] =
    [ProblemKind::UnknownParameter, ProblemKind::UnsupportedContentEncoding];
/// Where a path has a parameter, an encoding of it may be malformed, or may contain no segment.
const OF_EACH_PARAMETER: [ProblemKind; 2] = [ProblemKind::MalformedPath, ProblemKind::NotFound];

/// Where a caller is authenticated.
const OF_EACH_CALLER: [ProblemKind; 6] = [
    ProblemKind::Unauthenticated,
    ProblemKind::IdentityUnavailable,
    ProblemKind::InvalidCaller,
    ProblemKind::ScopeMissing,
    ProblemKind::QuotaExceeded,
    ProblemKind::Overloaded,
];
/// What is left of the caller's quota.
const OF_EACH_QUOTA: [&str; 2] = ["RateLimit", "RateLimit-Policy"];

impl Operation {
    /// The operation of `route` in the document.
    pub(super) fn to_value(&self, route: &Route) -> Value {
        let mut operation = json!({
            "operationId": self.id,
            "tags": [self.tag],
            "summary": route.summary,
            "description": self.description,
            "parameters": self.parameters(route),
            "responses": self.responses(route),
        });
        if let Some(scope) = route.scope {
            // An edge with `--identity none` asks for no token.
            operation["security"] = json!([{"bearer": [scope.as_str()]}, {}]);
        }
        if let Some(body) = &self.body {
            operation["requestBody"] = json!({"required": true, "content": content(&[body])});
        }
        operation
    }

    fn parameters(&self, route: &Route) -> Vec<Value> {
        let of_caller = route.scope.map(|_| "OnBehalfOf");
        let names = self.parameters.iter().copied().chain(of_caller).chain(["RequestId"]);
        names.map(parameter).collect()
    }

    fn responses(&self, route: &Route) -> Value {
        let mut responses = Map::new();
        for answer in &self.answers {
            responses.insert(answer.status.as_str().to_owned(), answer.to_value(route));
        }
        let mut by_status = BTreeMap::<_, Vec<_>>::new();
        for kind in self.kinds(route) {
            let kinds = by_status.entry(kind.entry().0).or_default();
            if !kinds.iter().any(|other: &ProblemKind| other.name() == kind.name()) {
                kinds.push(kind);
            }
        }
        for (status, kinds) in by_status {
            let response = problems(status, &kinds, quota_headers(route));
            let before = responses.insert(status.as_str().to_owned(), response);
            assert!(before.is_none(), "{} has two responses with {status}", self.id);
        }
        responses.into()
    }

    /// The problems of this operation, and those of every request.
    fn kinds(&self, route: &Route) -> impl Iterator<Item = ProblemKind> {
        let of_post = OF_EACH_POST.into_iter().filter(|_| route.method == Method::POST);
        let of_parameter = OF_EACH_PARAMETER.into_iter().filter(|_| route.path.contains('{'));
        let of_caller = OF_EACH_CALLER.into_iter().filter(|_| route.scope.is_some());
        let own = self.problems.iter().copied().chain(of_caller);
        own.chain(OF_EACH).chain(of_post).chain(of_parameter)
    }
}

impl Answer {
    fn to_value(&self, route: &Route) -> Value {
        let names = self.headers.iter().copied().chain(quota_headers(route).iter().copied());
        let mut answer = json!({
            "description": self.description,
            "headers": headers(names),
        });
        if !self.content.is_empty() {
            answer["content"] = content(&self.content.iter().collect::<Vec<_>>());
        }
        if !self.links.is_empty() {
            answer["links"] = links(self.links);
        }
        answer
    }
}

fn links(operations: &[&str]) -> Value {
    let links = operations.iter().map(|id| {
        let parameters = json!({"id": "$response.body#/order_id"});
        ((*id).to_owned(), json!({"operationId": id, "parameters": parameters}))
    });
    links.collect::<Map<_, _>>().into()
}

fn quota_headers(route: &Route) -> &'static [&'static str] {
    if route.scope.is_some() { &OF_EACH_QUOTA } else { &[] }
}

/// The response with one of these problems, of a route whose responses have these headers.
pub(super) fn problems(
    status: StatusCode,
    kinds: &[ProblemKind],
    of_route: &[&'static str],
) -> Value {
    let titles: Vec<_> = kinds.iter().map(|kind| kind.entry().2).collect();
    let types: Vec<_> = kinds.iter().map(|kind| kind.entry().1).collect();
    let examples = kinds.iter().map(|kind| {
        let name = kind.name();
        (name.to_owned(), json!({"$ref": format!("#/components/examples/{name}")}))
    });
    let own = match status {
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => Some("Retry-After"),
        StatusCode::METHOD_NOT_ALLOWED => Some("Allow"),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Some("Accept-Encoding"),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Some("WWW-Authenticate"),
        _ => None,
    };
    json!({
        "description": titles.join("; "),
        "headers": headers(own.into_iter().chain(of_route.iter().copied())),
        "content": {"application/problem+json": {
            "schema": {
                "allOf": [
                    {"$ref": "#/components/schemas/Problem"},
                    {"properties": {
                        "type": {"enum": types},
                        "status": {"const": status.as_u16()},
                    }},
                ],
            },
            "examples": examples.collect::<Map<_, _>>(),
        }},
    })
}

fn headers<'a>(names: impl IntoIterator<Item = &'a str>) -> Value {
    let names = names.into_iter().chain(["Request-Id"]);
    let headers = names
        .map(|name| (name.to_owned(), json!({"$ref": format!("#/components/headers/{name}")})));
    headers.collect::<Map<_, _>>().into()
}

fn content(contents: &[&Content]) -> Value {
    let contents = contents.iter().map(|content| {
        let Content { media_type, schema, example } = content;
        ((*media_type).to_owned(), json!({"schema": schema, "example": example}))
    });
    contents.collect::<Map<_, _>>().into()
}

fn parameter(name: &'static str) -> Value {
    json!({"$ref": format!("#/components/parameters/{name}")})
}

/// A reference to a schema of the components.
pub(super) fn schema(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}
