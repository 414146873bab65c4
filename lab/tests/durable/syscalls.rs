//! The system calls of one broker in strace's record: its writes and its syncs, with their times.

use std::collections::HashMap;

/// One system call that has returned. Times are microseconds since 1970, by the same clock as the
/// client's times. strace takes the first before the call begins, the second after its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SystemCall {
    pub(crate) name: String,
    /// Descriptor, path and bytes, as strace prints them.
    pub(crate) arguments: String,
    /// The return value: a number of bytes, 0 for a sync, or -1.
    pub(crate) returned: i64,
    pub(crate) began_us: u64,
    pub(crate) ended_us: u64,
}

/// Parses the lines of a record into calls, in the order in which they returned.
pub(crate) fn read(record: &str) -> Vec<SystemCall> {
    // A thread has one call at a time, whose line may be split by calls of other threads.
    let mut unfinished = HashMap::new();
    record.lines().filter_map(|line| read_line(line, &mut unfinished)).collect()
}

fn read_line<'a>(
    line: &'a str,
    unfinished: &mut HashMap<&'a str, (u64, &'a str)>,
) -> Option<SystemCall> {
    let (thread, rest) = line.split_once(' ')?;
    let (time, call) = rest.trim_start().split_once(' ')?;
    let time_us = micros(time)?;
    if let Some(head) = call.strip_suffix(" <unfinished ...>") {
        unfinished.insert(thread, (time_us, head));
        return None;
    }
    if let Some(resumed) = call.strip_prefix("<... ") {
        let (began_us, head) = unfinished.remove(thread)?;
        let (_, tail) = resumed.split_once(" resumed>")?;
        let (name, arguments) = head.split_once('(')?;
        let (last_arguments, returned, _) = outcome(tail)?;
        let arguments = format!("{arguments}{last_arguments}");
        return Some(SystemCall {
            name: name.into(),
            arguments,
            returned,
            began_us,
            ended_us: time_us,
        });
    }
    let (name, tail) = call.split_once('(')?;
    let (arguments, returned, duration_us) = outcome(tail)?;
    // Both times are truncated to microseconds.
    let ended_us = time_us + duration_us + 1;
    Some(SystemCall {
        name: name.into(),
        arguments: arguments.into(),
        returned,
        began_us: time_us,
        ended_us,
    })
}

/// The arguments before a call's result, the result, and the call's duration in microseconds.
fn outcome(tail: &str) -> Option<(&str, i64, u64)> {
    let (arguments, result) = tail.rsplit_once(" = ")?;
    let (returned, duration) = result.rsplit_once(" <")?;
    let returned = returned.split(' ').next()?.parse().ok()?;
    Some((arguments.trim_end().strip_suffix(')')?, returned, micros(duration.strip_suffix('>')?)?))
}

/// Parses seconds with six decimals into microseconds.
fn micros(seconds: &str) -> Option<u64> {
    let (whole, fraction) = seconds.split_once('.')?;
    if fraction.len() == 6 { format!("{whole}{fraction}").parse().ok() } else { None }
}

impl SystemCall {
    /// The path of the file that it writes or syncs.
    pub(crate) fn path(&self) -> &str {
        let path = self.arguments.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
        path.map_or("", |(path, _)| path)
    }

    /// Whether it wrote all of its bytes, and the record has all of them.
    pub(crate) fn wrote_all(&self) -> bool {
        let after_bytes = self.arguments.rsplit_once("\", ").map(|(_, numbers)| numbers);
        let length = after_bytes.and_then(|numbers| numbers.split(", ").next()?.parse().ok());
        self.name.contains("write") && length == Some(self.returned)
    }

    /// Whether it is a sync that succeeded.
    pub(crate) fn synced(&self) -> bool {
        ["fsync", "fdatasync"].contains(&self.name.as_str()) && self.returned == 0
    }
}

#[test]
fn calls_are_parsed_even_if_other_threads_split_their_lines() {
    let record = r#"26 1700000000.000100 pwrite64(11</s/1.blk>, "a) = 3\"", 8, 0) = 8 <0.000091>
7  1700000000.000200 fsync(11</s/1.blk> <unfinished ...>
26 1700000000.000300 pwrite64(12</s/2.blk>, "bc"..., 900, 0 <unfinished ...>
7  1700000000.009000 <... fsync resumed>)       = 0 <0.008800>
26 1700000000.009100 <... pwrite64 resumed>) = 900 <0.008800>
26 1700000000.009200 fsync(9</s/3.blk>) = -1 EIO (Input/output error) <0.000010>
26 1700000000.009300 --- SIGURG {si_signo=SIGURG} ---
26 1700000000.009400 +++ exited with 0 +++
"#;
    let calls = read(record);
    let summary = |call: &SystemCall| {
        let micros = |time: u64| time - 1_700_000_000_000_000;
        let effects = (call.wrote_all(), call.synced());
        (call.path().to_owned(), micros(call.began_us), micros(call.ended_us), effects)
    };
    let expected = [
        ("/s/1.blk".to_owned(), 100, 192, (true, false)),
        ("/s/1.blk".to_owned(), 200, 9_000, (false, true)),
        ("/s/2.blk".to_owned(), 300, 9_100, (false, false)),
        ("/s/3.blk".to_owned(), 9_200, 9_211, (false, false)),
    ];
    assert_eq!(calls.iter().map(summary).collect::<Vec<_>>(), expected);
}
