//! Execution profiles, as far as branches go (specification 50, section 5): a mapping in YAML of which only the plain keys
//! at the left margin matter. What is no such mapping is refused rather than half read.

use crate::compat::invocation::Scene;
use crate::compat::worktrees::names::safe_branch;
use crate::error::{Error, Kind, Result};
use crate::files::read_own;

/// What an execution profile says of branches.
#[derive(Debug, Default)]
pub(crate) struct Profile {
    pub(crate) create_worktree: Option<bool>,
    pub(crate) base: Option<String>,
    pub(crate) output: Option<String>,
}

impl Profile {
    /// Reads a file, or the one of that name among the project's profiles.
    pub(crate) fn load(scene: &Scene, name: &str) -> Result<Self> {
        let path = scene.file(name);
        let (path, read) = if path.is_file() {
            let read = read_own(&path);
            (path, read)
        } else {
            let tasks = scene.tasks();
            let path = tasks.path("metadata/profiles").join(name);
            let read = tasks.tree().read(&path);
            (path, read)
        };
        let bytes = read?;
        let text = String::from_utf8_lossy(&bytes);
        let entries = entries(&text).map_err(|line| {
            Error::new(Kind::Unparsable, format!("cannot parse the profile {}: {line:?}", path.display()))
        })?;
        let mut profile = Self::default();
        for (key, value) in entries {
            let branch = || {
                let filled = Some(value).filter(|value| !matches!(*value, "" | "~" | "null"));
                filled.map(|value| safe_branch(&format!("profile {key}"), value)).transpose()
            };
            match key {
                "create_worktree" => profile.create_worktree = Some(matches!(value, "true" | "yes" | "on")),
                "base_branch" => profile.base = branch()?,
                "output_branch" => profile.output = branch()?,
                _ => {}
            }
        }
        Ok(profile)
    }
}

/// The keys at the left margin with their values, without quotes; the error is the line that cannot be.
fn entries(text: &str) -> Result<Vec<(&str, &str)>, &str> {
    let mut entries: Vec<(&str, &str)> = Vec::new();
    // What a value of several lines still waits for, and the line it began in.
    let mut open: Option<(Open, &str)> = None;
    for line in text.lines() {
        if let Some((waits, began)) = open.take() {
            open = waits.after(line).map(|waits| (waits, began));
            continue;
        }
        let plain = without_comment(line);
        let is_nested = plain.starts_with([' ', '\t']);
        // The items of a list may stand below their key without indentation.
        let is_item = plain == "-" || plain.starts_with("- ");
        let is_of_key = is_nested || (is_item && entries.last().is_some_and(|(_, value)| value.is_empty()));
        if plain.is_empty() || plain.starts_with('#') || matches!(plain, "---" | "...") || is_of_key {
            continue;
        }
        let (key, value) = plain.split_once(": ").or_else(|| Some((plain.strip_suffix(':')?, ""))).ok_or(line)?;
        let value = value.trim();
        if is_item || key.starts_with(['[', '{']) {
            return Err(line);
        }
        let bare = value.trim_matches(['"', '\'']);
        match value.chars().next() {
            Some('[' | '{') => open = Open::Brackets(1).after(&value[1..]).map(|open| (open, line)),
            Some(quote @ ('"' | '\'')) => open = Open::Quote(quote).after(&value[1..]).map(|open| (open, line)),
            Some('|' | '>') => {}
            // A mapping within a line is none.
            _ if bare.contains(": ") || bare.ends_with(':') => return Err(line),
            _ => {}
        }
        entries.push((key.trim(), bare));
    }
    open.map_or(Ok(entries), |(_, began)| Err(began))
}

/// A line up to what is said aside; a `#` in quotes is part of the value.
fn without_comment(line: &str) -> &str {
    let mut quote = None;
    let mut before = ' ';
    for (at, letter) in line.char_indices() {
        match (letter, quote) {
            ('#', None) if before == ' ' => return line[..at].trim_end(),
            ('"' | '\'', None) if [' ', '[', '{', ','].contains(&before) => quote = Some(letter),
            (letter, Some(open)) if letter == open => quote = None,
            _ => {}
        }
        before = letter;
    }
    line.trim_end()
}

/// A value that has not ended.
#[derive(Debug, Clone, Copy)]
enum Open {
    /// So many brackets are not closed.
    Brackets(usize),
    /// This quote is not.
    Quote(char),
}

impl Open {
    /// What is still open after a line of it.
    fn after(self, line: &str) -> Option<Self> {
        match self {
            Self::Brackets(depth) => {
                let opened = line.matches(['[', '{']).count();
                let depth = (depth + opened).saturating_sub(line.matches([']', '}']).count());
                (depth > 0).then_some(Self::Brackets(depth))
            }
            Self::Quote(quote) => (!line.trim_end().ends_with(quote)).then_some(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::entries;

    #[test]
    fn what_is_a_mapping_is_read() {
        let read = |text: &'static str| entries(text).unwrap();
        assert_eq!(
            read("---\n# x\nname: fast # y\nbase_branch: \"dev\"\n"),
            [("name", "fast"), ("base_branch", "dev")]
        );
        assert_eq!(
            read("a:\n- b\n- c\nd:\n  e: f\ng: [h,\n  i]\nj: x\n"),
            [("a", ""), ("d", ""), ("g", "[h,"), ("j", "x")]
        );
        assert_eq!(read("a: 'b: c'\nd: \"e\n  f\"\ng: |\n  h: [\n"), [("a", "b: c"), ("d", "e"), ("g", "|")]);
        assert_eq!(read("a: 'b #c' # d\ne: don't # f\n"), [("a", "b #c"), ("e", "don't")]);
        assert_eq!(read(""), []);
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [
            "a: [b",
            "- a\n- b\n",
            "text\n",
            "a: b: c\n",
            "a: \"b\n",
            "a: b\n- c\n",
            "a: {b: c\nd: e\n",
            "[a, b]\n",
            "{a: b}",
        ] {
            assert!(entries(text).is_err(), "{text:?}");
        }
    }
}
