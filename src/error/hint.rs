//! A hint: a command that can be pasted into a shell, and a note behind it.

use super::text::{quoted, redacted};
use serde::Serialize;
use std::borrow::Cow;
use std::fmt::{self, Display};
use std::path::Path;

/// A part of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// Fixed text: words of the command, operators of the shell. What a person fills in stands in angle brackets, as
    /// `<title>`: a shell that is given such a line does not run it, since it reads a redirection, and programs get it as
    /// a template and not as a command.
    Text(&'static str),
    /// One word from data, quoted for the shell when it is shown.
    Word(String),
}

/// A command that helps, with a note; or only the note, where no command does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(into = "HintForPrograms")]
pub(crate) struct Hint {
    parts: Vec<Part>,
    note: Option<String>,
    tells_where_text_is: bool,
}

/// A hint as JSON has it: a program starts the command as it stands, without a shell of its own. Where something is to be
/// filled in first there is a template, and nothing to start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct HintForPrograms {
    /// The folder to change to: for the command, or, where there is none, for what comes next.
    #[serde(skip_serializing_if = "Option::is_none")]
    cd: Option<String>,
    /// The program and its arguments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    command: Vec<String>,
    /// The line of a shell whose words in angle brackets, as `<title>`, are to be filled in first; then there is neither
    /// `command` nor `shell`.
    #[serde(skip_serializing_if = "String::is_empty")]
    template: String,
    /// What it does, or advice where no command helps.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// Folder and command as one line, to be pasted into a shell.
    #[serde(skip_serializing_if = "String::is_empty")]
    shell: String,
}

#[cfg(test)]
impl schemars::JsonSchema for Hint {
    fn schema_name() -> Cow<'static, str> {
        "Hint".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        HintForPrograms::json_schema(generator)
    }
}

impl From<Hint> for HintForPrograms {
    fn from(hint: Hint) -> Self {
        let (cd, parts) = leading_cd(&hint.parts);
        let note = hint.note.as_deref().map(redacted);
        if parts.iter().any(|part| matches!(part, Part::Text(text) if has_blank(text))) {
            let template = redacted(&shell_line(&parts));
            return Self { cd: cd.as_deref().map(redacted), template, note, ..Self::default() };
        }
        let command = words(&parts).unwrap_or_else(|| vec!["sh".to_owned(), "-c".to_owned(), shell_line(&parts)]);
        Self {
            cd: cd.as_deref().map(redacted),
            command: command.iter().map(|word| redacted(word)).collect(),
            note,
            template: String::new(),
            shell: redacted(&shell_line(&hint.parts)),
        }
    }
}

/// Whether a text has something to fill in: lower-case words joined by hyphens, in angle brackets.
fn has_blank(text: &str) -> bool {
    let mut pieces = text.split('<').skip(1).filter_map(|piece| piece.split_once('>'));
    pieces.any(|(name, _)| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'))
}

/// The folder of a `cd` at the beginning, and what is run in it. A `cd` that is run by itself would change nothing.
fn leading_cd(parts: &[Part]) -> (Option<String>, Vec<Part>) {
    match parts {
        [Part::Text("cd"), Part::Word(dir)] => (Some(dir.clone()), Vec::new()),
        [Part::Text("cd"), Part::Word(dir), Part::Text(next), rest @ ..] if next.starts_with("&&") => {
            let next = next.trim_start_matches("&&").trim_start();
            let first = (!next.is_empty()).then_some(Part::Text(next));
            (Some(dir.clone()), first.into_iter().chain(rest.iter().cloned()).collect())
        }
        [Part::Text(text)] => match text.strip_prefix("cd ").filter(|dir| !dir.contains(' ')) {
            Some(dir) => (Some(dir.to_owned()), Vec::new()),
            None => (None, parts.to_vec()),
        },
        _ => (None, parts.to_vec()),
    }
}

/// The words of a command; `None` where only a shell can run it. Fixed text has no quotes but where it needs a shell anyway.
fn words(parts: &[Part]) -> Option<Vec<String>> {
    let mut words = Vec::new();
    for part in parts {
        match part {
            Part::Text(text) if text.contains(['&', '|', ';', '<', '>', '$', '`', '*', '\'', '"', '\\']) => {
                return None;
            }
            Part::Text(text) => words.extend(text.split_whitespace().map(str::to_owned)),
            Part::Word(word) => words.push(word.clone()),
        }
    }
    Some(words)
}

/// The parts as one line of a shell.
fn shell_line(parts: &[Part]) -> String {
    let mut line = String::new();
    for part in parts {
        let part = match part {
            Part::Text(text) => Cow::Borrowed(*text),
            Part::Word(word) => Cow::Owned(quoted(word)),
        };
        if !line.is_empty() && !part.starts_with(')') {
            line.push(' ');
        }
        line.push_str(&part);
    }
    line
}

/// A hint from the parts of a command line: a literal is fixed text, the value of any other expression is one quoted
/// word. The parts are separated by spaces, except before the `)` that ends a `$(`.
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
        let command = shell_line(&self.parts);
        let note = self.note.as_deref().unwrap_or_default();
        let between = if command.is_empty() || note.is_empty() { "" } else { "   # " };
        f.write_str(&redacted(&format!("{command}{between}{note}")))
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
            (command!["mv", path.display(), "<new-place>"], "mv '/tmp/sp ace' <new-place>"),
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
        }
    }

    #[test]
    fn for_programs_a_command_is_a_list_of_words_and_a_shell_is_named_where_one_is_needed() {
        let (path, id) = (Path::new("/tmp/sp ace"), 12);
        for (hint, shown) in [
            (Hint::from("git aitask list"), r#"{"command":["git","aitask","list"]}"#),
            (
                command!["git aitask pick", id, "--steal"].note("take it over"),
                r#"{"command":["git","aitask","pick","12","--steal"],"note":"take it over"}"#,
            ),
            (Hint::from("git diff <a.patch >b"), r#"{"command":["sh","-c","git diff <a.patch >b"]}"#),
            (command!["git show", String::new()], r#"{"command":["git","show",""]}"#),
            (
                command!["git switch", String::from("a;b")].within(path),
                r#"{"cd":"/tmp/sp ace","command":["git","switch","a;b"]}"#,
            ),
            (command!["cd", path.display()].note("goes on"), r#"{"cd":"/tmp/sp ace","note":"goes on"}"#),
            (
                command!["cd", path.display(), "&& git aitask drop", id],
                r#"{"cd":"/tmp/sp ace","command":["git","aitask","drop","12"]}"#,
            ),
            (Hint::from("cd ../.."), r#"{"cd":"../.."}"#),
            (Hint::from("git fetch && git status"), r#"{"command":["sh","-c","git fetch && git status"]}"#),
            (
                command!["git switch", String::from("a b"), "&& git merge x"].within(path),
                r#"{"cd":"/tmp/sp ace","command":["sh","-c","git switch 'a b' && git merge x"]}"#,
            ),
            (command!["a \"$(b", String::from("c d"), ")\""], r#"{"command":["sh","-c","a \"$(b 'c d')\""]}"#),
            (
                command!["git ls-remote", String::from("https://u:t@h/a b")],
                r#"{"command":["git","ls-remote","https://***@h/a b"]}"#,
            ),
            (
                command!["git fetch; git ls-remote", String::from("https://u:t@h/a")],
                r#"{"command":["sh","-c","git fetch; git ls-remote https://***@h/a"]}"#,
            ),
            (Hint::advice("use high or low"), r#"{"note":"use high or low"}"#),
        ] {
            let mut json = serde_json::to_value(&hint).unwrap();
            let line = json.as_object_mut().unwrap().remove("shell");
            assert_eq!(json.to_string(), shown);
            let text = Hint { note: None, ..hint }.to_string();
            assert_eq!(line, (!text.is_empty()).then(|| text.into()));
        }
    }

    #[test]
    fn a_line_with_something_to_fill_in_is_no_command_that_a_program_would_start() {
        let (path, id) = (Path::new("/tmp/sp ace"), 12);
        for (hint, shown) in [
            (Hint::from("git aitask new <title>"), r#"{"template":"git aitask new <title>"}"#),
            (
                command!["git aitask edit", id, "-m <text>"].note("replaces it"),
                r#"{"template":"git aitask edit 12 -m <text>","note":"replaces it"}"#,
            ),
            (
                command!["mv", path.display(), "<new-place>"].within(path),
                r#"{"cd":"/tmp/sp ace","template":"mv '/tmp/sp ace' <new-place>"}"#,
            ),
            // what data has in brackets is a word like any other
            (command!["git show", String::from("<x>")], r#"{"command":["git","show","<x>"],"shell":"git show '<x>'"}"#),
        ] {
            assert_eq!(serde_json::to_string(&hint).unwrap(), shown);
        }
    }

    #[test]
    fn only_a_text_that_was_kept_is_told_by_the_scripts_too() {
        assert!(Hint::kept_in(Path::new("/tmp/x")).tells_where_text_is());
        assert!(!Hint::advice("your text is kept in /tmp/x").tells_where_text_is());
    }
}
