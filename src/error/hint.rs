//! A hint: a command that can be pasted into a shell, and a note behind it.

use super::text::{quoted, redacted};
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::fmt::{self, Display};
use std::path::Path;

/// A part of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// Fixed text: words of the command, operators of the shell, placeholders that a person fills in.
    Text(&'static str),
    /// One word from data, quoted for the shell when it is shown.
    Word(String),
}

/// A command that helps, with a note; or only the note, where no command does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Hint {
    parts: Vec<Part>,
    note: Option<String>,
    tells_where_text_is: bool,
}

/// A hint from the parts of a command line: a literal is fixed text, the value of any other expression is one quoted word.
/// The parts are separated by spaces, except before the `)` that ends a `$(`.
///
/// `command!["git aitask pick", id, "--steal"]`
macro_rules! command {
    (@ $hint:expr;) => { $hint };
    (@ $hint:expr; $text:literal $(, $($rest:tt)*)?) => { command!(@ $hint.text($text); $($($rest)*)?) };
    (@ $hint:expr; $word:expr $(, $($rest:tt)*)?) => { command!(@ $hint.word(&$word); $($($rest)*)?) };
    [$($part:tt)+] => { command!(@ $crate::error::Hint::default(); $($part)+) };
}

impl Hint {
    /// Adds fixed text.
    pub(crate) fn text(mut self, text: &'static str) -> Self {
        self.parts.push(Part::Text(text));
        self
    }

    /// Adds one word from data.
    pub(crate) fn word(mut self, word: &dyn Display) -> Self {
        self.parts.push(Part::Word(word.to_string()));
        self
    }

    /// Advice, where no single command helps.
    pub(crate) fn advice(text: impl Into<String>) -> Self {
        Self::default().note(text)
    }

    /// Tells where a text that the user typed is kept. The scripts print this hint too, and no other one.
    pub(crate) fn kept_in(file: &Path) -> Self {
        Self { tells_where_text_is: true, ..Self::advice(format!("your text is kept in {}", file.display())) }
    }

    /// Whether this is a [`Hint::kept_in`].
    pub(crate) fn tells_where_text_is(&self) -> bool {
        self.tells_where_text_is
    }

    /// The note behind the command, which becomes a comment of the shell.
    pub(crate) fn note(self, note: impl Into<String>) -> Self {
        Self { note: Some(note.into()), ..self }
    }

    /// The command, run in a folder.
    pub(crate) fn within(mut self, dir: impl AsRef<Path>) -> Self {
        let dir = Part::Word(dir.as_ref().display().to_string());
        self.parts.splice(..0, [Part::Text("cd"), dir, Part::Text("&&")]);
        self
    }
}

impl From<&'static str> for Hint {
    fn from(command: &'static str) -> Self {
        Self::default().text(command)
    }
}

/// One line, without passwords of URLs.
impl Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut command = String::new();
        for part in &self.parts {
            let part = match part {
                Part::Text(text) => Cow::Borrowed(*text),
                Part::Word(word) => Cow::Owned(quoted(word)),
            };
            if !command.is_empty() && !part.starts_with(')') {
                command.push(' ');
            }
            command.push_str(&part);
        }
        let note = self.note.as_deref().unwrap_or_default();
        let between = if command.is_empty() || note.is_empty() { "" } else { "   # " };
        f.write_str(&redacted(&format!("{command}{between}{note}")))
    }
}

impl Serialize for Hint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_from_data_are_quoted_and_fixed_text_is_not() {
        let (path, id) = (Path::new("/tmp/sp ace"), 12);
        for (hint, shown) in [
            (Hint::from("git fetch && git status"), "git fetch && git status"),
            (
                command!["git aitask pick", id, "--steal"].note("take it over"),
                "git aitask pick 12 --steal   # take it over",
            ),
            (command!["mv", path.display(), "NEW_PLACE"], "mv '/tmp/sp ace' NEW_PLACE"),
            (command!["git switch", "it's $(x)"].within(path), "cd '/tmp/sp ace' && git switch it's $(x)"),
            (command!["git switch", format!("it's {}", "$(x)")], r"git switch 'it'\''s $(x)'"),
            (command!["a \"$(b", String::from("c d"), ")\""], "a \"$(b 'c d')\""),
            (command!["git show", String::new()], "git show ''"),
            (command!["git ls-remote", String::from("https://u:t@h/a")], "git ls-remote https://***@h/a"),
            (command!["git ls-remote", String::from("https://u:t@h/a b")], "git ls-remote 'https://***@h/a b'"),
            (Hint::advice("use high, medium or low"), "use high, medium or low"),
            (Hint::kept_in(path), "your text is kept in /tmp/sp ace"),
        ] {
            assert_eq!(hint.to_string(), shown);
            assert_eq!(serde_json::to_value(&hint).unwrap(), shown);
        }
    }

    #[test]
    fn only_a_text_that_was_kept_is_told_by_the_scripts_too() {
        assert!(Hint::kept_in(Path::new("/tmp/x")).tells_where_text_is());
        assert!(!Hint::advice("your text is kept in /tmp/x").tells_where_text_is());
    }
}
