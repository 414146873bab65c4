//! How long, on the command line: a whole number and a unit, such as `90s` or `2h`.

use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Reads `500ms`, `90s`, `15m`, `2h` or `1d`.
pub fn parse(text: &str) -> Result<Duration> {
    let digits = text.find(|symbol: char| !symbol.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let millis: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => bail!("give a number and ms, s, m, h or d, such as 90s"),
    };
    let number: u64 = number.parse().with_context(|| format!("`{number}` is no number"))?;
    number.checked_mul(millis).map(Duration::from_millis).context("that is too long")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_unit_are_a_duration() {
        for (text, seconds) in [("90s", 90), ("15m", 900), ("2h", 7_200), ("1d", 86_400)] {
            assert_eq!(parse(text).unwrap(), Duration::from_secs(seconds));
        }
        assert_eq!(parse("500ms").unwrap(), Duration::from_millis(500));
    }

    #[test]
    fn anything_else_is_none() {
        for text in ["", "s", "5", "5w", "-5s", "1.5h", "99999999999999999d"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
