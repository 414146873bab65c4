//! The operation of each endpoint: what it takes, and what it answers.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::examples as example;
use super::operation::{Answer, Content, Operation, schema};
use crate::problem::ProblemKind as P;
use crate::routes::table::Endpoint;

/// Why new orders are refused, also while nothing is wrong with them.
pub(super) const INTAKE: [P; 5] =
    [P::IntakePaused, P::StreamFull, P::BacklogTooOld, P::NotDurable, P::Overloaded];
/// Why requests about stored orders are.
const REQUESTS: [P; 4] = [P::StreamFull, P::NotDurable, P::Overloaded, P::AckTimeout];
/// Why a body is not read.
const BODY: [P; 4] = [P::BodyTooLarge, P::BodyTimeout, P::BodyTruncated, P::Overloaded];
/// Why an order is not placed, whether alone or in a line of a batch.
pub(super) const ORDER: [P; 4] = [P::InvalidJson, P::InvalidOrder, P::ScopeMissing, P::KeyReused];

/// What the document says about an endpoint.
pub(super) fn operation(endpoint: Endpoint) -> Operation {
    match endpoint {
        Endpoint::PlaceOrder => place_order(),
        Endpoint::PlaceBatch => place_batch(),
        Endpoint::ListOrders => list_orders(),
        Endpoint::GetOrderStatus => get_order(),
        Endpoint::FollowOrder => follow_order(),
        Endpoint::CreateEventsToken => create_events_token(),
        Endpoint::CancelOrder => cancel_order(),
        Endpoint::SubmitPayment => submit_payment(),
        Endpoint::ReceiveProviderEvent => receive_provider_event(),
        Endpoint::ListStock => list_stock(),
        Endpoint::GetStock => get_stock(),
        Endpoint::Livez => livez(),
        Endpoint::Readyz => readyz(),
        Endpoint::GetOpenApi => get_openapi(),
        Endpoint::ShowDocs => show_docs(),
        Endpoint::GetDocsScript => get_docs_script(),
        Endpoint::ExplainProblem => explain_problem(),
    }
}

fn place_order() -> Operation {
    Operation {
        id: "placeOrder",
        tag: "orders",
        description: "The 202 comes when the order is durable. Repeat the request with the same key as often as \
                      needed, on any edge: it is one order. With `Prefer: wait=2` it waits until the order is final or \
                      needs its buyer, or until the wait is over.",
        parameters: vec!["IdempotencyKey", "Prefer"],
        body: Some(json("PlaceOrder", example::order())),
        answers: vec![Answer {
            status: StatusCode::ACCEPTED,
            description: "The order is stored",
            headers: vec!["Location", "Idempotent-Replayed", "Cache-Control", "Preference-Applied"],
            content: vec![json("AcceptedOrder", example::accepted_order())],
            links: &["getOrder", "followOrder", "cancelOrder", "submitPayment"],
        }],
        problems: [
            &[P::KeyMissing, P::KeyInvalid, P::UnsupportedMediaType, P::AckTimeout][..],
            &ORDER,
            &INTAKE,
            &BODY,
        ]
        .concat(),
    }
}

fn place_batch() -> Operation {
    Operation {
        id: "placeOrders",
        tag: "orders",
        description: "Each line of the body is a `BatchLine`, and each line of the response a `BatchAnswer`, in \
                      the same sequence and while the batch goes on. A line that is refused fails alone. A line \
                      without an answer is sent again, under its key.",
        body: Some(lines("BatchLine", &[example::batch_line()])),
        answers: vec![Answer {
            status: StatusCode::OK,
            description: "A line for each line",
            headers: vec!["Cache-Control"],
            content: vec![lines("BatchAnswer", &example::batch_answers())],
            links: &[],
        }],
        problems: [&[P::UnsupportedMediaType][..], &INTAKE].concat(),
        ..Operation::default()
    }
}

fn list_orders() -> Operation {
    Operation {
        id: "listOrders",
        tag: "orders",
        description: "The newest first, and nothing about a person. An order is listed once inventory has processed \
                      it. A page may have fewer orders than `limit`, or none: ask with `next` as the cursor, and the \
                      same parameters, until it is null. With `idempotency_key` alone: the order under that key, if \
                      there is one. An edge that authenticates no callers lists none (403).",
        parameters: vec!["Reference", "Status", "CreatedAfter", "Limit", "Cursor", "OfKey"],
        answers: vec![answer("A page of orders", "OrderList", example::order_list())],
        problems: vec![P::InvalidListing, P::CallerRequired, P::ListingUnavailable, P::Overloaded],
        ..Operation::default()
    }
}

fn get_order() -> Operation {
    Operation {
        id: "getOrder",
        tag: "orders",
        description: "Its status comes from the database, or is not given. `order` is absent until inventory has \
                      processed it, while no worker of inventory answers, and with `fields=status`. With \
                      `Prefer: wait=20` it waits for a status after that in `after`, or for a final one.",
        parameters: vec!["OrderId", "Fields", "After", "Prefer"],
        answers: vec![Answer {
            headers: vec!["Cache-Control", "Preference-Applied"],
            ..answer("The order", "OrderStatus", example::order_status())
        }],
        problems: vec![
            P::InvalidFields,
            P::InvalidAfter,
            P::NoSuchOrder,
            P::StatusUnavailable,
            P::TooManyFollowers,
        ],
        ..Operation::default()
    }
}

fn follow_order() -> Operation {
    let all = Answer {
        status: StatusCode::NO_CONTENT,
        description: "The client has seen the final status",
        headers: Vec::new(),
        content: Vec::new(),
        links: &[],
    };
    Operation {
        id: "followOrder",
        tag: "orders",
        description: "Server-sent events, as `EventSource` reads them: one for each status that the order has reached, \
                      then each when it is reached, until it is final. The id of an event is its status.",
        parameters: vec!["OrderId", "After", "LastEventId", "EventsToken"],
        answers: vec![
            Answer {
                status: StatusCode::OK,
                description: "The statuses after the one that the client has seen",
                headers: vec!["Cache-Control", "X-Accel-Buffering"],
                content: vec![events(example::EVENTS)],
                links: &[],
            },
            all,
        ],
        problems: vec![
            P::InvalidFields,
            P::InvalidAfter,
            P::NoSuchOrder,
            P::StatusUnavailable,
            P::TooManyFollowers,
        ],
        ..Operation::default()
    }
}

fn create_events_token() -> Operation {
    Operation {
        id: "createEventsToken",
        tag: "orders",
        description: "For `EventSource` of browsers, which sends no `Authorization`: the token is the parameter \
                      `token` of `followOrder`. It is for this order and nothing else, for ten minutes.",
        parameters: vec!["OrderId"],
        answers: vec![answer("The token", "EventsToken", example::events_token())],
        problems: vec![P::NoSuchOrder],
        ..Operation::default()
    }
}

fn cancel_order() -> Operation {
    Operation {
        id: "cancelOrder",
        tag: "orders",
        description: "May be repeated. The 202 means that the request is stored, or that the order is being \
                      cancelled already; fulfilment decides. A body is ignored. The request has \
                      `Content-Type: application/json` or any `Idempotency-Key`.",
        parameters: vec!["OrderId", "AnyKey"],
        answers: vec![stored_request()],
        problems: [&[P::HeaderMissing, P::NoSuchOrder, P::NotCancellable][..], &REQUESTS].concat(),
        ..Operation::default()
    }
}

fn submit_payment() -> Operation {
    let own = [
        P::NoSuchOrder,
        P::UnsupportedMediaType,
        P::InvalidJson,
        P::InvalidPayment,
        P::NoPaymentRequired,
        P::StatusUnavailable,
    ];
    Operation {
        id: "submitPayment",
        tag: "payments",
        description: "While the status is `requires_action`: the buyer has authenticated the payment, or pays \
                      with another payment method. Payment asks the provider, and decides.",
        parameters: vec!["OrderId"],
        body: Some(json("SubmitPayment", json!({"token": "tok_visa"}))),
        answers: vec![stored_request()],
        problems: [&own[..], &BODY, &REQUESTS].concat(),
    }
}

fn receive_provider_event() -> Operation {
    Operation {
        id: "receiveProviderEvent",
        tag: "payments",
        description: "An event of the payment provider is a reason to ask the provider, and no more. Without a \
                      secret for webhooks an edge answers 404.",
        parameters: vec!["StripeSignature"],
        body: Some(json("ProviderEvent", example::provider_event())),
        answers: vec![answer("The event is taken", "ReceivedEvent", json!({"received": true}))],
        problems: [&[P::NotFound, P::InvalidSignature, P::StatusUnavailable][..], &BODY, &REQUESTS]
            .concat(),
    }
}

fn list_stock() -> Operation {
    Operation {
        id: "listStock",
        tag: "stock",
        description: "At most two seconds old. The reservation decides in any case.",
        parameters: vec!["Skus"],
        answers: vec![answer("The stock of each SKU", "StockList", example::stock_list())],
        problems: vec![P::InvalidStockQuery, P::StockUnavailable],
        ..Operation::default()
    }
}

fn get_stock() -> Operation {
    Operation {
        id: "getStock",
        tag: "stock",
        description: "At most two seconds old. The reservation decides in any case.",
        parameters: vec!["Sku"],
        answers: vec![answer("The stock", "Stock", example::stock())],
        problems: vec![P::NoSuchSku, P::StockUnavailable],
        ..Operation::default()
    }
}

fn livez() -> Operation {
    Operation {
        id: "checkLiveness",
        tag: "health",
        description: "Only a restart can help a process that does not answer.",
        answers: vec![plain(StatusCode::OK, "The process runs", "ok\n")],
        ..Operation::default()
    }
}

fn readyz() -> Operation {
    Operation {
        id: "checkReadiness",
        tag: "health",
        description: "For balancers.",
        answers: vec![
            plain(
                StatusCode::OK,
                "An order that arrives now can be expected to be accepted",
                "ok\n",
            ),
            plain(StatusCode::SERVICE_UNAVAILABLE, "Why it cannot, for operators", "draining\n"),
        ],
        ..Operation::default()
    }
}

fn get_openapi() -> Operation {
    let description = "OpenAPI 3.1.";
    let content = Content {
        media_type: "application/json",
        schema: json!({"type": "object", "required": ["openapi", "info", "paths"]}),
        example: json!({"openapi": "3.1.0", "info": {"title": "Millrace", "version": "v1"}, "paths": {}}),
    };
    document("getOpenApi", description, content, &[])
}

fn show_docs() -> Operation {
    let description = "Shows `/openapi.json` in a browser, and asks no other host.";
    let page = text("text/html", "<!DOCTYPE html>\n<html lang=\"en\">…</html>\n");
    document("showDocs", description, page, &["Content-Security-Policy"])
}

fn get_docs_script() -> Operation {
    let script = text("text/javascript", "(()=>{…})()");
    document("getDocsScript", "RapiDoc, which shows the document.", script, &[])
}

fn explain_problem() -> Operation {
    let markdown = "# Invalid JSON\n\n`/problems/not-json`, status 400 Bad Request\n\n…\n";
    let description = "The `type` of a problem document leads here. A browser gets HTML, and any other client \
                       Markdown.";
    let headers = ["Content-Security-Policy", "Vary"];
    let mut operation =
        document("explainProblem", description, text("text/markdown", markdown), &headers);
    operation.parameters.push("ProblemName");
    let page = text("text/html", "<!DOCTYPE html>\n<html lang=\"en\">…</html>\n");
    operation.answers[0].content.push(page);
    operation
}

/// A `GET` of a part of the binary.
fn document(
    id: &'static str,
    description: &'static str,
    content: Content,
    headers: &[&'static str],
) -> Operation {
    let headers = [&["Cache-Control", "X-Content-Type-Options"], headers].concat();
    let answer = Answer {
        status: StatusCode::OK,
        description: "The document",
        headers,
        content: vec![content],
        links: &[],
    };
    Operation { id, tag: "documents", description, answers: vec![answer], ..Operation::default() }
}

fn stored_request() -> Answer {
    Answer {
        status: StatusCode::ACCEPTED,
        ..answer("The request is stored", "StoredRequest", example::stored_request())
    }
}

/// A 200 with JSON that no cache may store.
fn answer(description: &'static str, schema: &str, example: Value) -> Answer {
    Answer {
        status: StatusCode::OK,
        description,
        headers: vec!["Cache-Control"],
        content: vec![json(schema, example)],
        links: &[],
    }
}

fn plain(status: StatusCode, description: &'static str, example: &str) -> Answer {
    Answer {
        status,
        description,
        headers: Vec::new(),
        content: vec![text("text/plain", example)],
        links: &[],
    }
}

fn json(name: &str, example: Value) -> Content {
    Content { media_type: "application/json", schema: schema(name), example }
}

fn text(media_type: &'static str, example: &str) -> Content {
    Content { media_type, schema: json!({"type": "string"}), example: example.into() }
}

/// Without a type: some tools apply the schema to the whole body, others to each event.
fn events(example: &str) -> Content {
    let description = "Server-sent events. \
                       `data` is JSON with `status`, `at` and, of some, `reason`; `id` is the status.";
    Content {
        media_type: "text/event-stream",
        schema: json!({"description": description}),
        example: example.into(),
    }
}

/// Lines of JSON. `OpenAPI` has no schema for a line before 3.2, which calls it `itemSchema`.
fn lines(name: &str, example: &[Value]) -> Content {
    let example = example.iter().map(|line| format!("{line}\n")).collect::<Vec<_>>().concat();
    let schema = json!({"type": "string", "x-item-schema": schema(name)});
    Content { media_type: "application/x-ndjson", schema, example: example.into() }
}
