//! The labels that this user gave last: `last_used_labels` in `userconfig.yaml`, which the original script offers too.

use crate::compat::folders::TaskFolder;
use crate::error::Result;
use crate::files::yaml::{self, Repeated};
use crate::task::{Document, labels};

const KEY: &str = "last_used_labels";
const FILE: &str = "metadata/userconfig.yaml";
const RULE: &[u8] = b"---\n";

/// The part of the file that is read, with the labels as a list or as a text.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct LastUsedLabels<L> {
    last_used_labels: L,
}

/// The file as a document of fields, since its top level has their form: this writes one field and keeps all other
/// lines, and reads a file that is not valid YAML.
fn parse(bytes: &[u8]) -> Document {
    let end: &[u8] = if bytes.is_empty() || bytes.ends_with(b"\n") { b"" } else { b"\n" };
    Document::parse(&[RULE, bytes, end, RULE].concat())
}

/// The labels; none when the file is missing or cannot be understood.
pub(crate) fn load(tasks: &TaskFolder) -> Vec<String> {
    let (path, bytes) = (tasks.path(FILE), tasks.read(FILE).unwrap_or_default());
    let list = yaml::parse::<LastUsedLabels<Vec<String>>>(&path, &bytes, Repeated::First);
    let text = |_| yaml::parse::<LastUsedLabels<String>>(&path, &bytes, Repeated::First);
    let labels = list
        .map(|config| config.last_used_labels.join(","))
        .or_else(|error| text(error).map(|config| config.last_used_labels));
    let labels = labels.unwrap_or_else(|_| parse(&bytes).list(KEY).join(","));
    labels::sanitise_list(&labels).labels
}

/// Stores the labels. Every other line of the file stays.
pub(crate) fn save(tasks: &TaskFolder, used: &[String]) -> Result<()> {
    let file = tasks.path(FILE);
    let before = tasks.tree().load(&file)?;
    let mut document = parse(before.as_deref().unwrap_or_default());
    document.append(KEY, &format!("[{}]", used.join(", ")))?;
    let bytes = document.to_bytes();
    let inside = bytes.strip_prefix(RULE).and_then(|rest| rest.strip_suffix(RULE)).unwrap_or(&bytes);
    let header: &[u8] = if before.is_none() { b"# Local user configuration (gitignored, not shared)\n" } else { b"" };
    tasks.tree().replace(&file, &[header, inside].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(text: Option<&str>) -> (Vec<String>, String) {
        let dir = tempfile::tempdir().unwrap();
        let tasks = crate::compat::folders::TaskFolders::new(dir.path()).tasks;
        std::fs::create_dir_all(tasks.path("metadata")).unwrap();
        if let Some(text) = text {
            std::fs::write(tasks.path(FILE), text).unwrap();
        }
        let before = load(&tasks);
        save(&tasks, &["a".to_owned(), "b".to_owned()]).unwrap();
        assert_eq!(load(&tasks), ["a", "b"]);
        (before, std::fs::read_to_string(tasks.path(FILE)).unwrap())
    }

    #[test]
    fn every_other_line_stays() {
        let header = "# Local user configuration (gitignored, not shared)\n";
        assert_eq!(after(None), (vec![], format!("{header}last_used_labels: [a, b]\n")));
        let (before, text) = after(Some("email: x@y\nlast_used_labels:\n  - one\n  - two\n# end\nodd line"));
        assert_eq!(before, ["one", "two"]);
        assert_eq!(text, "email: x@y\nlast_used_labels: [a, b]\n# end\nodd line\n");
        assert_eq!(after(Some("last_used_labels: p, q # r\n")).0, ["p", "q"]);
        assert_eq!(after(Some("last_used_labels: [p, # q\n  'on', 007]\n")).0, ["p", "on", "007"]);
        assert_eq!(after(Some("last_used_labels:\n")).0, Vec::<String>::new());
        assert_eq!(after(Some("{ malformed\n---\nx")).1, "{ malformed\nlast_used_labels: [a, b]\n---\nx\n");
    }
}
