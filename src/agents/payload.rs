//! What an agent program tells a hook on standard input. The programs spell the same things differently and add keys at
//! any time, so what is not known is passed over, and what is missing is missing.

use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// The facts of an event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Payload {
    /// The session of the agent.
    pub(crate) session: Option<String>,
    /// The directory of the session.
    pub(crate) dir: Option<PathBuf>,
    /// The files that a tool is about to write.
    pub(crate) written: Vec<PathBuf>,
    /// Whether the agent goes on because a hook has kept it from stopping.
    pub(crate) is_kept_going: bool,
    /// Why the session begins or ends.
    pub(crate) reason: Option<String>,
    /// The name of a worktree that is to be made.
    pub(crate) name: Option<String>,
    /// The folder of a worktree that is to be removed.
    pub(crate) worktree: Option<PathBuf>,
}

/// Tools that write the files that they name. A command of a shell is none: nobody can tell what it writes.
const WRITING: [&str; 10] = [
    "Write",
    "Edit",
    "MultiEdit",
    "NotebookEdit",
    "apply_patch",
    "write_file",
    "replace",
    "edit",
    "write",
    "editFiles",
];

/// Keys under which a tool has the path of a file.
const PATHS: [&str; 6] = ["file_path", "filePath", "notebook_path", "notebookPath", "path", "files"];

/// Lines of a patch that name a file.
const PATCHED: [&str; 4] = ["*** Add File: ", "*** Update File: ", "*** Delete File: ", "*** Move to: "];

impl Payload {
    /// Reads it; what cannot be read tells nothing.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let Ok(Value::Object(fields)) = serde_json::from_slice(bytes) else { return Self::default() };
        let text =
            |keys: &[&str]| keys.iter().find_map(|key| fields.get(*key)?.as_str()).filter(|text| !text.is_empty());
        let path = |keys: &[&str]| text(keys).map(PathBuf::from);
        let tool = text(&["tool_name", "toolName", "tool"]).unwrap_or_default();
        let input = ["tool_input", "toolInput", "toolArgs", "args"].iter().find_map(|key| fields.get(*key));
        Self {
            session: text(&["session_id", "sessionId", "conversation_id", "conversationId"]).map(str::to_owned),
            dir: path(&["cwd"]),
            written: input.filter(|_| WRITING.contains(&tool)).map_or_else(Vec::new, written),
            is_kept_going: ["stop_hook_active", "stopHookActive"]
                .iter()
                .any(|key| fields.get(*key) == Some(&Value::Bool(true))),
            reason: text(&["reason", "source"]).map(str::to_owned),
            name: text(&["name", "worktree_name", "worktreeName"]).map(str::to_owned),
            worktree: path(&["worktree_path", "worktreePath"]),
        }
    }

    /// The files that a tool is about to write, from the directory of the session where they are relative.
    pub(crate) fn written_from(&self, here: &Path) -> impl Iterator<Item = PathBuf> {
        let dir = self.dir.clone().unwrap_or_else(|| here.to_owned());
        self.written.iter().map(move |path| dir.join(path))
    }
}

/// The files in the arguments of a tool, which may be JSON in a text.
fn written(input: &Value) -> Vec<PathBuf> {
    let parsed =
        input.as_str().and_then(|text| serde_json::from_str::<Map<String, Value>>(text).ok()).map(Value::Object);
    let input = parsed.as_ref().unwrap_or(input);
    let mut found = Vec::new();
    for value in PATHS.iter().filter_map(|key| input.get(*key)) {
        match value {
            Value::Array(paths) => found.extend(paths.iter().filter_map(Value::as_str)),
            value => found.extend(value.as_str()),
        }
    }
    if found.is_empty() {
        let mut texts = Vec::new();
        collect_texts(input, &mut texts);
        let lines = texts.into_iter().flat_map(str::lines);
        found.extend(lines.filter_map(|line| PATCHED.iter().find_map(|begin| line.strip_prefix(begin))).map(str::trim));
    }
    found.into_iter().filter(|path| !path.is_empty()).map(PathBuf::from).collect()
}

/// Every text in a value, which is no deeper than the parser allows.
fn collect_texts<'v>(value: &'v Value, texts: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(values) => values.iter().for_each(|value| collect_texts(value, texts)),
        Value::Object(fields) => fields.values().for_each(|value| collect_texts(value, texts)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(text: &str) -> Vec<String> {
        let payload = Payload::parse(text.as_bytes());
        payload.written_from(Path::new("/here")).map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn the_files_that_a_tool_writes_in_the_spellings_of_the_programs() {
        let patch = r"*** Begin Patch\n*** Update File: a.rs\n@@\n-x\n+y\n*** Move to: b.rs\n*** Add File: c.rs\n+*** z\n*** End Patch";
        for (text, files) in [
            (
                r#"{"tool_name":"Edit","tool_input":{"file_path":"/s/cart.rs","old_string":"a"}}"#.to_owned(),
                "/s/cart.rs",
            ),
            (r#"{"toolName":"Write","toolArgs":"{\"filePath\":\"/s/a\"}"}"#.to_owned(), "/s/a"),
            (
                r#"{"tool_name":"NotebookEdit","tool_input":{"notebook_path":"n.ipynb"},"cwd":"/s"}"#.to_owned(),
                "/s/n.ipynb",
            ),
            (r#"{"tool_name":"editFiles","tool_input":{"files":["x","y"]}}"#.to_owned(), "/here/x /here/y"),
            (
                format!(
                    r#"{{"tool_name":"apply_patch","cwd":"/s","tool_input":{{"command":["apply_patch","{patch}"]}}}}"#
                ),
                "/s/a.rs /s/b.rs /s/c.rs",
            ),
            (format!(r#"{{"tool_name":"apply_patch","cwd":"/s","tool_input":"{patch}"}}"#), "/s/a.rs /s/b.rs /s/c.rs"),
            (r#"{"tool_name":"Read","tool_input":{"file_path":"/s/a"}}"#.to_owned(), ""),
            (r#"{"tool_name":"Bash","tool_input":{"command":"*** Add File: x"}}"#.to_owned(), ""),
            (r#"{"tool_name":"Write","tool_input":{"file_path":7}}"#.to_owned(), ""),
            (r#"{"tool_name":"Write"}"#.to_owned(), ""),
        ] {
            assert_eq!(written(&text).join(" "), files, "{text}");
        }
    }

    #[test]
    fn both_spellings_are_read_and_the_rest_is_passed_over() {
        let snake = Payload::parse(
            br#"{"session_id":"s","cwd":"/d","stop_hook_active":true,"reason":"clear","new":{"x":[1]}}"#,
        );
        let camel = Payload::parse(
            b"\xef\xbb\xbf{\"sessionId\":\"s\",\"cwd\":\"/d\",\"stopHookActive\":true,\"source\":\"clear\"}",
        );
        assert_eq!(snake, camel);
        assert!(snake.is_kept_going && snake.session.as_deref() == Some("s"));
        for text in ["", "[]", "null", "{", "{\"session_id\":7,\"cwd\":\"\"}", "\u{0}"] {
            assert_eq!(Payload::parse(text.as_bytes()), Payload::default(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_input_stops_it(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "[{}\\[\\]:,\"a-z_*\\\\ ]{0,60}") {
            Payload::parse(&bytes);
            Payload::parse(text.as_bytes());
        }
    }
}
