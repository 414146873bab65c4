//! Bytes as lower-case hexadecimal digits.

/// Encodes `bytes` as lower-case hexadecimal digits, two per byte.
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| digits(*byte)).map(char::from).collect()
}

/// Writes `bytes` as [`to_hex`] encodes them.
pub(crate) fn fmt_hex<const N: usize>(
    bytes: &[u8; N],
    f: &mut std::fmt::Formatter<'_>,
) -> std::fmt::Result {
    let digits = bytes.map(digits);
    f.write_str(str::from_utf8(digits.as_flattened()).expect("hexadecimal digits are ASCII"))
}

/// The two digits of a byte.
pub(crate) fn digits(byte: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]
}

/// Decodes exactly `N` bytes from lower-case hexadecimal digits.
pub fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let nibble = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded_and_nothing_else() {
        assert_eq!(to_hex(&[0, 0x1f, 0xa0]), "001fa0");
        assert_eq!(from_hex("001fa0"), Some([0, 0x1f, 0xa0]));
        for text in ["", "001fa", "001fa00", "001FA0", "001fg0", "+01fa0", "00\u{e9}fa"] {
            assert_eq!(from_hex::<3>(text), None, "{text}");
        }
    }
}
