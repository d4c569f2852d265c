//! The player of a case: its steps in throwaway repositories, and what is noted of them.
//!
//! One step a line; a trailing `<<END` takes the lines up to `END` as its text.
//!
//! | Step | Meaning |
//! |---|---|
//! | `origin [sha256]` | a bare repository `origin.git` with one commit on main |
//! | `clone DIR NAME EMAIL`, `solo DIR NAME EMAIL` | a clone of it; a repository without a remote |
//! | `data DIR` | its task data live on the branch aitask-data from here on |
//! | `write DIR PATH`, `task DIR PATH key=value ...` | a file; a task file with ordinary frontmatter |
//! | `commit DIR MESSAGE` | everything there is, pushed when there is a remote |
//! | `git DIR ARGS`, `sh DIR COMMAND` | must succeed; nothing is noted |
//! | `host NAME`, `env NAME=VALUE` | what `hostname` prints; a variable, unset when empty |
//! | `live NAME`, `kill NAME` | a sleeping process whose id is `$NAME` in `env` and arguments |
//! | `run DIR SCRIPT ARGS` | the script; a text is its standard input |
//! | `run-exit DIR SCRIPT ARGS` | of which only the exit code counts, and whether it said anything |
//! | `par N DIR SCRIPT ARGS` | N at once |
//! | `expect-err TEXT`, `expect-out TEXT` | stderr contains it; stdout has that line (`TEXT...` begins one) |
//! | `look DIR COMMAND` | what a shell command prints |
//! | `dates` | from here on times that are not about now are shown |
//! | `branch`, `log DIR BRANCH`, `files DIR PATH`, `status`, `refs DIR` | state left behind |

use super::normal::{Normal, plain, unix};
use super::words::{quoted, split};
use crate::support::{Run, Running, Sleeper, World};
use std::path::PathBuf;
use std::process::Command;

const GITCONFIG: &str =
    "[advice]\n\tdefaultBranchName = false\n[user]\n\tname = Tester\n\temail = tester@example.com\n";

/// Puts the task data of a clone on the branch aitask-data: taken from the remote when it has one, else made.
const DATA: &str = r#"
if git fetch -q origin aitask-data:refs/remotes/origin/aitask-data 2>/dev/null; then
    made=
    git pull -q --ff-only
else
    made=yes
    publish() { ! git remote get-url origin >/dev/null 2>&1 || git push -q "$@"; }
    root=$(git commit-tree -m 'ait: Initialize aitask-data branch' "$(git mktree </dev/null)")
    git update-ref refs/heads/aitask-data "$root"
    printf '%s\n' .aitask-data/ aitasks aiplans >>.gitignore
    git add .gitignore
    git commit -qm 'ait: Configure task data branch with worktree and symlinks'
    publish origin HEAD
fi
git worktree add -q .aitask-data aitask-data
for dir in aitasks aiplans; do
    mkdir -p .aitask-data/$dir
    ln -s .aitask-data/$dir $dir
done
if [ -n "$made" ]; then
    cd .aitask-data
    printf '%s\n' aitasks/new/ aitasks/metadata/userconfig.yaml >.gitignore
    git add .gitignore
    git commit -qm 'ait: Initialize task data structure'
    publish -u origin aitask-data
fi
"#;

const FIELDS: [(&str, &str); 8] = [
    ("priority", "medium"),
    ("effort", "medium"),
    ("depends", "[]"),
    ("issue_type", "feature"),
    ("status", "Ready"),
    ("labels", "[]"),
    ("created_at", "2026-01-01 00:00"),
    ("updated_at", "2026-01-01 00:00"),
];

/// Plays a case and answers what it noted.
#[track_caller]
pub(super) fn play(name: &str, case: &str) -> String {
    let world = World::new();
    let root = world.root().canonicalize().unwrap();
    let bin = root.join("bin");
    world.script(&bin.join("hostname"), "#!/bin/sh\necho \"${REPLAY_HOST}\"\n");
    let mut config = std::fs::read_to_string(root.join("home/.gitconfig")).unwrap();
    config.push_str(GITCONFIG);
    std::fs::write(root.join("home/.gitconfig"), config).unwrap();
    std::fs::remove_dir_all(root.join("origin.git")).unwrap();
    let env = [
        ("NO_COLOR", "1"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("EDITOR", "true"),
        ("USER", "tester"),
        ("REPLAY_HOST", "host-one"),
    ];
    let env = env.map(|(key, value)| (key.to_owned(), Some(value.to_owned()))).into();
    let world = world.with_programs(&bin);
    let mut play = Play {
        world,
        root,
        env,
        live: Vec::new(),
        dates: false,
        noted: String::new(),
        out: String::new(),
        err: String::new(),
    };
    let mut lines = case.lines();
    while let Some(line) = lines.next() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let (line, text) = match line.strip_suffix("<<END") {
            None => (line, None),
            Some(line) => {
                let text = lines.by_ref().take_while(|line| *line != "END").flat_map(|line| [line, "\n"]).collect();
                (line.trim_end(), Some(text))
            }
        };
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        play.step(verb, rest, text).unwrap_or_else(|| panic!("{name}: no such step: {line}"));
    }
    play.audit(name);
    play.noted
}

/// Cases in which the history of the coordination branches is not what the rules allow, on purpose.
const NOT_CLEAN: &[&str] = &[];

pub(super) struct Play {
    world: World,
    pub(super) root: PathBuf,
    /// Variables that were set, or unset, in that order.
    env: Vec<(String, Option<String>)>,
    live: Vec<(String, Sleeper)>,
    dates: bool,
    noted: String,
    /// The last run's stdout, normalised, and its stderr.
    out: String,
    err: String,
}

pub(super) fn two(rest: &str) -> (&str, &str) {
    rest.split_once(' ').unwrap()
}

impl Play {
    fn step(&mut self, verb: &str, rest: &str, text: Option<String>) -> Option<()> {
        match verb {
            "origin" => self.origin(rest),
            "clone" | "solo" => self.repository(verb, rest),
            "data" => drop(self.shell(rest.trim(), DATA).ok()),
            "write" => {
                let words = split(rest);
                self.write(&words[0], &words[1], &text.unwrap_or_default());
            }
            "task" => self.task(rest, text.as_deref().unwrap_or("Do the thing.\n")),
            "commit" => {
                let (dir, message) = two(rest);
                self.commit(dir, message);
                if self.has_remote(dir) {
                    self.git(dir, &["push", "-q", "origin", "HEAD"]);
                }
            }
            "git" => {
                let words = split(rest);
                self.git(&words[0], &words[1..].iter().map(String::as_str).collect::<Vec<_>>());
            }
            "sh" => drop(self.shell(two(rest).0, two(rest).1).ok()),
            "host" => self.env.push(("REPLAY_HOST".into(), Some(rest.trim().into()))),
            "env" => {
                let (key, value) = rest.split_once('=').unwrap();
                let value = (!value.is_empty()).then(|| self.expand(value));
                self.env.push((key.into(), value));
            }
            "live" => {
                self.live.retain(|(name, _)| name != rest.trim());
                self.live.push((rest.trim().into(), Sleeper::new()));
            }
            "kill" => self.live.iter_mut().find(|(name, _)| name == rest.trim()).unwrap().1.end(),
            "run" | "run-exit" => self.script(rest, text, verb == "run"),
            "par" => self.at_once(rest),
            "expect-err" => {
                let found = plain(&self.err).contains(rest);
                self.note(&format!("stderr has {}: {}", quoted(rest), if found { "yes" } else { "NO" }), "");
            }
            "expect-out" => {
                let is = |line: &str| rest.strip_suffix("...").map_or(line == rest, |start| line.starts_with(start));
                let found = self.out.split('\n').any(is);
                self.note(&format!("stdout has {}: {}", quoted(rest), if found { "yes" } else { "NO" }), "");
            }
            "dates" => self.dates = true,
            _ => return self.state(verb, rest),
        }
        Some(())
    }

    /// What a conversation leaves on the coordination branches is clean.
    fn audit(&self, name: &str) {
        for dir in std::fs::read_dir(&self.root).unwrap().map(|entry| entry.unwrap().path()) {
            if NOT_CLEAN.contains(&name) || !dir.join(".git").is_dir() {
                continue;
            }
            let dir = dir.file_name().unwrap().to_str().unwrap();
            let run = self.any(dir, env!("CARGO_BIN_EXE_git-aitask"), &["doctor", "--history"]);
            let is_clean = run.code == 0 || run.stdout.is_empty();
            assert!(is_clean, "{name}, {dir}: {run}");
        }
    }

    // Setting up.

    fn origin(&mut self, format: &str) {
        let format = format!("--object-format={}", if format.is_empty() { "sha1" } else { format });
        self.git("", &["init", "-q", "--bare", &format, "origin.git"]);
        self.git("", &["clone", "-q", "origin.git", "seed"]);
        self.write("seed", "README.md", "seed\n");
        self.commit("seed", "first");
        self.git("seed", &["push", "-q", "origin", "HEAD:main"]);
        std::fs::remove_dir_all(self.root.join("seed")).unwrap();
    }

    fn repository(&mut self, verb: &str, rest: &str) {
        let words = split(rest);
        let dir = &words[0];
        match verb {
            "clone" => self.git("", &["clone", "-q", "origin.git", dir]),
            _ => self.git("", &["init", "-q", dir]),
        };
        self.git(dir, &["config", "user.name", &words[1]]);
        self.git(dir, &["config", "user.email", &words[2]]);
        let exclude = self.root.join(dir).join(".git/info/exclude");
        let mut text = std::fs::read_to_string(&exclude).unwrap();
        text.push_str("\n/.aitask-scripts\n/ait\n/.aitask-gates\n");
        std::fs::write(exclude, text).unwrap();
        if verb == "solo" {
            self.write(dir, "README.md", "seed\n");
            self.commit(dir, "first");
        }
    }

    fn write(&self, dir: &str, path: &str, text: &str) {
        let path = self.root.join(dir).join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn task(&self, rest: &str, body: &str) {
        let words = split(rest);
        let mut fields = FIELDS.to_vec();
        for pair in &words[2..] {
            let (key, value) = pair.split_once('=').unwrap();
            match fields.iter_mut().find(|field| field.0 == key) {
                Some(field) => field.1 = value,
                None => fields.push((key, value)),
            }
        }
        let fields: String = fields.iter().flat_map(|(key, value)| [*key, ": ", value, "\n"]).collect();
        self.write(&words[0], &words[1], &format!("---\n{fields}---\n\n{body}"));
    }

    fn commit(&self, dir: &str, message: &str) {
        self.git(dir, &["add", "-A"]);
        self.git(dir, &["commit", "-q", "--allow-empty", "-m", message]);
    }

    pub(super) fn has_remote(&self, dir: &str) -> bool {
        self.any(dir, "git", &["remote", "get-url", "origin"]).code == 0
    }

    fn expand(&self, text: &str) -> String {
        let live = self.live.iter();
        live.fold(text.to_owned(), |text, (name, it)| text.replace(&format!("${name}"), &it.pid().to_string()))
    }

    // Running.

    fn command(&self, dir: &str, program: &str, args: &[&str]) -> Command {
        let mut command = self.world.command(program, &self.root.join(dir));
        command.args(args);
        for (key, value) in &self.env {
            match value {
                Some(value) => command.env(key, value),
                None => command.env_remove(key),
            };
        }
        command
    }

    pub(super) fn any(&self, dir: &str, program: &str, args: &[&str]) -> Run {
        let mut run = Running::start(self.command(dir, program, args)).wait();
        (run.stdout, run.stderr) = (unix(&run.stdout), unix(&run.stderr));
        run
    }

    pub(super) fn git(&self, dir: &str, args: &[&str]) -> String {
        self.any(dir, "git", args).ok().stdout
    }

    pub(super) fn shell(&self, dir: &str, command: &str) -> Run {
        let strict = if command == DATA { "-ec" } else { "-c" };
        self.any(dir, "bash", &[strict, command])
    }

    fn start(&self, words: &[String], text: Option<String>) -> Running {
        let args: Vec<_> = words[2..].iter().map(|word| self.expand(word)).collect();
        let args: Vec<_> = ["compat", &words[1]].into_iter().chain(args.iter().map(String::as_str)).collect();
        Running::fed(self.command(&words[0], env!("CARGO_BIN_EXE_git-aitask"), &args), text)
    }

    fn script(&mut self, rest: &str, text: Option<String>, whole: bool) {
        let words = split(rest);
        let run = self.start(&words, text).wait();
        (self.err, self.out) = (unix(&run.stderr), self.normal(&unix(&run.stdout)));
        self.note(&format!("$ {}: {}", words[0], two(rest).1), "");
        self.note(&format!("exit {}", run.code), "");
        if whole {
            self.note("stdout", &self.out.clone());
            self.note("stderr", &self.normal(&self.err));
        } else {
            self.note(if run.stdout.is_empty() { "stdout none" } else { "stdout some" }, "");
        }
    }

    fn at_once(&mut self, rest: &str) {
        let (count, rest) = two(rest);
        let words = split(rest);
        let started: Vec<_> = (0..count.parse().unwrap()).map(|_| self.start(&words, None)).collect();
        let runs: Vec<_> = started.into_iter().map(Running::wait).collect();
        let mut codes: Vec<_> = runs.iter().map(|run| run.code.to_string()).collect();
        let mut outputs: Vec<_> = runs.iter().map(|run| self.normal(&unix(&run.stdout)).trim().to_owned()).collect();
        codes.sort();
        outputs.sort();
        self.note(&format!("$ {count} x {}: {}", words[0], two(rest).1), "");
        self.note(&format!("exits {}", codes.join(" ")), "");
        self.note("stdouts", &outputs.join("\n"));
    }

    // Noting.

    pub(super) fn normal(&self, text: &str) -> String {
        let live = self.live.iter().map(|(name, it)| (name.as_str(), it.pid())).collect();
        Normal { live, root: self.root.to_str().unwrap(), dates: self.dates }.of(text)
    }

    /// A head, and the lines of a body under it.
    pub(super) fn note(&mut self, head: &str, body: &str) {
        self.noted.push_str(head);
        self.noted.push('\n');
        if body.trim_matches('\n').is_empty() {
            return;
        }
        for line in body.trim_end_matches('\n').split('\n') {
            self.noted.push_str(if line.is_empty() { "" } else { "  " });
            self.noted.push_str(line);
            self.noted.push('\n');
        }
    }
}
