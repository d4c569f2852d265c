//! The hints of JSON answers, followed as a program follows them, and as lines of a shell.

use super::{Repo, Run};
use serde_json::Value;

/// The hints of an error, or of what is incomplete, each as people see it.
#[track_caller]
pub(crate) fn hints(of: &Value) -> Vec<String> {
    of["hints"].as_array().unwrap_or_else(|| panic!("no hints in {of}")).iter().map(line).collect()
}

fn line(hint: &Value) -> String {
    let words = words(hint);
    let command = match words.as_slice() {
        [] => hint["template"].as_str().unwrap_or_default().to_owned(),
        ["sh", "-c", line] => (*line).to_owned(),
        words => shlex::try_join(words.iter().copied()).unwrap(),
    };
    let cd = hint["cd"].as_str().map(|dir| format!("cd {}", shlex::try_quote(dir).unwrap()));
    let commands: Vec<_> = cd.into_iter().chain(Some(command).filter(|command| !command.is_empty())).collect();
    let parts = [commands.join(" && "), hint["note"].as_str().unwrap_or_default().to_owned()];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("   # ")
}

fn words(hint: &Value) -> Vec<&str> {
    hint["command"].as_array().map_or_else(Vec::new, |words| words.iter().map(|word| word.as_str().unwrap()).collect())
}

impl Repo {
    /// Runs the command of a hint as it stands, in the folder that it names.
    #[track_caller]
    pub(crate) fn follow(&self, hint: &Value) -> Run {
        let words = words(hint);
        let (program, args) = words.split_first().unwrap_or_else(|| panic!("no command: {hint}"));
        let beside = std::path::Path::new(env!("CARGO_BIN_EXE_git-aitask")).parent().unwrap();
        let found = self.with_programs(beside);
        let there = hint["cd"].as_str().map(|dir| found.at(found.dir().join(dir)));
        there.unwrap_or(found).run(program, args)
    }
}
