//! A card that the bank declines, or an unknown token: stock is released, and no money is moved.

use orders::Status;
use serde_json::json;

use super::fixtures::{basket, item, with_payment_token};
use super::test_cluster::with_shared_cluster;

#[test]
fn a_declined_order_is_cancelled_with_the_decline_code_and_its_stock_is_released() {
    with_shared_cluster(async |cluster| {
        cluster.load_catalog(&[item("DECLINED", 5)]).await;
        let cards = [
            ("tok_chargeDeclined", "generic_decline"),
            ("tok_insufficientFunds", "insufficient_funds"),
            ("tok_unknown", "invalid_token"),
        ];
        for (token, decline_code) in cards {
            let body = with_payment_token(basket(&[("DECLINED", 5)]), token);
            let placed = cluster.post(0, token, &body).await;
            let id = placed.order_id();
            let views = cluster.wait_until_final(&[id]).await;
            let history: Vec<_> = views[0].history.iter().map(|change| change.status).collect();
            let expected =
                [Status::Accepted, Status::Reserved, Status::Declined, Status::Cancelled];
            assert_eq!(history, expected, "{token}");
            let status = cluster.current_status(placed.signed_id()).await;
            let reason = json!({"code": "payment_declined", "decline_code": decline_code});
            assert_eq!(status["reason"], reason);
            assert_eq!(cluster.on_hand("DECLINED").await, 5);
            cluster.assert_consistent(&[id]).await;
        }
    });
}
