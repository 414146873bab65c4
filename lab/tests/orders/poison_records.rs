//! Records amid a good batch that no step can take: each becomes a dead letter, the rest goes on.

use orders::{EventBody, EventKind, Status};
use streams::dead_letter::Reason;

use super::events::{cancel_requested, created, id, line};
use super::fixtures::{basket, item};
use super::test_cluster::{in_the_shared_shop, until};

#[test]
fn bad_records_become_dead_letters_and_the_good_ones_around_them_are_fulfilled() {
    in_the_shared_shop(async |shop| {
        shop.sell(&[item("AMID", 9)]).await;
        let good = |key: &str| line(&created(key, &basket(&[("AMID", 1)])));
        let mut refused_by_the_database = created("amid-4", &basket(&[("AMID", 1)]));
        if let EventBody::Created(created) = &mut refused_by_the_database.body {
            created.order.reference = Some("no database takes a \0".to_owned());
        }
        let bad = [
            (b"no event\n".to_vec(), Reason::Undecodable),
            (b"{\"order_id\":\"amid\"}\n".to_vec(), Reason::Undecodable),
            (line(&cancel_requested("amid-3")), Reason::Undecodable),
            (line(&refused_by_the_database), Reason::Poison),
        ];
        let mut batch = vec![good("amid-first")];
        for (number, (line, _)) in bad.iter().enumerate() {
            batch.extend([line.clone(), good(&format!("amid-good-{number}"))]);
        }
        shop.publish(EventKind::Created, &batch).await;

        let mut ids = vec![id("amid-first")];
        ids.extend((0..bad.len()).map(|number| id(&format!("amid-good-{number}"))));
        let views = shop.until_final(&ids).await;
        assert!(views.iter().all(|view| view.status == Status::Fulfilled));
        assert_eq!(shop.on_hand("AMID").await, 4);
        until("every bad record is a dead letter", async || {
            shop.dead_letters().await.len() >= bad.len()
        })
        .await;
        let letters: Vec<_> =
            shop.dead_letters().await.into_iter().map(|letter| letter.content).collect();
        for (line, reason) in &bad {
            let record = String::from_utf8(line.clone()).unwrap();
            let its: Vec<_> =
                letters.iter().filter(|letter| letter.record == record.trim_end()).collect();
            assert_eq!(its.len(), 1, "{record}: {letters:?}");
            assert_eq!((its[0].reason, its[0].step.as_str()), (*reason, "reserve"), "{its:?}");
        }
        assert_eq!(letters.len(), bad.len());
        shop.books_balance(&ids).await;
    });
}
