//! A card that the bank declines, or a token that nobody knows: the stock is back, no money moved.

use orders::Status;
use serde_json::json;

use super::fixtures::{basket, item, paid_with};
use super::test_cluster::in_the_shared_shop;

#[test]
fn a_declined_order_is_cancelled_with_the_banks_reason_and_its_stock_is_back() {
    in_the_shared_shop(async |shop| {
        shop.sell(&[item("DECLINED", 5)]).await;
        let cards = [
            ("tok_chargeDeclined", "generic_decline"),
            ("tok_insufficientFunds", "insufficient_funds"),
            ("tok_that_nobody_made", "invalid_token"),
        ];
        for (token, decline_code) in cards {
            let body = paid_with(basket(&[("DECLINED", 5)]), token);
            let answer = shop.post(0, token, &body).await;
            let id = answer.order_id();
            let views = shop.until_final(&[id]).await;
            let steps: Vec<_> = views[0].history.iter().map(|reached| reached.status).collect();
            let way = [Status::Accepted, Status::Reserved, Status::Declined, Status::Cancelled];
            assert_eq!(steps, way, "{token}");
            let shown = shop.shown(answer.proven_id()).await;
            let reason = json!({"code": "payment_declined", "decline_code": decline_code});
            assert_eq!(shown["reason"], reason);
            assert_eq!(shop.on_hand("DECLINED").await, 5);
            shop.books_balance(&[id]).await;
        }
    });
}
