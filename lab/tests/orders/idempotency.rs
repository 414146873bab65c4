//! The same key is one order, however often it is posted, at whichever edges, even concurrently.

use futures_util::future::join_all;
use orders::Status;

use super::fixtures::{basket, item};
use super::test_cluster::with_shared_cluster;

const POSTS: usize = 100;

#[test]
fn an_order_posted_a_hundred_times_at_once_is_reserved_charged_and_shipped_once() {
    with_shared_cluster(async |cluster| {
        cluster.load_catalog(&[item("ONE-KEY", 1_000)]).await;
        let body = basket(&[("ONE-KEY", 3)]);
        let posts = (0..POSTS).map(|number| cluster.post(number % 2, "one-key", &body));
        let responses = join_all(posts).await;
        let id = responses[0].order_id();
        assert!(responses.iter().all(|response| response.order_id() == id));

        assert_eq!(cluster.wait_until_final(&[id]).await[0].status, Status::Fulfilled);
        assert_eq!(cluster.on_hand("ONE-KEY").await, 997);
        cluster.assert_consistent(&[id]).await;
    });
}

#[test]
fn another_body_under_the_same_key_is_refused_once_the_first_has_a_row() {
    with_shared_cluster(async |cluster| {
        cluster.load_catalog(&[item("OTHER-BODY", 10)]).await;
        let (first, other) = (basket(&[("OTHER-BODY", 1)]), basket(&[("OTHER-BODY", 2)]));
        let id = cluster.post(0, "other-body", &first).await.order_id();
        cluster.wait_until_final(&[id]).await;
        for edge in [0, 1] {
            cluster.assert_other_body_is_refused(edge, "other-body", &first, &other).await;
        }
        cluster.assert_consistent(&[id]).await;
        assert_eq!(cluster.on_hand("OTHER-BODY").await, 9);
    });
}
