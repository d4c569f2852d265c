//! `git config -z`: git-config(1), option `--null`.

use super::{records, split_once, text};
use crate::error::Result;

/// Parses `git config -z --get-regexp …` (or `--list`): `key LF value NUL`, and `key NUL` for a key without
/// `=`, which git reads as true. A key may come several times, the last one wins. The section and the variable
/// of a key are in lower case; bytes that are not UTF-8 are replaced.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<(String, Option<String>)>> {
    let entry = |record| match split_once(record, b'\n') {
        Some((key, value)) => (text(key), Some(text(value))),
        None => (text(record), None),
    };
    Ok(records("a setting", bytes, 0)?.map(entry).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn recorded_settings() {
        for (version, bytes) in recorded!("config.bin") {
            let found = parse(bytes).unwrap();
            let found: Vec<_> = found.iter().map(|(key, value)| (key.as_str(), value.as_deref())).collect();
            let expected = [
                ("aitask.lockbranch", Some("aitask-locks")),
                ("aitask.multi", Some("two\nlines")),
                ("aitask.empty", Some("")),
                ("aitask.many", Some("one")),
                ("aitask.many", Some("two")),
                ("aitask.latin1", Some("caf\u{fffd}")),
                ("aitask.Sub Section.ünï.key", Some("value = ünï")),
                ("aitask.valueless", None),
            ];
            assert_eq!(found, expected, "{version}");
        }
        for (_, bytes) in recorded!("config-none.bin") {
            assert!(parse(bytes).unwrap().is_empty());
        }
    }

    proptest! {
        #[test]
        fn round_trip(entries in prop::collection::vec(("[a-z.]{1,9}", prop::option::of("[^\0]{0,9}")), 0..9)) {
            let printed: String = entries.iter().map(|(key, value)| match value {
                Some(value) => format!("{key}\n{value}\0"),
                None => format!("{key}\0"),
            }).collect();
            prop_assert_eq!(parse(printed.as_bytes()).unwrap(), entries);
        }

        #[test]
        fn anything(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }
    }
}
