//! What each type of problem means, as `GET /problems/{name}` explains it.

use super::ProblemKind;

/// The explanation of a type of problem, for who reads it in a response. Plain text; a backtick begins and ends code.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Explanation {
    /// What became of the request.
    pub(crate) meaning: &'static str,
    /// How it comes to that.
    pub(crate) cause: &'static str,
    /// What the client, or who operates the cluster, does.
    pub(crate) remedy: &'static str,
}

const fn explain(meaning: &'static str, cause: &'static str, remedy: &'static str) -> Explanation {
    Explanation { meaning, cause, remedy }
}

impl ProblemKind {
    /// Why a request has this problem, and what removes it.
    #[expect(clippy::too_many_lines, reason = "a table with one entry for each problem")]
    pub(crate) const fn explanation(self) -> Explanation {
        match self {
            Self::MalformedPath => explain(
                "The path is not encoded as a URI is. Nothing was done.",
                "A `%` without two hexadecimal digits after it, or bytes that are not UTF-8.",
                "Encode each segment of the path with the function of your language for that, once.",
            ),
            Self::NotFound => explain(
                "No resource has this path. Nothing was done.",
                "A misspelt path, a path of another version, or webhooks on an edge that has no secret for them.",
                "Compare the path with `/openapi.json`. For webhooks, start the edges with a secret of the provider.",
            ),
            Self::MethodNotAllowed => explain(
                "The resource is there and does not support the method. Nothing was done.",
                "Often a redirect or a proxy that made a `GET` of a `POST`.",
                "Use one of the methods that the header `Allow` lists.",
            ),
            Self::InvalidHost => explain(
                "The request has no `Host` header, or several. Nothing was done.",
                "A client or a proxy that writes HTTP/1.1 by itself.",
                "Send one `Host` header (RFC 9112, section 3.2).",
            ),
            Self::HeadTooLarge => explain(
                "The target and the headers together are too large. Nothing was done.",
                "Mostly cookies or tokens that have grown, or too many parameters.",
                "Send fewer and shorter headers; no route needs a cookie.",
            ),
            Self::UnknownParameter => explain(
                "A `POST` had a query parameter. Nothing was done.",
                "These routes take no parameters, and one that is ignored might have been meant to matter.",
                "Leave the parameter out; what the order says is in its body.",
            ),
            Self::UnsupportedContentEncoding => explain(
                "The body is compressed, and was not read.",
                "A client or a proxy that compresses requests.",
                "Send the body as it is, without `Content-Encoding`.",
            ),
            Self::UnsupportedTransferCoding => explain(
                "The body has a transfer coding besides `chunked`, and was not read.",
                "A proxy that compresses what it transfers.",
                "Send `Content-Length`, or `Transfer-Encoding: chunked` alone.",
            ),
            Self::UnsupportedMediaType => explain(
                "The body has another content type than the route reads. Nothing was done.",
                "A missing `Content-Type`, one that is sent twice, or the default of a client, such as a form.",
                "Send `application/json`, or `application/x-ndjson` for a batch.",
            ),
            Self::KeyMissing => explain(
                "The order has no `Idempotency-Key`, and was not stored.",
                "Without a key a repeated request would be a second order.",
                "Send a key that is the order's own, such as the id of the cart, and repeat it with every attempt.",
            ),
            Self::KeyDuplicated | Self::KeyInvalid => explain(
                "The `Idempotency-Key` cannot be used, and the order was not stored.",
                "The header is sent twice, is empty or too long, or has a space or a character beyond ASCII.",
                "Send it once, in visible ASCII characters. A UUID is fine.",
            ),
            Self::HeaderMissing => explain(
                "The cancellation was not requested.",
                "A request without a body needs a header that no web page of another site sends unasked.",
                "Send `Content-Type: application/json` or any `Idempotency-Key`.",
            ),
            Self::BodyTooLarge => explain(
                "The body, or a line of a batch, is larger than an order can be. It was not stored.",
                "An order with too much in it, or several orders in the body of one.",
                "`detail` has the limit. Many orders are lines of `POST /v1/orders:batch`.",
            ),
            Self::BodyTimeout => explain(
                "The body did not arrive in time, and was not stored.",
                "A slow connection, or a client that announces more bytes than it sends.",
                "Repeat the request with the same key; send the whole body at once.",
            ),
            Self::BodyTruncated => explain(
                "The connection ended before the body did, and nothing was stored.",
                "The client or a proxy gave up, or the network failed.",
                "Repeat the request with the same key.",
            ),
            Self::InvalidJson => explain(
                "The body is not JSON. Nothing was stored.",
                "A syntax error, which `detail` names with its place, or text that is not UTF-8.",
                "Write the body with a JSON library (RFC 8259), in UTF-8.",
            ),
            Self::InvalidOrder => explain(
                "The body is JSON and not an order. It was not stored.",
                "Members that are missing, unknown or out of their bounds, or a total that does not add up.",
                "Correct each member that `errors` points at (JSON pointers, RFC 6901), and send it again.",
            ),
            Self::InvalidPayment => explain(
                "The body does not continue a payment. Nothing was submitted.",
                "A token that cannot be one, or an unknown member; `errors` points at it.",
                "Send `{\"token\": \"…\"}` to pay with another payment method, or `{}` after authentication.",
            ),
            Self::NoPaymentRequired => explain(
                "Nothing was submitted: the order waits for nothing from its buyer.",
                "It is paid or cancelled already, or its payment still goes on.",
                "Read the order. Only one with the status `requires_action` can be paid.",
            ),
            Self::InvalidAfter => explain(
                "The query names a status that there is not. Nothing was read.",
                "A misspelt status, or one of a later version than the edge.",
                "Give a `status` as a response has it, such as `reserved`, or leave `after` out.",
            ),
            Self::InvalidFields => explain(
                "The order was not read.",
                "The parameter `fields` has a value that is not known.",
                "Send `fields=status` for the status alone, or leave `fields` out.",
            ),
            Self::StatusUnavailable => explain(
                "The order is stored and goes on, and its status cannot be read now. A payment was not submitted.",
                "No worker answered in time: none runs, all are busy, or the database is not reachable.",
                "Retry after the seconds of `Retry-After`. If it lasts, an operator looks at the workers.",
            ),
            Self::InvalidSignature => explain(
                "The webhook was not taken.",
                "`Stripe-Signature` is missing, too old, or made with another secret.",
                "Give the edges the secret of this endpoint, and synchronise their clocks.",
            ),
            Self::KeyReused => explain(
                "Another order is processed under this `Idempotency-Key`, and this one is not.",
                "The client changed the body and kept the key, or gave the key to two orders.",
                "Read the first order, or send this one under a new key.",
            ),
            Self::Overloaded | Self::TooManyFollowers => explain(
                "The request was not accepted, and nothing was stored.",
                "More requests wait on this edge than it has room for.",
                "Repeat it with the same key after the seconds of `Retry-After`, on any edge. If it lasts, add edges.",
            ),
            Self::StreamFull => explain(
                "The request was not accepted, and nothing was stored.",
                "The stored orders fill the streams, since they are not processed as fast as they come.",
                "Repeat it later with the same key. An operator looks at the workers and the disks of the brokers.",
            ),
            Self::BacklogTooOld => explain(
                "The order was not accepted, and nothing was stored.",
                "The oldest order waits for inventory longer than a buyer would.",
                "Repeat it later with the same key. An operator looks at the workers of inventory.",
            ),
            Self::IntakePaused => explain(
                "The order was not accepted, and nothing was stored. Orders that are stored go on.",
                "An operator has paused the intake.",
                "Repeat it later with the same key.",
            ),
            Self::NotDurable => explain(
                "The request was not accepted, since it might be lost.",
                "A broker or a stream is set so that it would not keep what it acknowledges.",
                "Repeat it later with the same key. `/readyz` says to an operator what is set otherwise.",
            ),
            Self::AckTimeout => explain(
                "It is unknown whether the request is stored.",
                "No broker acknowledged it in time, as while one fails.",
                "Repeat it with the same key, on any edge, until it is answered: it is never done twice.",
            ),
            Self::Unauthenticated => explain(
                "The request has no caller. Nothing was done.",
                "No token, one that has expired or is for another audience, or one that the issuer has not signed.",
                "Read `detail`, get a token of the issuer that the edge trusts, and send it as `Bearer`.",
            ),
            Self::IdentityUnavailable => explain(
                "Tokens cannot be verified. Nothing was done.",
                "The edge has started, and the issuer has not answered yet with its keys.",
                "Repeat it after the seconds of `Retry-After`. If it lasts, read the log of the edge.",
            ),
            Self::InvalidCaller => explain(
                "The caller for whom the request is made is not a name. Nothing was done.",
                "`On-Behalf-Of` is sent twice, is empty or too long, or has a space or a character beyond ASCII.",
                "Send the buyer's name once, as the subject of a token would have it.",
            ),
            Self::ScopeMissing => explain(
                "The token does not permit the request. Nothing was stored.",
                "An order with `adjustments` of a caller that may not set prices, for example.",
                "Send it with a token that has the scope that `detail` names, such as that of your backend.",
            ),
            Self::QuotaExceeded => explain(
                "The caller, or the address, has made more requests than it may. Nothing was done.",
                "A loop without a pause, or many clients behind a balancer that the edge does not know.",
                "Repeat it with the same key after the seconds of `Retry-After`. `violated-policies` names the quota.",
            ),
            Self::NoSuchOrder => explain(
                "No edge of this cluster has issued this order id.",
                "A misspelt or shortened id, or one of another cluster.",
                "Use the `order_id` of the response to the order, as it is.",
            ),
            Self::NotCancellable => explain(
                "The cancellation was not requested: the order is final.",
                "It is shipped, or was rejected, before the request came.",
                "Read the order. What is shipped is returned, not cancelled.",
            ),
            Self::InvalidListing => explain(
                "The query does not say which orders to list. Nothing was read.",
                "A parameter that is misspelt, sent twice or out of its bounds, or a cursor that no response had.",
                "`detail` has the parameters. Repeat those of the first page with each cursor.",
            ),
            Self::CallerRequired => explain(
                "The edge knows no callers, and so nothing of whose an order is. Nothing was read.",
                "The edge runs with `--identity none`.",
                "Get each order by its id, or have the edges authenticate callers.",
            ),
            Self::ListingUnavailable => explain(
                "The orders cannot be listed now. They go on.",
                "No worker of inventory answered in time: none runs, all are busy, or the database is not reachable.",
                "Retry after the seconds of `Retry-After`. If it lasts, an operator looks at the workers.",
            ),
            Self::InvalidStockQuery => explain(
                "No stock was read.",
                "No `sku`, too many, one that cannot be a SKU, or another parameter.",
                "Name each SKU once: `?sku=A&sku=B`. `detail` says how many there may be.",
            ),
            Self::NoSuchSku => explain(
                "The catalogue does not have this SKU.",
                "A misspelling, or an item that is not loaded yet.",
                "Compare the SKU with the catalogue; letters are not interchangeable.",
            ),
            Self::StockUnavailable => explain(
                "The stock cannot be read now. Orders are accepted all the same.",
                "No worker of inventory answered in time, and Redis has nothing recent.",
                "Retry after the seconds of `Retry-After`, or sell without showing the stock.",
            ),
        }
    }
}
