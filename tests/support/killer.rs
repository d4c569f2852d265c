//! A program that dies at its k-th call of git.

use super::{Repo, Run, Running};
use rustix::fs::{Mode, OFlags};
use std::path::Path;
use std::time::{Duration, Instant};

/// On which side of the k-th call the program dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// Git was not run.
    Before,
    /// Git has done its work, and the program never heard of it. A git that answers until its input ends has done it with
    /// its first answer.
    After,
}

/// `@DIR@` has `pid` (the program's), `call.1`, `call.2` ... (made by counting, each once because of `set -C`, and
/// without a process) and `alive`, a fifo whose write end every git holds open, so that its reader knows when all
/// are done.
const WRAPPER: &str = r#"#!/bin/sh
exec 9>'@DIR@/alive'
n=1
set -C
while ! true >"@DIR@/call.$n"; do n=$((n + 1)); done 2>/dev/null
[ "$n" -eq @K@ ] || exec '@GIT@' "$@"
[ '@WHEN@' = Before ] || case "$*" in
'cat-file --batch' | 'mktree '*) dd bs=65536 count=1 2>/dev/null | '@GIT@' "$@" >/dev/null ;;
*) '@GIT@' "$@" ;;
esac
while ! [ -s '@DIR@/pid' ]; do sleep 0.01; done
kill -9 "$(cat '@DIR@/pid')"
exit 137
"#;

/// Kills the program whose `ROLE` is to die at its call number `@K@` of git.
const DIES: &str = r#"
if [ "$ROLE" = die ]; then
    n=1
    set -C
    while ! true >"@DIR@/call.$n"; do n=$((n + 1)); done 2>/dev/null
    if [ "$n" -eq @K@ ]; then
        [ @WHEN@ = Before ] || case "$*" in
        'cat-file --batch' | 'mktree '*) dd bs=65536 count=1 2>/dev/null | @GIT@ "$@" >/dev/null ;;
        *) @GIT@ "$@" ;;
        esac
        kill -9 $PPID
        exit 137
    fi
fi"#;

impl Repo {
    /// The same clone with a git that kills the program whose `ROLE` is `die` at its `k`-th call. Everybody has this git,
    /// since pushes through different ones are not joined.
    pub(crate) fn with_git_that_kills(&self, k: usize, when: When) -> Self {
        self.with_git_that(&DIES.replace("@K@", &k.to_string()).replace("@WHEN@", &format!("{when:?}")))
    }

    /// Runs `git aitask ARGS` and kills it (SIGKILL) at its `k`-th call of git, counted from 1. Answers when no git
    /// of it is running any more. `signal` is `None` in the answer when it made fewer calls.
    #[track_caller]
    pub(crate) fn killed_at(&self, k: usize, when: When, args: &[&str]) -> Run {
        self.program_killed_at(env!("CARGO_BIN_EXE_git-aitask"), k, when, args)
    }

    /// As [`Repo::killed_at`] for any program.
    #[track_caller]
    pub(crate) fn program_killed_at(&self, program: &str, k: usize, when: When, args: &[&str]) -> Run {
        let dir = tempfile::Builder::new().prefix("killer-").tempdir_in(self.world().root()).unwrap();
        let fifo = dir.path().join("alive");
        self.run("mkfifo", &[fifo.to_str().unwrap()]).ok();
        let alive =
            rustix::fs::open(&fifo, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()).unwrap();
        let wrapper = WRAPPER
            .replace("@DIR@", dir.path().to_str().unwrap())
            .replace("@GIT@", self.world().real_git().to_str().unwrap())
            .replace("@K@", &k.to_string())
            .replace("@WHEN@", &format!("{when:?}"));
        self.world().script(&dir.path().join("bin/git"), &wrapper);

        let mut command = self.command(program, args);
        command.env("PATH", self.path_with(&dir.path().join("bin")));
        let running = Running::start(command);
        // renamed into place, so that the wrapper never reads half of it
        std::fs::write(dir.path().join("pid.new"), running.pid().to_string()).unwrap();
        std::fs::rename(dir.path().join("pid.new"), dir.path().join("pid")).unwrap();
        let run = running.wait();

        let until = Instant::now() + Duration::from_secs(60);
        // no writer is the end of the file, a writer without data is "again"
        while !matches!(rustix::io::read(&alive, &mut [0u8; 64]), Ok(0)) {
            assert!(Instant::now() < until, "a git goes on after its program was killed\n{run}");
            std::thread::sleep(Duration::from_millis(2));
        }
        run
    }

    fn path_with(&self, first: &Path) -> std::ffi::OsString {
        self.world().with_git(first).path().to_owned()
    }
}
