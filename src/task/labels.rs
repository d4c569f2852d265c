//! Labels, and the vocabulary file with the labels of a project.

use std::collections::BTreeSet;

/// One label in its normal form; `None` when nothing is left of it.
pub(crate) fn sanitise(label: &str) -> Option<String> {
    let mut clean = String::with_capacity(label.len());
    for c in label.chars() {
        match c.to_ascii_lowercase() {
            c @ ('a'..='z' | '0'..='9' | '-') => clean.push(c),
            _ if clean.ends_with('_') => {}
            _ => clean.push('_'),
        }
    }
    let clean = clean.strip_prefix('_').unwrap_or(&clean);
    let clean = clean.strip_suffix('_').unwrap_or(clean);
    (!clean.is_empty()).then(|| clean.to_owned())
}

/// The result of normalising a comma-separated list of labels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sanitised {
    /// The labels in normal form, without duplicates.
    pub(crate) labels: Vec<String>,
    /// The items of which nothing was left, trimmed.
    pub(crate) dropped: Vec<String>,
}

/// Normalises a comma-separated list of labels.
pub(crate) fn sanitise_list(list: &str) -> Sanitised {
    let folded: String = list.chars().map(|c| if c.is_control() { '_' } else { c }).collect();
    let (mut result, mut seen) = (Sanitised::default(), BTreeSet::new());
    for token in folded.split(',').map(str::trim).filter(|token| !token.is_empty()) {
        match sanitise(token) {
            None => result.dropped.push(token.to_owned()),
            Some(label) if !seen.insert(label.clone()) => {}
            Some(label) => result.labels.push(label),
        }
    }
    result
}

/// The entries of a vocabulary file (labels, issue types), in its order.
pub(crate) fn vocabulary(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.is_empty()).collect()
}

/// The vocabulary with these labels added: each line once, in byte order. `None` when nothing is new, so that the file
/// stays as it is; labels with control characters are left out.
pub(crate) fn add_to_vocabulary<T: AsRef<str>>(text: &str, labels: &[T]) -> Option<String> {
    let mut lines: BTreeSet<&str> = vocabulary(text).into_iter().collect();
    let mut grown = false;
    for label in labels.iter().map(AsRef::as_ref) {
        grown |= !label.is_empty() && !label.chars().any(char::is_control) && lines.insert(label);
    }
    grown.then(|| lines.iter().flat_map(|line| [*line, "\n"]).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn recorded_labels() {
        for (label, clean) in [
            ("UI Stuff", Some("ui_stuff")),
            ("__core__", Some("core")),
            ("a\nb", Some("a_b")),
            ("!!!", None),
            ("back-end", Some("back-end")),
            ("a--b", Some("a--b")),
            ("é", None),
            ("", None),
        ] {
            assert_eq!(sanitise(label).as_deref(), clean, "{label:?}");
        }
    }

    #[test]
    fn recorded_lists() {
        let result = sanitise_list("UI, New One,!!!,, ui ,a\nb, \n");
        assert_eq!(result.labels, ["ui", "new_one", "a_b"]);
        assert_eq!(result.dropped, ["!!!", "_"]);
        assert_eq!(sanitise_list(""), Sanitised::default());
    }

    #[test]
    fn vocabularies() {
        assert_eq!(add_to_vocabulary("backend\nui\n", &["new_one", "ui"]).as_deref(), Some("backend\nnew_one\nui\n"));
        assert_eq!(add_to_vocabulary("ui\nbackend\nui", &["ui", "a\nb", ""]), None);
        assert_eq!(add_to_vocabulary("ui\n# c\n\nB\nui", &["a"]).as_deref(), Some("# c\nB\na\nui\n"));
        assert_eq!(add_to_vocabulary("", &["b", "a"]).as_deref(), Some("a\nb\n"));
        assert_eq!(add_to_vocabulary::<&str>("x", &[]), None);
        assert_eq!(vocabulary("b\r\n\na"), ["b", "a"]);
    }

    proptest! {
        #[test]
        fn clean_labels_stay(label in any::<String>()) {
            if let Some(clean) = sanitise(&label) {
                prop_assert!(clean.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-')));
                prop_assert_eq!(sanitise(&clean), Some(clean));
            }
        }
    }
}
