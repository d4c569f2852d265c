//! The facts of an error beyond its sentence: for code that decides by them, and for the JSON form.

use super::text::redacted;
use serde::Serialize;
use serde_json::{Map, Value};

/// One fact about an error. The fields are those of the JSON form, under the same names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
pub(crate) enum Payload {
    /// The field of a task that is invalid.
    Field { key: String },
    /// The standard error of git, about a remote or an option.
    Said { stderr: String },
    /// The call of git that failed.
    Call { command: String, directory: String },
    /// The exit code of git, which a script returns too.
    ExitCode { code: i32 },
    /// The hook of the user that refused a push.
    Hook { hook: &'static str },
    /// The hook of the user that failed, or took too long, in another call of git; what git did may stand.
    FailedHook { failed_hook: String },
    /// The branches that the server refused.
    Refused { branches: Vec<String> },
    /// The task branch that was pushed for a pull request which was not opened, and the addresses that the server offered.
    Pushed { pushed: String, addresses: Vec<String> },
    /// The coordination branches that are gone or were set back, and the newest known commit of the first of them.
    Lost { branches: Vec<String>, commit: String },
    /// The branch of locks that this clone has and the remote does not.
    Unpublished { branch: &'static str },
    /// The branch that a finish could not merge into.
    Protected { branch: String },
    /// The content of the id counter that is not a number.
    Counter { value: String },
    /// Why it is refused, as a word: of the protocol of the task board, or of what is wrong with the clone.
    Reason { reason: &'static str },
    /// The holder of the task, as in the JSON of `pick`.
    Held { holder: Value },
    /// Tasks to pick instead, as in the JSON of `list`.
    Ready { ready: Value },
    /// The folder that the demo leaves behind.
    Folder { folder: String },
    /// The tasks that were picked before it, each as in the JSON of `pick`.
    Picked { picked: Value },
    /// The errors of all the tasks with which it was not done.
    Failed { failed: Value },
    /// The tasks after it, with which it was not tried.
    NotTried { not_tried: Vec<String> },
    /// Circles of tasks: each waits for the next one, and the last one for the first.
    Circles { circles: Vec<Vec<String>> },
    /// The gates that have not passed.
    Gates { gates: Vec<String> },
    /// The files that conflict.
    Files { files: Vec<String> },
    /// The files that were changed within `explore`.
    Written { written: Vec<String> },
    /// The file of the archived task.
    Archived { archived: String },
    /// The tasks that have two holders.
    Tasks { task_ids: Vec<String> },
    /// The command did its work, and only its result could not be written.
    Done { done: bool },
    /// The last lines of what the check command printed.
    Output { output: String },
    /// The usage line of the verb whose arguments are wrong.
    Usage { usage: String },
    /// The values, or the verbs of a verb, that could stand there.
    PossibleValues { possible_values: Vec<String> },
    /// The message has several lines, all written by this program, so its newlines are printed.
    Lines { lines: bool },
}

impl Payload {
    /// The JSON of a value, such as the holder of a task.
    pub(crate) fn described(value: &impl Serialize) -> Value {
        serde_json::to_value(value).unwrap_or_default()
    }

    /// The fact without the secrets of the URLs that git prints.
    pub(super) fn redacted(self) -> Self {
        match self {
            Self::Said { stderr } => Self::Said { stderr: redacted(&stderr) },
            other => other,
        }
    }
}

/// The fields of the JSON form.
pub(super) fn fields(payloads: &[Payload]) -> Map<String, Value> {
    let objects = payloads.iter().map(Payload::described);
    let objects = objects.filter_map(|value| match without_secrets(value) {
        Value::Object(fields) => Some(fields),
        _ => None,
    });
    objects.flatten().collect()
}

/// A value without the secrets of the URLs in its texts.
fn without_secrets(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(redacted(&text)),
        Value::Array(values) => Value::Array(values.into_iter().map(without_secrets).collect()),
        Value::Object(fields) => fields.into_iter().map(|(key, value)| (key, without_secrets(value))).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, Kind};

    fn json(payloads: &[Payload]) -> String {
        Value::Object(fields(payloads)).to_string()
    }

    #[test]
    fn the_json_form_has_these_fields() {
        let text = String::from;
        for (payload, shown) in [
            (Payload::Field { key: text("status") }, r#"{"key":"status"}"#),
            (Payload::Said { stderr: text("fatal: no") }, r#"{"stderr":"fatal: no"}"#),
            (
                Payload::Call { command: text("git x"), directory: text("/d") },
                r#"{"command":"git x","directory":"/d"}"#,
            ),
            (Payload::ExitCode { code: 128 }, r#"{"code":128}"#),
            (Payload::Hook { hook: "pre-push" }, r#"{"hook":"pre-push"}"#),
            (Payload::FailedHook { failed_hook: text("pre-commit") }, r#"{"failed_hook":"pre-commit"}"#),
            (Payload::Refused { branches: vec![text("main")] }, r#"{"branches":["main"]}"#),
            (
                Payload::Pushed { pushed: text("aitask/t1"), addresses: vec![text("https://h/new")] },
                r#"{"pushed":"aitask/t1","addresses":["https://h/new"]}"#,
            ),
            (
                Payload::Lost { branches: vec![text("a"), text("b")], commit: text("1f") },
                r#"{"branches":["a","b"],"commit":"1f"}"#,
            ),
            (Payload::Unpublished { branch: "aitask-locks" }, r#"{"branch":"aitask-locks"}"#),
            (Payload::Protected { branch: text("main") }, r#"{"branch":"main"}"#),
            (Payload::Counter { value: text("x") }, r#"{"value":"x"}"#),
            (Payload::Reason { reason: "not_found" }, r#"{"reason":"not_found"}"#),
            (Payload::Held { holder: serde_json::json!({ "pid": 1 }) }, r#"{"holder":{"pid":1}}"#),
            (Payload::Ready { ready: serde_json::json!([]) }, r#"{"ready":[]}"#),
            (Payload::Folder { folder: text("/tmp/x") }, r#"{"folder":"/tmp/x"}"#),
            (Payload::Gates { gates: vec![text("g")] }, r#"{"gates":["g"]}"#),
            (Payload::Files { files: vec![text("f")] }, r#"{"files":["f"]}"#),
            (Payload::Written { written: vec![text("w")] }, r#"{"written":["w"]}"#),
            (Payload::Archived { archived: text("a.md") }, r#"{"archived":"a.md"}"#),
            (Payload::Tasks { task_ids: vec![text("1"), text("2")] }, r#"{"task_ids":["1","2"]}"#),
            (Payload::Lines { lines: true }, r#"{"lines":true}"#),
            (Payload::Usage { usage: text("git aitask list") }, r#"{"usage":"git aitask list"}"#),
            (Payload::PossibleValues { possible_values: vec![text("a")] }, r#"{"possible_values":["a"]}"#),
            (Payload::Done { done: true }, r#"{"done":true}"#),
            (Payload::Output { output: text("o") }, r#"{"output":"o"}"#),
        ] {
            assert_eq!(json(&[payload]), shown);
        }
    }

    #[test]
    fn facts_stand_in_the_order_in_which_they_were_added() {
        let (holder, ready) = (Value::from("ann"), Value::from(vec![1]));
        assert_eq!(json(&[Payload::Held { holder }, Payload::Ready { ready }]), r#"{"holder":"ann","ready":[1]}"#);
    }

    #[test]
    fn secrets_are_shown_to_nobody() {
        let stderr = "fatal: unable to access 'https://u:t@h/a'".to_owned();
        let error = Error::new(Kind::Unreachable, "no").with(Payload::Said { stderr });
        assert_eq!(error.stderr(), Some("fatal: unable to access 'https://***@h/a'"));
        let folder = "https://u:t@h/a".to_owned();
        assert_eq!(json(&[Payload::Folder { folder }]), r#"{"folder":"https://***@h/a"}"#);
    }

    #[test]
    fn a_refusal_is_about_the_branches_that_the_server_named() {
        let error = |kind| Error::new(kind, "no").with(Payload::Refused { branches: vec!["main".to_owned()] });
        assert!(error(Kind::Denied).is_denied_for("main"));
        assert!(!error(Kind::Denied).is_denied_for("other"));
        assert!(!error(Kind::Unknown).is_denied_for("main"));
    }
}
