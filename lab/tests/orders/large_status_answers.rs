//! Orders whose status takes many bytes: they are rejected with a thousand SKUs. What many of them
//! say together does not fit into one message of the brokers.

use futures_util::future::{join_all, select};
use hyper::StatusCode;
use serde_json::Value;
use std::pin::pin;

use super::fixtures::{basket, item};
use super::http_client::HttpResponse;
use super::test_cluster::{TestCluster, wait_until, with_shared_cluster};

/// 67 KB each, more than a message of 1 MB can have.
const LARGE: usize = 18;
const SMALL: usize = 3;
/// Cancellations of each order.
const CANCELLATIONS: usize = 2;

/// An order that is answered 202, and the status that it must have.
struct Placed {
    signed_id: String,
    expected: &'static str,
}

#[test]
fn large_status_answers_are_split_and_those_of_other_orders_are_given_all_the_while() {
    with_shared_cluster(async |cluster| {
        let (large, small) = cluster.place_large_and_small().await;
        // The large ones are asked for all the time, as checkouts do.
        let polling = async {
            loop {
                join_all(large.iter().map(|order| cluster.checked_status(order))).await;
            }
        };
        let watched = async {
            for order in small.iter().chain(&large) {
                wait_until("the status is given", async || cluster.checked_status(order).await)
                    .await;
            }
        };
        select(pin!(polling), pin!(watched)).await;

        for _ in 0..CANCELLATIONS {
            join_all(small.iter().chain(&large).map(|order| cluster.check_cancellation(order)))
                .await;
        }
    });
}

impl TestCluster {
    async fn place_large_and_small(&self) -> (Vec<Placed>, Vec<Placed>) {
        self.load_catalog(&[item("BESIDE-LARGE", 100)]).await;
        let skus: Vec<_> = (0..1_000).map(|line| format!("{line:064}")).collect();
        let lines: Vec<_> = skus.iter().map(|sku| (sku.as_str(), 1)).collect();
        let large = self.place_expecting("rejected", LARGE, &basket(&lines)).await;
        let small = basket(&[("BESIDE-LARGE", 1)]);
        (large, self.place_expecting("fulfilled", SMALL, &small).await)
    }

    async fn place_expecting(
        &self,
        expected: &'static str,
        count: usize,
        body: &Value,
    ) -> Vec<Placed> {
        let mut placed = Vec::new();
        let mut ids = Vec::new();
        for number in 0..count {
            let response = self.post(0, &format!("large-answers-{expected}-{number}"), body).await;
            ids.push(response.order_id());
            placed.push(Placed { signed_id: response.signed_id().to_owned(), expected });
        }
        self.wait_until_final(&ids).await;
        placed
    }

    /// Whether the edge knows the status of an order. Panics if it says a wrong one.
    async fn checked_status(&self, order: &Placed) -> bool {
        let url = format!("{}/v1/orders/{}", self.edge_urls()[0], order.signed_id);
        let HttpResponse { status, body, .. } = self.http.get(&url).await;
        if status == StatusCode::SERVICE_UNAVAILABLE {
            assert_eq!(body["type"], "/problems/status-unavailable");
            return false;
        }
        assert_eq!((status, &body["status"]), (StatusCode::OK, &order.expected.into()));
        true
    }

    /// A final order is not cancellable, and one whose status is unknown has none in the response.
    async fn check_cancellation(&self, order: &Placed) {
        let HttpResponse { status, body, .. } = self.cancel(0, &order.signed_id).await;
        if status == StatusCode::ACCEPTED {
            assert_eq!(body["status"], Value::Null);
        } else {
            assert_eq!((status, &body["type"]), (StatusCode::CONFLICT, &NOT_CANCELLABLE.into()));
        }
    }
}

const NOT_CANCELLABLE: &str = "/problems/not-cancellable";
