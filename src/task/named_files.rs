//! The files that a task names: in its field `file_references`, and in its text and its plan.

use crate::task::Document;
use crate::task::fields::referenced_path;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Files and folders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct NamedFiles(BTreeSet<PathBuf>);

impl NamedFiles {
    /// Those of a task and its plan.
    pub(crate) fn of(document: &Document, plan: Option<&str>) -> Self {
        let fields = document.list("file_references");
        let referenced = fields.iter().map(|reference| referenced_path(reference)).filter_map(clean);
        let body = String::from_utf8_lossy(document.body());
        let texts = [Some(&*body), plan].into_iter().flatten();
        Self(referenced.chain(texts.flat_map(paths_in)).collect())
    }

    /// Whether this file is named, or a folder that it is in.
    pub(crate) fn has(&self, path: &Path) -> bool {
        path.ancestors().any(|above| self.0.contains(above))
    }
}

/// The words of a text that can be paths: with a slash or a dot in them, or in backquotes.
fn paths_in(text: &str) -> impl Iterator<Item = PathBuf> {
    let ends = |c: char| c.is_whitespace() || "\"'`()[]{}<>,;:|*=!?".contains(c);
    text.split_inclusive(ends)
        .scan(None, move |before: &mut Option<char>, part| {
            let end = part.chars().next_back().filter(|c| ends(*c));
            let word = part.strip_suffix(ends).unwrap_or(part);
            let is_quoted = *before == Some('`') && end == Some('`');
            *before = end;
            // A sentence may end with a path.
            let word = word.trim_end_matches('.');
            let may_be = is_quoted || word.contains(['/', '.']);
            Some(clean(word).filter(|_| may_be))
        })
        .flatten()
}

/// A path from the top of the repository, if it is one.
fn clean(word: &str) -> Option<PathBuf> {
    let word = word.trim_start_matches("./").trim_end_matches('/');
    (!word.is_empty() && !word.starts_with('/')).then(|| PathBuf::from(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn named(text: &str, plan: Option<&str>) -> NamedFiles {
        NamedFiles::of(&Document::parse(text.as_bytes()), plan)
    }

    #[test]
    fn references_text_and_plan_name_files() {
        let text = "---\nfile_references: [src/my file.rs:1-2, ./docs]\n---\n\nSee src/a.rs:12, (tests/b.rs) and README.md.\n\
                    `Makefile` and plain words: make Dockerfile, the end\n";
        let found = named(text, Some("In `src/ops/` and \"x/y.rs\"; not /etc/passwd."));
        for yes in [
            "src/my file.rs",
            "docs/deep/page.md",
            "src/a.rs",
            "tests/b.rs",
            "README.md",
            "Makefile",
            "src/ops/status.rs",
            "x/y.rs",
        ] {
            assert!(found.has(Path::new(yes)), "{yes}");
        }
        for no in ["src/b.rs", "a.rs", "Dockerfile", "the", "end", "etc/passwd", "src/opsx/a.rs", "src"] {
            assert!(!found.has(Path::new(no)), "{no}");
        }
        assert_eq!(named("", None), NamedFiles::default());
    }

    proptest! {
        #[test]
        fn any_path_in_a_sentence_is_found(path in "[a-z]{1,5}(/[a-z_]{1,5}){1,3}(\\.[a-z]{1,3})?", mark in "[.,;:)]?") {
            let found = named(&format!("Change ({path}{mark} please"), None);
            prop_assert!(found.has(Path::new(&path)));
        }

        #[test]
        fn no_text_makes_it_panic(text: String, plan: String) {
            let found = named(&text, Some(&plan));
            prop_assert!(!found.has(Path::new("")));
        }
    }
}
