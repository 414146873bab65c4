//! Records in a batch that no step can process: each becomes a dead letter, the others proceed.

use orders::{EventKind, Status};
use streams::dead_letter::Reason;

use super::events::{cancel_requested, created, ndjson_line, order_id, unprocessable};
use super::fixtures::{basket, item};
use super::test_cluster::{wait_until, with_shared_cluster};

#[test]
fn bad_records_become_dead_letters_and_the_good_ones_in_their_batch_are_fulfilled() {
    with_shared_cluster(async |cluster| {
        cluster.load_catalog(&[item("AMID", 9)]).await;
        let good = |key: &str| ndjson_line(&created(key, &basket(&[("AMID", 1)])));
        let rejected_by_postgres = unprocessable("amid-4", &basket(&[("AMID", 1)]));
        let bad = [
            (b"not an event\n".to_vec(), Reason::Undecodable),
            (b"{\"order_id\":\"amid\"}\n".to_vec(), Reason::Undecodable),
            (ndjson_line(&cancel_requested("amid-3")), Reason::Undecodable),
            (ndjson_line(&rejected_by_postgres), Reason::Poison),
        ];
        let mut batch = vec![good("amid-first")];
        for (number, (line, _)) in bad.iter().enumerate() {
            batch.extend([line.clone(), good(&format!("amid-good-{number}"))]);
        }
        cluster.publish(EventKind::Created, &batch).await;

        let mut ids = vec![order_id("amid-first")];
        ids.extend((0..bad.len()).map(|number| order_id(&format!("amid-good-{number}"))));
        let views = cluster.wait_until_final(&ids).await;
        assert!(views.iter().all(|view| view.status == Status::Fulfilled));
        assert_eq!(cluster.on_hand("AMID").await, 4);
        wait_until("every bad record is a dead letter", async || {
            cluster.dead_letters().await.len() >= bad.len()
        })
        .await;
        let letters: Vec<_> =
            cluster.dead_letters().await.into_iter().map(|letter| letter.content).collect();
        for (line, reason) in &bad {
            let record = String::from_utf8(line.clone()).unwrap();
            let found: Vec<_> =
                letters.iter().filter(|letter| letter.record == record.trim_end()).collect();
            assert_eq!(found.len(), 1, "{record}: {letters:?}");
            let letter = found[0];
            assert_eq!((letter.reason, letter.step.as_str()), (*reason, "reserve"), "{letter:?}");
        }
        assert_eq!(letters.len(), bad.len());
        cluster.assert_consistent(&ids).await;
    });
}
