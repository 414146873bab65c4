//! Runs the check of the fuzz target on its corpus: messages as Millrace writes them, and hostile
//! ones.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../../fuzz/checks/batch.rs"]
mod batch;

use std::path::Path;

const FILES_MIN: usize = 30;

#[test]
fn decoding_any_message_of_the_corpus_neither_loses_nor_changes_a_record() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/batch");
    let mut files = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap().path();
        let payload = std::fs::read(&file).unwrap();
        let checked = std::panic::catch_unwind(|| batch::check(&payload));
        assert!(checked.is_ok(), "{}", file.display());
        files += 1;
    }
    assert!(files >= FILES_MIN, "{files} files");
}
