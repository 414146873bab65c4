//! The lines of a file of orders, in parts that fit into one request.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result};

use crate::limits::{IMPORT_LINE_BYTES_MAX, IMPORT_PART_BYTES, IMPORT_PART_LINES};

/// A line of the file that is not empty.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FileLine {
    /// Beginning with 1.
    pub(super) number: u64,
    /// Without its line break. One that is too long is cut, and the edge refuses it.
    pub(super) content: Vec<u8>,
}

pub(super) struct FileLines {
    input: Box<dyn BufRead>,
    number: u64,
}

impl FileLines {
    /// Opens a file; `-` is the standard input.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let input: Box<dyn BufRead> = if path.as_os_str() == "-" {
            Box::new(BufReader::new(io::stdin()))
        } else {
            let file = File::open(path);
            Box::new(BufReader::new(
                file.with_context(|| format!("cannot open {}", path.display()))?,
            ))
        };
        Ok(Self { input, number: 0 })
    }

    /// The next lines, up to the size of a request; none at the end of the file.
    pub(super) fn next_part(&mut self) -> io::Result<Vec<FileLine>> {
        let (mut part, mut bytes) = (Vec::new(), 0);
        while part.len() < IMPORT_PART_LINES && bytes < IMPORT_PART_BYTES {
            let Some(line) = self.next_line()? else { break };
            bytes += line.content.len();
            part.push(line);
        }
        Ok(part)
    }

    fn next_line(&mut self) -> io::Result<Option<FileLine>> {
        loop {
            let mut content = Vec::new();
            let limit = IMPORT_LINE_BYTES_MAX as u64;
            if self.input.by_ref().take(limit).read_until(b'\n', &mut content)? == 0 {
                return Ok(None);
            }
            self.number += 1;
            if content.last() != Some(&b'\n') && content.len() >= IMPORT_LINE_BYTES_MAX {
                self.skip_line()?;
            }
            let content = content.trim_ascii();
            if !content.is_empty() {
                return Ok(Some(FileLine { number: self.number, content: content.to_vec() }));
            }
        }
    }

    /// Skips the rest of a line.
    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.input.fill_buf()?;
            let (used, is_end) = match buffer.iter().position(|byte| *byte == b'\n') {
                Some(end) => (end + 1, true),
                None => (buffer.len(), buffer.is_empty()),
            };
            self.input.consume(used);
            if is_end {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(text: Vec<u8>) -> Vec<u64> {
        let mut lines = FileLines { input: Box::new(io::Cursor::new(text)), number: 0 };
        let mut numbers = Vec::new();
        loop {
            let part = lines.next_part().unwrap();
            if part.is_empty() {
                return numbers;
            }
            numbers.extend(part.iter().map(|line| line.number));
        }
    }

    #[test]
    fn lines_keep_their_numbers_in_the_file_and_the_last_one_needs_no_break() {
        assert_eq!(numbers(b"a\n\n  \r\nb\r\nc".to_vec()), [1, 4, 5]);
        assert_eq!(numbers(Vec::new()), [0_u64; 0]);
        let many = b"x\n".repeat(2 * IMPORT_PART_LINES + 1);
        assert_eq!(numbers(many).len(), 2 * IMPORT_PART_LINES + 1);
    }

    #[test]
    fn a_line_that_is_too_long_is_cut_and_the_next_one_is_whole() {
        let long = vec![b'x'; 3 * IMPORT_LINE_BYTES_MAX];
        assert_eq!(numbers([&long[..], b"\nnext\n", &long].concat()), [1, 2, 3]);
    }
}
