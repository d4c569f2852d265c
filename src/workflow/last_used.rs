//! The labels that this user gave last: `last_used_labels` in `userconfig.yaml` (specification 20, section 11).

use super::files;
use crate::error::Result;
use crate::task::{Document, labels};
use std::path::Path;

const KEY: &str = "last_used_labels";
const FILE: &str = "metadata/userconfig.yaml";
const RULE: &[u8] = b"---\n";

/// The file read as the fields of a task file, which is what its top level looks like.
fn read(tasks: &Path) -> Document {
    let bytes = std::fs::read(tasks.join(FILE)).unwrap_or_default();
    let end: &[u8] = if bytes.is_empty() || bytes.ends_with(b"\n") { b"" } else { b"\n" };
    Document::parse(&[RULE, &bytes, end, RULE].concat())
}

/// The labels; none when the file is missing or cannot be understood.
#[must_use]
pub fn load(tasks: &Path) -> Vec<String> {
    labels::sanitise_list(&read(tasks).list(KEY).join(",")).labels
}

/// Notes the labels. Every other line of the file stays.
pub fn save(tasks: &Path, used: &[String]) -> Result<()> {
    let file = tasks.join(FILE);
    let mut document = read(tasks);
    let fresh = !file.exists();
    document.append(KEY, &format!("[{}]", used.join(", ")))?;
    let bytes = document.to_bytes();
    let inside = bytes.strip_prefix(RULE).and_then(|rest| rest.strip_suffix(RULE)).unwrap_or(&bytes);
    let header: &[u8] = if fresh { b"# Local user configuration (gitignored, not shared)\n" } else { b"" };
    let _ = file.parent().map(std::fs::create_dir_all);
    files::replace(&file, &[header, inside].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(text: Option<&str>) -> (Vec<String>, String) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("metadata")).unwrap();
        if let Some(text) = text {
            std::fs::write(dir.path().join(FILE), text).unwrap();
        }
        let before = load(dir.path());
        save(dir.path(), &["a".to_owned(), "b".to_owned()]).unwrap();
        assert_eq!(load(dir.path()), ["a", "b"]);
        (before, std::fs::read_to_string(dir.path().join(FILE)).unwrap())
    }

    #[test]
    fn every_other_line_stays() {
        let header = "# Local user configuration (gitignored, not shared)\n";
        assert_eq!(after(None), (vec![], format!("{header}last_used_labels: [a, b]\n")));
        let (before, text) = after(Some("email: x@y\nlast_used_labels:\n  - one\n  - two\n# end\nodd line"));
        assert_eq!(before, ["one", "two"]);
        assert_eq!(text, "email: x@y\nlast_used_labels: [a, b]\n# end\nodd line\n");
        assert_eq!(after(Some("last_used_labels: p, q\n")).0, ["p", "q"]);
        assert_eq!(after(Some("{ malformed\n---\nx")).1, "{ malformed\nlast_used_labels: [a, b]\n---\nx\n");
    }
}
