//! A repository in the middle of normal work, and the means to plant what does not match.

use crate::support::{Repo, Running, World};
use serde_json::Value;

pub(crate) const DATA: &str = "aitask-data";
pub(crate) const LOCKS: &str = "aitask-locks";
/// The worktree of the task that ann works on.
pub(crate) const WORK: &str = "aiwork/t1_one";

/// Ann works on t1 in its worktree, with a change that she has not committed; t2 is free, and t3 has a child.
pub(crate) fn scene(world: &World) -> Repo {
    let ann = world.kept("tasks for the doctor", "ann", |ann| {
        ann.aitask(&["init"]).ok();
        ann.task("One", &[]);
        ann.task("Two", &[]);
        ann.task("Three", &[]);
        ann.task("Child", &[("parent", "3")]);
    });
    ann.aitask(&["pick", "1"]).ok();
    ann.at(WORK).write("open.txt", "not committed\n");
    ann
}

/// Puts a file on a branch of the remote as another program would, or removes it.
pub(crate) fn put(world: &World, branch: &str, path: &str, content: Option<&str>) {
    const PUT: &str = r#"
export GIT_DIR="$PWD" GIT_INDEX_FILE="$PWD/put" GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x@x GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x@x
git read-tree "refs/heads/$1"
if [ -n "$3" ]; then
    git update-index --add --cacheinfo "100644,$(git hash-object -w "$3"),$2"
else
    printf '0 %040d\t%s\n' 0 "$2" | git update-index --index-info
fi
git update-ref "refs/heads/$1" "$(git commit-tree -p "refs/heads/$1" -m edited "$(git write-tree)")"
rm "$GIT_INDEX_FILE"
"#;
    let file = tempfile::NamedTempFile::new_in(world.root()).unwrap();
    std::fs::write(file.path(), content.unwrap_or_default()).unwrap();
    let named = content.map_or("", |_| file.path().to_str().unwrap());
    let mut command = world.command("sh", &world.origin());
    command.args(["-ec", PUT, "sh", branch, path, named]);
    Running::start(command).wait().ok();
}

/// A task file with these lines in its header.
pub(crate) fn task(world: &World, path: &str, lines: &str) {
    put(world, DATA, path, Some(&format!("---\n{lines}\n---\n")));
}

/// Moves a file of the task data on the remote.
pub(crate) fn rename(world: &World, from: &str, to: &str) {
    let text = world.remote_file(DATA, from).unwrap();
    put(world, DATA, to, Some(&text));
    put(world, DATA, from, None);
}

/// Commits work on the branch of t1, and merges it into the published main where that is wanted.
pub(crate) fn work(ann: &Repo, is_merged: bool) {
    let there = ann.at(WORK);
    std::fs::remove_file(ann.path(WORK).join("open.txt")).unwrap();
    there.write("work.txt", "work\n");
    there.commit("work");
    if is_merged {
        ann.git(&["merge", "-q", "--no-ff", "-m", "merged", "aitask/t1_one"]);
        ann.git(&["push", "-q", "origin", "main"]);
    }
}

/// Makes a file old enough to be taken for a leftover.
pub(crate) fn old(ann: &Repo, path: &str) {
    ann.write(path, "left\n");
    ann.run("touch", &["-d", "1 hour ago", path]).ok();
}

/// The kinds in a list of findings.
pub(crate) fn kinds(list: &Value) -> Vec<String> {
    let found = list.as_array().unwrap_or_else(|| panic!("no list: {list}")).iter();
    found.map(|finding| finding["kind"].as_str().unwrap().to_owned()).collect()
}

/// What `doctor` finds.
#[track_caller]
pub(crate) fn found(ann: &Repo) -> Vec<String> {
    let run = ann.aitask(&["doctor", "--json"]);
    assert!([0, 1].contains(&run.code), "{run}");
    let kinds = kinds(&run.json()["findings"]);
    assert_eq!(run.code == 0, kinds.is_empty(), "{run}");
    kinds
}
