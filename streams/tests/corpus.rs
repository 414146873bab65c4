//! Messages as Millrace writes them, and messages that were made to do harm: what the fuzz target
//! checks holds of each of them.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../../fuzz/checks/batch.rs"]
mod batch;

use std::path::Path;

const FILES_MIN: usize = 30;

#[test]
fn no_message_of_the_corpus_loses_a_record_or_changes_one() {
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
