//! Runs the check of the fuzz target on its corpus: bodies of real orders, and hostile ones.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../../fuzz/checks/place_order.rs"]
mod place_order;

use std::path::Path;

const FILES_MIN: usize = 50;

#[test]
fn every_body_of_the_corpus_is_a_consistent_order_or_is_rejected_with_errors() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/place_order");
    let mut files = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap().path();
        let body = std::fs::read(&file).unwrap();
        let checked = std::panic::catch_unwind(|| place_order::check(&body));
        assert!(checked.is_ok(), "{}", file.display());
        files += 1;
    }
    assert!(files >= FILES_MIN, "{files} files");
}
