//! A process with the name of a coding agent, below which commands are run.

use super::{Repo, Run};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

/// What an agent does: it reads a line, runs it in a shell, and says how that ended. One called `serve` is known by the
/// variable of `OpenCode` alone.
const LOOP: &str = "#!/bin/sh
unset GIT_AITASK_SESSION
case $0 in */serve) export OPENCODE=1 OPENCODE_PID=$$ ;; esac
while read -r line; do sh -c \"$line\"; echo $?; done
";

/// An agent that runs as long as the guard is there.
pub(crate) struct Agent {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Agent {
    /// Starts one whose executable has this name. A name that ends in `.js` is a script that `node` runs.
    pub(crate) fn start(repo: &Repo, name: &str) -> Self {
        let program = repo.world().root().join("agents").join(name);
        if !program.exists() {
            repo.world().script(&program, LOOP);
        }
        let path = program.display().to_string();
        let mut command = if Path::new(name).extension().is_some() {
            repo.command("bash", &["-c", "exec -a node /bin/sh \"$0\"", &path])
        } else {
            repo.command(&path, &[] as &[&str])
        };
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, to, from }
    }

    /// Runs `git aitask ARGS` below it, in the directory of this handle, to its end.
    pub(crate) fn aitask(&mut self, repo: &Repo, args: &[&str]) -> Run {
        let outputs = ["stdout", "stderr"].map(|name| repo.world().root().join("tmp").join(name));
        let quoted = |text: &str| format!("'{text}'");
        let words: Vec<_> = args.iter().map(|arg| quoted(arg)).collect();
        let dir = quoted(&repo.dir().display().to_string());
        let program = quoted(env!("CARGO_BIN_EXE_git-aitask"));
        let line = format!("cd {dir} && {program} {}", words.join(" "));
        let [stdout, stderr] = [&outputs[0], &outputs[1]].map(|path| quoted(&path.display().to_string()));
        writeln!(self.to, "{line} >{stdout} 2>{stderr} </dev/null").unwrap();
        let mut code = String::new();
        self.from.read_line(&mut code).unwrap();
        let [stdout, stderr] = outputs.map(|path| std::fs::read_to_string(path).unwrap());
        let verb = Some(args.iter().map(ToString::to_string).collect());
        Run { line, verb, code: code.trim().parse().unwrap(), signal: None, stdout, stderr }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
