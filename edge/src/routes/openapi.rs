//! `GET /openapi.json`: the API as an `OpenAPI` 3.1 document.
//!
//! The document is made from the table of routes, the types of problems and the limits, by code that only the
//! tests contain: `UPDATE_DOCS=1 cargo test -p edge the_document_that_is_served` writes it, and the same test fails
//! while it is another.

#[cfg(test)]
mod components;
#[cfg(test)]
mod document;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod operation;
#[cfg(test)]
mod operations;
#[cfg(test)]
mod order_schemas;
#[cfg(test)]
mod response_schemas;
#[cfg(test)]
mod tests;

use super::docs_page::document;
use crate::response::HttpResponse;

const DOCUMENT: &[u8] = include_bytes!("../../openapi.json");

pub(super) fn get_openapi() -> HttpResponse {
    document("application/json", DOCUMENT)
}
