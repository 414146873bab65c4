//! What is added to the lines of an order and taken off: the total is charged, and what costs nothing is paid
//! without the provider.

use orders::{EventKind, OrderId, Reason, Rejection, Status};
use serde_json::{Value, json};
use streams::Profile;
use workers::inventory::stock::CatalogItem;

use super::fixtures::{PRICE, basket, item};
use super::test_cluster::{TestCluster, plan, wait_until, with_shared_cluster};

/// The SKUs that begin so cannot be shipped.
const UNSHIPPABLE: &str = "STUCK";

/// A basket of 500 with adjustments of these types and amounts.
fn adjusted(sku: &str, adjustments: &[(&str, i64)]) -> Value {
    let mut body = basket(&[(sku, 2)]);
    let adjustments = adjustments
        .iter()
        .map(|(kind, amount)| json!({"type": kind, "label": kind, "amount": amount}));
    body["adjustments"] = adjustments.collect();
    body
}

#[tokio::test]
async fn an_adjusted_total_is_charged_and_nothing_is_paid_without_the_provider() {
    use Status::*;
    let mut plan = plan(Profile::Single);
    plan.envs.push(("MILLRACE_UNSHIPPABLE".to_owned(), UNSHIPPABLE.to_owned()));
    let cluster = TestCluster::start(plan).await;
    cluster.load_catalog(&[item("ADJUSTED", 100), item(UNSHIPPABLE, 100)]).await;
    let (mut dearer, cheaper) = (
        adjusted("ADJUSTED", &[("shipping", 499), ("tax", 100)]),
        adjusted("ADJUSTED", &[("discount", -499)]),
    );
    dearer["expected_total"] = json!(2 * PRICE + 599);
    let free = |sku| {
        let mut body = adjusted(sku, &[("shipping", 499), ("gift_card", -999)]);
        body.as_object_mut().unwrap().remove("payment");
        body
    };
    let shown = cluster.post(0, "dearer", &dearer).await;
    let dearer = shown.order_id();
    let cheaper = cluster.place("cheaper", &cheaper).await;
    let nothing = cluster.place("free", &free("ADJUSTED")).await;
    let withdrawn = cluster.place("free-withdrawn", &free(UNSHIPPABLE)).await;
    let ids = [dearer, cheaper, nothing, withdrawn];
    let statuses: Vec<Status> =
        cluster.wait_until_final(&ids).await.iter().map(|view| view.status).collect();
    assert_eq!(statuses, [Fulfilled, Fulfilled, Fulfilled, Cancelled]);

    assert_eq!(cluster.payment(dearer).await, json!({"amount": 1_099, "intent": true}));
    assert_eq!(cluster.payment(cheaper).await, json!({"amount": 1, "intent": true}));
    for id in [nothing, withdrawn] {
        assert_eq!(cluster.payment(id).await, json!({"amount": 0, "intent": false}));
    }
    let history: Vec<Status> = cluster.views(&[withdrawn]).await[0]
        .iter()
        .flat_map(|it| &it.history)
        .map(|it| it.status)
        .collect();
    assert_eq!(history, [Accepted, Reserved, Paid, Withdrawn, Refunded, Cancelled]);
    cluster.wait_for_event(nothing, EventKind::Fulfilled).await;
    let url = format!("{}/v1/orders/{}", cluster.edge_urls()[0], shown.signed_id());
    wait_until("the order is shown", async || {
        let order = cluster.http.get(&url).await.body["order"].take();
        assert!(order.is_null() || order["total"] == 1_099, "{order}");
        order["adjustments"][0] == json!({"type": "shipping", "label": "shipping", "amount": 499})
    })
    .await;
    assert_eq!(cluster.on_hand(UNSHIPPABLE).await, 100);
    cluster.verify_and_stop(&ids).await;
}

#[test]
fn what_the_catalogue_gives_away_costs_nothing_and_anything_else_does_not() {
    with_shared_cluster(async |cluster| {
        let gift = CatalogItem { unit_price: 0, ..item("GIFT", 10) };
        cluster.load_catalog(&[item("SOLD-DEAR", 10), gift]).await;
        let line = |sku: &str| json!({"sku": sku, "quantity": 1, "unit_price": 0});
        let body = |lines: Value| json!({"currency": "GBP", "lines": lines});
        let given = cluster.place("given", &body(json!([line("GIFT")]))).await;
        let mut with_gift = basket(&[("SOLD-DEAR", 1)]);
        with_gift["lines"].as_array_mut().unwrap().push(line("GIFT"));
        let sold = cluster.place("with-gift", &with_gift).await;
        let claimed = cluster.place("claimed", &body(json!([line("SOLD-DEAR")]))).await;
        let views = cluster.wait_until_final(&[given, sold, claimed]).await;
        let statuses: Vec<Status> = views.iter().map(|view| view.status).collect();
        assert_eq!(statuses, [Status::Fulfilled, Status::Fulfilled, Status::Rejected]);
        let skus = vec!["SOLD-DEAR".parse().unwrap()];
        assert_eq!(views[2].reason, Some(Reason::Rejected(Rejection::PriceChanged { skus })));
        assert_eq!(cluster.payment(sold).await, json!({"amount": PRICE, "intent": true}));
        assert_eq!(cluster.payment(given).await, json!({"amount": 0, "intent": false}));
        cluster.assert_consistent(&[given, sold, claimed]).await;
    });
}

impl TestCluster {
    /// The amount of the order's payment, and whether the provider has an intent for it.
    async fn payment(&self, id: OrderId) -> Value {
        let connection = self.sources.database.connection().await.unwrap();
        let select = format!(
            "SELECT amount, intent IS NOT NULL FROM payment.payments WHERE order_id = '{id}'"
        );
        let row = connection.query_one(&select, &[]).await.unwrap();
        json!({"amount": row.get::<_, i64>(0), "intent": row.get::<_, bool>(1)})
    }
}
