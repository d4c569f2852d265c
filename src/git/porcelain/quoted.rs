//! Names in git's C-style quotes.

/// Undoes the quotes that git puts around a name with unusual bytes (git-config(1), `core.quotePath`); a name
/// without them is itself. `None`: the quotes are broken.
pub(super) fn unquote(bytes: &[u8]) -> Option<Vec<u8>> {
    let Some(inner) = bytes.strip_prefix(b"\"") else { return Some(bytes.to_vec()) };
    let mut rest = inner.strip_suffix(b"\"")?.iter().copied();
    let mut plain = Vec::new();
    while let Some(byte) = rest.next() {
        plain.push(match byte {
            b'"' => return None,
            b'\\' => match rest.next()? {
                b'a' => 0x07,
                b'b' => 0x08,
                b't' => b'\t',
                b'n' => b'\n',
                b'v' => 0x0b,
                b'f' => 0x0c,
                b'r' => b'\r',
                same @ (b'"' | b'\\') => same,
                high @ b'0'..=b'3' => {
                    let mut digit = || rest.next().filter(|digit| matches!(digit, b'0'..=b'7'));
                    (high - b'0') << 6 | (digit()? - b'0') << 3 | (digit()? - b'0')
                }
                _ => return None,
            },
            other => other,
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes() {
        assert_eq!(unquote(b"plain \\n").unwrap(), b"plain \\n");
        assert_eq!(unquote(br#""a \"q\"\n\303\274\\""#).unwrap(), "a \"q\"\nü\\".as_bytes());
        for broken in [&b"\""[..], b"\"a", b"\"\\\"", b"\"a\"b\"", b"\"\\x\"", b"\"\\38\"", b"\"\\3\"", b"\"\\400\""] {
            assert_eq!(unquote(broken), None, "{}", String::from_utf8_lossy(broken));
        }
    }

    proptest! {
        #[test]
        fn octal_round_trip(bytes: Vec<u8>) {
            let quoted = bytes.iter().map(|byte| format!("\\{byte:03o}")).collect::<Vec<_>>().concat();
            prop_assert_eq!(unquote(format!("\"{quoted}\"").as_bytes()), Some(bytes));
        }

        #[test]
        fn anything(bytes: Vec<u8>) {
            let _ = unquote(&bytes);
        }
    }
}
