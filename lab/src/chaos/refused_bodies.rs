//! Bodies that edges refused because their key is another order's: the row of an order says which of
//! its bodies counts, and only the others may be refused.

use std::collections::HashMap;

use anyhow::Result;
use millrace::audit::Problem;
use orders::{BodyDigest, OrderId, OrderView, PlaceOrder};

/// A body that was answered with a 422.
#[derive(Debug)]
pub(super) struct RefusedBody {
    order_id: OrderId,
    digest: BodyDigest,
}

impl RefusedBody {
    /// # Errors
    /// The body is not a valid order.
    pub(super) fn new(order_id: OrderId, body: &[u8]) -> Result<Self> {
        Ok(Self { order_id, digest: BodyDigest::of(&PlaceOrder::parse(body)?) })
    }
}

/// The bodies that were refused although the row of their order has them, or has none.
pub(super) fn refused_wrongly(
    refused: &[RefusedBody],
    views: &HashMap<OrderId, OrderView>,
) -> Vec<Problem> {
    let problem = |body: &RefusedBody| {
        let in_row = views.get(&body.order_id).and_then(|view| view.body_digest);
        let detail = match in_row {
            Some(digest) if digest != body.digest => return None,
            Some(_) => "was refused the body that its row has",
            None => "was refused a body, but its row has none",
        };
        Some(Problem { subject: body.order_id.to_string(), detail: detail.to_owned() })
    };
    refused.iter().filter_map(problem).collect()
}

#[cfg(test)]
mod tests {
    use orders::Status;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::chaos::workload::simple_order;

    #[test]
    fn only_a_body_that_the_row_does_not_have_may_be_refused() {
        let [kept, other] = [1, 2].map(|seed| simple_order(&mut StdRng::seed_from_u64(seed)));
        let id = OrderId::derive("public", &"key".parse().unwrap());
        let view = OrderView {
            status: Status::Reserved,
            history: Vec::new(),
            reason: None,
            body_digest: Some(BodyDigest::of(&PlaceOrder::parse(&kept).unwrap())),
            next_action: None,
        };
        let views = HashMap::from([(id, view)]);
        let wrong = |body: &[u8], views: &HashMap<_, _>| {
            refused_wrongly(&[RefusedBody::new(id, body).unwrap()], views).len()
        };
        assert_eq!((wrong(&other, &views), wrong(&kept, &views)), (0, 1));
        assert_eq!(wrong(&other, &HashMap::new()), 1);
    }
}
