//! A source file as the rules see it: without comments, strings and the parts that only tests have.

use std::path::Path;

/// One file of `src/`.
pub(super) struct Source {
    name: String,
    module: String,
    /// The code: comments, literals and `#[cfg(test)]` items are blank, line ends are kept.
    code: String,
    /// How many lines are no test's.
    length: usize,
}

/// All files of `src/`, in the order of their names.
pub(super) fn sources() -> Vec<Source> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut found, mut folders) = (Vec::new(), vec![src.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&src).unwrap().to_str().unwrap().to_owned();
                found.push(Source::new(&name, &std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(found.len() > 1, "no sources in {}", src.display());
    found
}

impl Source {
    /// A file `name` (from `src/`) with the content `text`. A file or folder called `tests` is all test.
    pub(super) fn new(name: &str, text: &str) -> Self {
        let module = name.trim_end_matches(".rs").trim_end_matches("/mod").replace('/', "::");
        let only_tests = module.split("::").any(|part| part == "tests");
        let mut code = without_comments_and_literals(text);
        let test_lines = if only_tests { text.lines().count() } else { blank_test_items(&mut code) };
        if only_tests {
            code.clear();
        }
        Self { name: name.into(), module, code, length: text.lines().count() - test_lines }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The path of the module in the crate, such as `git::porcelain::push`.
    pub(super) fn module(&self) -> &str {
        &self.module
    }

    /// The number of lines without those of tests.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// The lines of the code where `word` stands by itself.
    pub(super) fn lines_with(&self, word: &str) -> Vec<usize> {
        self.places(word).map(|place| self.line(place)).collect()
    }

    /// Every path into the crate that the code names, from the root of the crate, with its line: those that begin
    /// with `crate`, `super` or the library's name; a use tree gives one a leaf. Inline modules are not looked into.
    pub(super) fn paths(&self) -> Vec<(usize, String)> {
        let mut paths = Vec::new();
        for (word, root) in [("crate::", Some("")), ("git_aitask::", Some("")), ("super::", None)] {
            for place in self.places(word) {
                let mut rest = place + word.len();
                // `super::super::x`: the first one resolves them all
                if self.code[..place].trim_end().ends_with("super::") {
                    continue;
                }
                let mut prefix = root.map_or_else(|| parent(&self.module), |_| String::new());
                while let Some(further) = self.code[rest..].strip_prefix("super::") {
                    prefix = parent(&prefix);
                    rest = self.code.len() - further.len();
                }
                let mut reader = Reader { code: &self.code, place: rest };
                reader.tree(&prefix, &mut |place, path| paths.push((self.line(place), path)));
            }
        }
        paths.sort();
        paths
    }

    fn places<'a>(&'a self, word: &'a str) -> impl Iterator<Item = usize> + 'a {
        let found = self.code.match_indices(word).map(|(place, _)| place);
        found.filter(|place| !self.code[..*place].ends_with(|c: char| is_word(c) || c == '#' || c == '$'))
    }

    fn line(&self, place: usize) -> usize {
        self.code[..place].matches('\n').count() + 1
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The module around a module; the root is empty.
fn parent(module: &str) -> String {
    module.rsplit_once("::").map_or_else(String::new, |(outer, _)| outer.into())
}

/// Reads the use tree or path that begins at a place.
struct Reader<'a> {
    code: &'a str,
    place: usize,
}

impl Reader<'_> {
    fn space(&mut self) {
        let rest = &self.code[self.place..];
        self.place += rest.len() - rest.trim_start().len();
    }

    fn next_is(&mut self, token: &str) -> bool {
        let found = self.code[self.place..].starts_with(token);
        self.place += if found { token.len() } else { 0 };
        found
    }

    fn word(&mut self) -> &str {
        let rest = &self.code[self.place..];
        let word = &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())];
        self.place += word.len();
        word
    }

    fn tree(&mut self, prefix: &str, found: &mut dyn FnMut(usize, String)) {
        self.space();
        let start = self.place;
        if self.next_is("{") {
            loop {
                self.space();
                if self.next_is("}") || self.place >= self.code.len() {
                    return;
                }
                self.tree(prefix, found);
                // `as name`, then the comma
                let rest = &self.code[self.place..];
                self.place += rest.find([',', '}']).unwrap_or(rest.len());
                self.next_is(",");
            }
        }
        self.next_is("r#");
        let word = self.word().to_owned();
        let path = match word.as_str() {
            // the glob, `self`, or the end of an expression's path (a turbofish)
            "" | "self" => return found(start, prefix.into()),
            _ if prefix.is_empty() => word,
            _ => format!("{prefix}::{word}"),
        };
        if self.next_is("::") { self.tree(&path, found) } else { found(start, path) }
    }
}

/// Blanks every item under `#[cfg(test)]`, and answers how many lines those were.
fn blank_test_items(code: &mut String) -> usize {
    let mut lines = 0;
    while let Some(start) = code.find("#[cfg(test)]") {
        let mut depth = 0usize;
        // to the end of the first braces, or a semicolon outside of any bracket
        let end = code[start..].char_indices().find_map(|(place, c)| {
            match c {
                '{' | '(' | '[' => depth += 1,
                '}' | ')' | ']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            (depth == 0 && matches!(c, '}' | ';')).then_some(start + place + c.len_utf8())
        });
        let end = end.unwrap_or(code.len());
        let item = &code[start..end];
        lines += item.lines().count();
        let blank: String = item.chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        code.replace_range(start..end, &blank);
    }
    lines
}

/// Comments and the content of strings and characters, blanked; line ends are kept.
fn without_comments_and_literals(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let word_before = code.ends_with(is_word);
        let length = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block_comment(rest),
            '"' => quoted(rest, '"'),
            'r' | 'b' | 'c' if !word_before => literal_with_prefix(rest).unwrap_or(0),
            // a character, not a lifetime: it closes after one character or begins with a backslash
            '\'' if rest[1..].starts_with('\\') || rest.chars().nth(2) == Some('\'') => quoted(rest, '\''),
            _ => 0,
        };
        if length == 0 {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            let (blank, after) = rest.split_at(length);
            code.extend(blank.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = after;
        }
    }
    code
}

/// The length of the comment that begins here; they nest.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut place) = (0usize, 0);
    while place < text.len() {
        if text[place..].starts_with("/*") {
            (depth, place) = (depth + 1, place + 2);
        } else if text[place..].starts_with("*/") {
            (depth, place) = (depth - 1, place + 2);
            if depth == 0 {
                break;
            }
        } else {
            place += text[place..].chars().next().map_or(1, char::len_utf8);
        }
    }
    place
}

/// The length of the literal that begins here with `quote`, escapes considered.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (place, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return place + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of `r"…"`, `br#"…"#`, `b"…"`, `b'…'` and their like, if one begins here.
fn literal_with_prefix(text: &str) -> Option<usize> {
    let letters = text.len() - text.trim_start_matches(['b', 'c', 'r']).len();
    let (prefix, rest) = text.split_at(letters);
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    if prefix.len() > 2 {
        None
    } else if prefix.ends_with('r') && rest[hashes..].starts_with('"') {
        let close = format!("\"{}", "#".repeat(hashes));
        let body = letters + hashes + 1;
        Some(text[body..].find(&close).map_or(text.len(), |end| body + end + close.len()))
    } else if rest.starts_with('"') {
        Some(letters + quoted(rest, '"'))
    } else if prefix == "b" && rest.starts_with('\'') {
        Some(letters + quoted(rest, '\''))
    } else {
        None
    }
}
