//! Slugs (the machine names in file names) and titles.

use super::text::{as_text, is_unsafe};
use crate::error::{Error, Kind, Result};

/// The longest slug of a title, in bytes: the scripts cut there, and both faces must give one title one file name.
const SLUG_LIMIT: usize = 60;

/// The machine name of a task: the part of its file name after the id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Slug(String);

impl Slug {
    /// The slug of a new task's title, `unnamed_task` when nothing is left of it.
    pub(crate) fn from_title(title: &str) -> Self {
        Self::derive(title).unwrap_or_else(|| Self("unnamed_task".to_owned()))
    }

    /// The slug by the rule of the scripts: lower case, `_` for spaces, only `a-z 0-9 _`, at most 60 bytes; `None` when
    /// nothing is left.
    pub(crate) fn derive(title: &str) -> Option<Self> {
        let mut slug = String::with_capacity(title.len().min(SLUG_LIMIT));
        for byte in title.bytes() {
            match byte.to_ascii_lowercase() {
                b' ' | b'_' if slug.ends_with('_') => {}
                b' ' | b'_' => slug.push('_'),
                byte @ (b'a'..=b'z' | b'0'..=b'9') => slug.push(char::from(byte)),
                _ => {}
            }
        }
        let slug = slug.strip_prefix('_').unwrap_or(&slug);
        let mut slug = slug.strip_suffix('_').unwrap_or(slug).to_owned();
        slug.truncate(SLUG_LIMIT);
        (!slug.is_empty()).then_some(Self(slug))
    }

    /// A slug found in a file name: letters, digits, `.`, `_` and `-`, no `..`, and no `.` or `.lock` at the end. Git takes
    /// no branch with such a name.
    pub(crate) fn try_parse(text: &str) -> Option<Self> {
        Self::is_valid(text).then(|| Self::checked(text))
    }

    /// Whether this is a slug.
    pub(super) fn is_valid(text: &str) -> bool {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        let is_lock = || text.len() >= 5 && text.as_bytes()[text.len() - 5..].eq_ignore_ascii_case(b".lock");
        !text.is_empty() && text.bytes().all(allowed) && !text.contains("..") && !text.ends_with('.') && !is_lock()
    }

    /// A text of which [`Self::is_valid`] is known.
    pub(super) fn checked(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The slug as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The name for people, as in commit subjects: blanks for `_`.
    pub(crate) fn humanised(&self) -> String {
        self.0.replace('_', " ")
    }
}

as_text!(Slug, Title);

/// The longest title, in bytes. It becomes the heading of the file and the subject of a commit, where a longer one is a
/// mistake.
const TITLE_LIMIT: usize = 1000;

/// A title that a person or an agent gave: trimmed, not empty, one line without unsafe characters, at most 1,000 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Title(String);

impl Title {
    /// Parses the text of the user.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let refuse = |why: &str| Err(Error::new(Kind::Usage, format!("the title {why}")));
        let title = text.trim();
        if title.is_empty() {
            return refuse("is empty");
        }
        if title.len() > TITLE_LIMIT {
            return refuse(&format!("has {} bytes, more than {TITLE_LIMIT}", title.len()));
        }
        if let Some(c) = title.chars().find(|c| is_unsafe(*c)) {
            return refuse(&format!(
                "has the control character {:?} in it; a title is one line of text",
                c.escape_unicode().to_string()
            ));
        }
        Ok(Self(title.to_owned()))
    }

    /// The title as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The slug of a task with this title.
    pub(crate) fn slug(&self) -> Slug {
        Slug::from_title(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn recorded_slugs() {
        let long = format!("{} yz", "x".repeat(59));
        let cut = format!("{}_", "x".repeat(59));
        for (title, slug) in [
            ("Fix login/bug", "fix_loginbug"),
            ("a-b-c", "abc"),
            ("__a__b__", "a_b"),
            ("éclair ü", "clair"),
            ("CamelCase 2.0", "camelcase_20"),
            (long.as_str(), cut.as_str()),
            ("!!!", "unnamed_task"),
            ("Fix Login Bug!", "fix_login_bug"),
            ("a\tb\nc", "abc"),
            ("a - b", "a_b"),
            (" _ ", "unnamed_task"),
            ("", "unnamed_task"),
        ] {
            assert_eq!(Slug::from_title(title).0, slug, "{title:?}");
        }
        assert_eq!(Slug::derive("!!!"), None);
    }

    #[test]
    fn slugs_of_file_names() {
        for text in ["add_login", "2024_report", "A.b-C", "x", "_", "lock", "a.lock_"] {
            assert_eq!(Slug::try_parse(text).unwrap().to_string(), text);
        }
        for text in ["", "..", "a..b", "a/b", "a b", "é", "a\n", "a\0", "a.", "a.lock", ".LOCK"] {
            assert_eq!(Slug::try_parse(text), None, "{text:?}");
        }
        assert_eq!(Slug::try_parse("add_login").unwrap().humanised(), "add login");
    }

    #[test]
    fn titles() {
        assert_eq!(Title::parse("  Fix é — \u{200d} now ").unwrap().as_str(), "Fix é — \u{200d} now");
        assert!(Title::parse(&"x".repeat(1000)).is_ok());
        for text in [
            "",
            "  \n",
            "a\nb",
            "a\tb",
            "a\x1b[31m",
            "a\x7f",
            "a\u{85}b",
            "a\u{2028}b",
            "a\u{2029}b",
            "a\u{202e}b",
            "a\u{2066}b",
            &"x".repeat(1001),
        ] {
            let error = Title::parse(text).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage, "{text:?}");
            assert!(!error.to_string().chars().any(is_unsafe));
        }
    }

    proptest! {
        #[test]
        fn a_slug_is_always_a_slug(title in any::<String>()) {
            let slug = Slug::from_title(&title);
            prop_assert!(slug.0.len() <= 60);
            prop_assert_eq!(Slug::try_parse(&slug.0), Some(slug));
            if let Ok(title) = Title::parse(&title) {
                prop_assert!(!title.as_str().chars().any(is_unsafe));
            }
        }
    }
}
