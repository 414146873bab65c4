//! The trace of the request that placed an order is in its row, and so in each outcome of inventory: that of the first
//! request that was processed.

use orders::{OrderId, Status};
use serde_json::Value;

use super::fixtures::{basket, item, with_payment_token};
use super::test_cluster::{TestCluster, with_shared_cluster};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const OTHER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

impl TestCluster {
    async fn post_in_trace(&self, key: &str, body: &Value, trace: Option<&str>) -> OrderId {
        let headers: Vec<_> = trace.map(|trace| ("traceparent", trace)).into_iter().collect();
        self.post_with(0, key, body, &headers).await.order_id()
    }

    /// The events of one order with these names, each with its trace.
    async fn traces_of(&self, id: OrderId, names: &[&str]) -> Vec<Option<String>> {
        let mut traces = Vec::new();
        for message in self.order_messages().await {
            // Other tests that share the cluster publish lines that cannot be parsed.
            let events = message.lines.iter().filter_map(|line| serde_json::from_slice(line).ok());
            for event in events.filter(|event: &Value| event["order_id"] == id.to_string()) {
                let is_named = |name: &&str| event["event"].get(name).is_some();
                if names.iter().any(is_named) {
                    traces.push(event["traceparent"].as_str().map(str::to_owned));
                }
            }
        }
        traces
    }

    async fn trace_in_row(&self, id: OrderId) -> Option<String> {
        let connection = self.sources.database.connection().await.unwrap();
        let select =
            "SELECT traceparent FROM inventory.reservations WHERE order_id = $1::text::uuid";
        connection.query_one(select, &[&id.to_string()]).await.unwrap().get(0)
    }
}

#[test]
fn the_trace_of_the_first_request_is_kept_with_the_order_and_in_the_outcomes_of_inventory() {
    with_shared_cluster(async |cluster| {
        cluster.load_catalog(&[item("TRACED", 10)]).await;
        let body = basket(&[("TRACED", 1)]);
        let id = cluster.post_in_trace("traced", &body, Some(TRACE)).await;
        let plain = cluster.post_in_trace("untraced", &body, None).await;
        let refused =
            cluster.post_in_trace("refused", &basket(&[("TRACED", 99)]), Some(TRACE)).await;
        let declined = with_payment_token(body.clone(), "tok_chargeDeclined");
        let cancelled = cluster.post_in_trace("cancelled", &declined, Some(TRACE)).await;
        let ids = [id, plain, refused, cancelled];
        let views = cluster.wait_until_final(&ids).await;
        assert_eq!(views[2].status, Status::Rejected);
        // A repeat is a request of another trace, and the order is that of the first.
        assert_eq!(cluster.post_in_trace("traced", &body, Some(OTHER)).await, id);

        let trace = &[Some(TRACE.to_owned())];
        assert_eq!(cluster.traces_of(id, &["reserved"]).await, trace);
        assert_eq!(cluster.traces_of(refused, &["rejected"]).await, trace);
        assert_eq!(cluster.traces_of(cancelled, &["cancelled"]).await, trace);
        assert_eq!(cluster.traces_of(plain, &["created", "reserved"]).await, [None, None]);
        assert_eq!(cluster.trace_in_row(id).await, trace[0]);
        assert_eq!(cluster.trace_in_row(plain).await, None);
        cluster.assert_consistent(&ids).await;
    });
}
