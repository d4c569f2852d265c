//! What cannot work gets a clear error and changes nothing.

mod data;
mod holding;
mod obstacles;
mod places;
mod remotes;
mod stale;
mod surroundings;
mod task_files;
mod text;
mod trees;

use crate::support::{Repo, Run, Running, World};

/// All that a command could have changed, except what a fetch brings.
fn state(repo: &Repo) -> String {
    const STATE: &str = r#"
git -C "$1" for-each-ref
git for-each-ref | grep -v -e refs/remotes/ -e refs/prefetch/ -e refs/aitask/known/
git worktree list --porcelain
for dir in . aiwork/*; do [ -e "$dir/.git" ] && echo "$dir" && git -C "$dir" status --porcelain --branch; done
cat .git/info/exclude .git/config .git/HEAD
find . -path ./.git -prune -o -print
find .git/aitask -type f ! -name queue.lock ! -name 'check-slot.*' ! -name landings.lock ! -name as-of ! -name 'fetched.*' ! -path "*/known/*" ! -path "*/cache/*"
ls -A "$1/.." ../tmp
"#;
    let origin = repo.world().origin();
    let run = repo.at(repo.top()).run("sh", &["-c", STATE, "sh", origin.to_str().unwrap()]);
    // how far behind we are is what a fetch tells
    run.stdout.lines().map(|line| line.split(" [behind").next().unwrap().to_owned() + "\n").collect()
}

/// Fails unless `git aitask ARGS` is refused with this exit code and kind, in one line, as text and as JSON, and
/// nothing has changed.
#[track_caller]
fn refused(repo: &Repo, args: &[&str], code: i32, kind: &str) -> Run {
    let before = state(repo);
    let run = fails_clearly(repo, args, code, kind);
    assert_eq!(before, state(repo), "something changed\n{run}");
    run
}

/// As [`refused`] for many command lines, which are compared with one state: what none of them changed, each did not.
#[track_caller]
fn all_refused<'a>(repo: &Repo, lines: impl IntoIterator<Item = &'a [&'a str]>, code: i32, kind: &str) -> Vec<Run> {
    let before = state(repo);
    let runs: Vec<_> = lines.into_iter().map(|args| fails_clearly(repo, args, code, kind)).collect();
    assert_eq!(before, state(repo), "one of these changed something: {:#?}", lines_of(&runs));
    runs
}

fn lines_of(runs: &[Run]) -> Vec<&str> {
    runs.iter().map(|run| run.line.as_str()).collect()
}

/// As [`refused`], where there is no repository to compare.
#[track_caller]
fn fails_clearly(repo: &Repo, args: &[&str], code: i32, kind: &str) -> Run {
    let run = repo.aitask(&[args, &["--json"]].concat()).fails(code);
    let error = run.error();
    assert_eq!(error["error"]["kind"], kind, "{run}");
    assert_eq!(error["error"]["exit"], code, "{run}");
    assert_eq!(error["schema"], 2, "{run}");
    assert!(error["error"]["hints"].is_array(), "{run}");
    assert_eq!(run.stdout, "", "{run}");
    let message = error["error"]["message"].as_str().unwrap_or_default();
    assert!(!message.is_empty() && !message.contains('\n'), "not one line\n{run}");
    let text = repo.aitask(args).fails(code);
    // A former holder is told so in the first line.
    let is_beside = |line: &&str| {
        line.starts_with("git aitask: ") || (line.contains(" was taken over by ") && !line.starts_with("error: "))
    };
    let lines = || text.stderr.lines().filter(|line| !is_beside(line));
    assert!(lines().any(|line| line.starts_with("error: ")), "{text}");
    assert!(lines().skip(1).all(|line| line.starts_with("  try: ")), "not one line\n{text}");
    assert_harmless(&text);
    run
}

/// As [`refused`] for what the command line itself says no to.
#[track_caller]
fn misused(repo: &Repo, args: &[&str]) {
    let before = state(repo);
    let run = repo.aitask(&[args, &["--json"]].concat()).fails(2);
    assert_eq!(run.error()["error"]["kind"], "usage", "{run}");
    let run = repo.aitask(args).fails(2);
    assert!(run.stderr.starts_with("error: "), "{run}");
    assert_harmless(&run);
    assert_eq!(before, state(repo), "something changed\n{run}");
}

/// Nothing in it speaks to a terminal.
#[track_caller]
fn assert_harmless(run: &Run) {
    // JSON is for programs: there only what would break a line or reach a terminal of any kind counts
    let json = run.line.contains("--json");
    let turns = |c: char| c > '\u{7f}' && (c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c));
    let bad = |c: char| (c < ' ' && c != '\n' && c != '\t') || c == '\u{7f}' || (!json && turns(c));
    assert!(!run.stdout.contains(bad) && !run.stderr.contains(bad), "raw control characters: {run:?}");
}

/// Puts a file on a branch of the remote, as another program would.
fn put(world: &World, branch: &str, path: &str, content: &[u8]) {
    const PUT: &str = r#"
export GIT_DIR="$PWD" GIT_INDEX_FILE="$PWD/put" GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x@x GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x@x
blob=$(git hash-object -w "$3")
git read-tree "refs/heads/$1"
git update-index --add --cacheinfo "100644,$blob,$2"
git update-ref "refs/heads/$1" "$(git commit-tree -p "refs/heads/$1" -m edited "$(git write-tree)")"
rm "$GIT_INDEX_FILE"
"#;
    let file = tempfile::NamedTempFile::new_in(world.root()).unwrap();
    std::fs::write(file.path(), content).unwrap();
    let mut command = world.command("sh", &world.origin());
    command.args(["-ec", PUT, "sh", branch, path, file.path().to_str().unwrap()]);
    Running::start(command).wait().ok();
}
