//! What a program did on its way: connections made, git commands started.

use super::{Repo, Run};
use regex::Regex;

impl Repo {
    /// From here on this clone reaches `origin` through a script that counts; see [`Repo::connections`].
    pub(crate) fn count_connections(&self) {
        let dial = self.connection_log().with_extension("dial");
        let log = self.connection_log();
        let text = format!("#!/bin/sh\necho \"$1\" >>'{}'\nexec \"$1\" \"$2\"\n", log.display());
        self.world().script(&dial, &text);
        let url = format!("ext::{} %S {}", dial.display(), self.world().origin().display());
        self.git(&["config", "remote.origin.url", &url]);
        std::fs::write(log, "").unwrap();
    }

    /// The connections made since the last call, as what they were for: `fetch` or `push`.
    #[track_caller]
    pub(crate) fn connections(&self) -> Vec<&'static str> {
        let log = std::fs::read_to_string(self.connection_log()).expect("count_connections() comes first");
        std::fs::write(self.connection_log(), "").unwrap();
        log.lines().map(|line| if line.ends_with("receive-pack") { "push" } else { "fetch" }).collect()
    }

    /// Runs `git aitask ARGS`, and answers it with the git commands it started itself, in the order they began:
    /// each without the word `git`, object names as `<oid>`, the world's directory as `<dir>`.
    #[track_caller]
    pub(crate) fn git_commands(&self, args: &[&str]) -> (Run, Vec<String>) {
        self.git_commands_of(env!("CARGO_BIN_EXE_git-aitask"), args)
    }

    /// As [`Repo::git_commands`] for any program.
    #[track_caller]
    pub(crate) fn git_commands_of(&self, program: &str, args: &[&str]) -> (Run, Vec<String>) {
        let trace = tempfile::NamedTempFile::new_in(self.world().root()).unwrap();
        let run = self.env("GIT_TRACE2_EVENT", trace.path().display()).run(program, args);
        let text = std::fs::read_to_string(trace.path()).unwrap();
        (run, self.commands_in(&text))
    }

    /// The commands of a trace2 event file that no other git started: those whose session id has no parent's in it.
    fn commands_in(&self, trace: &str) -> Vec<String> {
        let events = trace.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let starts = events.filter(|event| event["event"] == "start" && !event["sid"].as_str().unwrap().contains('/'));
        let lines = starts.map(|event| {
            let words = event["argv"].as_array().unwrap().iter().skip(1).map(|word| word.as_str().unwrap().to_owned());
            self.normalise(&words.collect::<Vec<_>>().join(" "))
        });
        lines.collect()
    }

    /// `text` with what differs from run to run replaced: `<oid>`, `<dir>`, `<random>`.
    pub(crate) fn normalise(&self, text: &str) -> String {
        let root = self.world().root();
        let mut text = text.to_owned();
        for dir in [root.canonicalize().unwrap().as_path(), root] {
            text = text.replace(dir.to_str().unwrap(), "<dir>");
        }
        for (pattern, name) in [
            (r"\b(?:[0-9a-f]{64}|[0-9a-f]{40})\b", "<oid>"),
            (r"\b[0-9a-f]{16,}\b", "<random>"),
            (r"\.tmp\w{6}\b", "<random>"),
            (r"\bgit-aitask-merge-\w{6}\b", "<random>"),
        ] {
            text = Regex::new(pattern).unwrap().replace_all(&text, name).into_owned();
        }
        text
    }

    fn connection_log(&self) -> std::path::PathBuf {
        let name = self.top().file_name().unwrap().to_str().unwrap();
        self.world().root().join(format!("{name}.connections"))
    }
}
