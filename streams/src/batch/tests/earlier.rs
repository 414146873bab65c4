//! Batches as earlier versions wrote them: they may be in a stream, in a backup or on their way during an upgrade. A
//! folder is what the version of that day wrote; its files are never changed.

use std::path::Path;

use super::*;

#[test]
fn the_batches_of_earlier_versions_are_read_and_written_again_as_they_were() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/batch/golden/earlier");
    let mut records = 0;
    for version in std::fs::read_dir(root).unwrap() {
        for file in std::fs::read_dir(version.unwrap().path()).unwrap() {
            let file = file.unwrap().path();
            let kind: EventKind = file.file_stem().unwrap().to_str().unwrap().parse().unwrap();
            let golden = Bytes::from(std::fs::read(&file).unwrap());
            for line in lines(&golden) {
                let event = Event::parse(&line).unwrap_or_else(|err| panic!("{file:?}: {err}"));
                assert_eq!(event.body.kind(), kind, "{file:?}");
                let mut written = Vec::new();
                event.write_line(&mut written);
                assert_eq!(written.trim_ascii_end(), line, "{file:?}");
                records += 1;
            }
        }
    }
    assert!(records > 80, "{records}");
}
