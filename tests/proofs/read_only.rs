//! What only reads changes nothing: neither the working tree nor `.git`, but for what is kept to be fast; and it works where
//! nothing can be written.

use crate::support::{Proof, Repo, Rounds, Run, Sleeper, World, files_below};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Verbs that only read, without `--fetch`.
const VERBS: [&str; 25] = [
    "",
    "--json",
    "status",
    "status --json",
    "list",
    "list --all --json",
    "list --ready -n 5",
    "show 1",
    "show 2 --json",
    "log",
    "log 1 --json",
    "whoami",
    "whoami --json",
    "brief",
    "brief --json",
    "worktree list",
    "worktree list --json",
    "worktree path 1",
    "agents print",
    "check",
    "check --json",
    "doctor --offline",
    "doctor --offline --json",
    "hook session-start",
    "agents install --dry-run",
];

/// Scripts that only read, and do not ask the remote; the one that lists labels makes their file where it is missing.
const SCRIPTS: [&str; 9] = [
    "compat aitask_ls.sh -v 15",
    "compat aitask_ls.sh -s all --all-levels 99",
    "compat aitask_query_files.sh resolve 1",
    "compat aitask_query_files.sh task-file 2",
    "compat aitask_find_by_file.sh README.md",
    "compat aitask_stats.sh",
    "compat aitask_board_column.sh list-columns",
    "compat aitask_board_column.sh current-column --task 1",
    "compat aitask_task_worktree.sh resolve t1_one",
];

/// A clone in the middle of work: a task in its worktree with uncommitted files, another one changed by hand, and the remote
/// ahead.
fn at_work(world: &World, session: &Sleeper, on_data_branch: bool) -> Repo {
    let ann = if on_data_branch { world.initialised("ann") } else { world.initialised_on_main("ann") };
    let ann = ann.env("AIT_AGENT_PID", session.pid());
    for title in ["One", "Two", "Three"] {
        ann.task(title, &[]);
    }
    ann.aitask(&["archive", "3"]).ok();
    ann.aitask(&["pick", "1"]).ok();
    let there = ann.at("aiwork/t1_one");
    there.write("work.txt", "work\n");
    there.commit("work");
    there.write("more.txt", "not committed\n");
    ann.write("aiplans/p2_two.md", "by hand\n");
    let bob = world.clone("bob");
    bob.aitask(&["new", "Theirs"]).ok();
    bob.aitask(&["pick", "2", "--no-worktree"]).ok();
    ann
}

/// Every file below a folder, with its mode and content, but for what is kept to be fast.
fn files(top: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut files = files_below(top);
    let is_kept =
        |path: &Path| path.ends_with(".git/aitask") || path.components().any(|part| part.as_os_str() == "cache");
    files.retain(|path, _| !is_kept(path));
    files
}

/// What differs, by name.
fn changed(before: &BTreeMap<PathBuf, (u32, Vec<u8>)>, top: &Path) -> Vec<PathBuf> {
    let after = files(top);
    let names = before.keys().chain(after.keys());
    let mut names: Vec<_> = names.filter(|name| before.get(*name) != after.get(*name)).cloned().collect();
    names.dedup();
    names
}

/// The same call where nothing in the clone can be written.
fn unwritable(ann: &Repo, words: &[&str]) -> Run {
    // the superuser writes everywhere, but for this
    let program = env!("CARGO_BIN_EXE_git-aitask");
    if rustix::process::getuid().is_root() {
        return ann.run("setpriv", &[&["--bounding-set=-dac_override", "--", program], words].concat());
    }
    ann.run(program, words)
}

fn set_writable(top: &Path, is_writable: bool) {
    let mode = if is_writable { "u+w" } else { "a-w" };
    let mut chmod = std::process::Command::new("chmod");
    assert!(chmod.args(["-R", mode]).arg(top).status().unwrap().success());
}

#[test]
fn reading_changes_nothing_and_works_where_nothing_can_be_written() {
    let rounds = Rounds { ordinary: 1, short: 1, long: 10 };
    let property = "What only reads changes no file, and works where none can be written";
    let mut proof = Proof::new("11", property, "calls", rounds);
    while let Some(n) = proof.next_round() {
        let (world, session) = (World::new(), Sleeper::new());
        let ann = match n % 5 {
            0 => at_work(&world, &session, true),
            1 => at_work(&world, &session, false),
            2 => {
                at_work(&world, &session, true);
                // a fresh clone, in which nothing was set up yet
                world.clone("zoe")
            }
            3 => world.clone("ann"),
            _ => {
                // the locks were set back
                let ann = at_work(&world, &session, true);
                world.git(&["--git-dir=origin.git", "update-ref", "refs/heads/aitask-locks", "aitask-locks~2"]);
                ann.git(&["fetch", "-q"]);
                ann
            }
        };
        let places = [ann.at("."), ann.at("aiwork/t1_one")];
        let places = places.iter().filter(|place| place.dir().is_dir());
        for place in places {
            for line in VERBS.iter().chain(&SCRIPTS) {
                let words: Vec<_> = line.split(' ').filter(|word| !word.is_empty()).collect();
                let before = files(ann.top());
                let run = place.aitask(&words);
                let changed = changed(&before, ann.top());
                proof.check(changed.is_empty(), || format!("round {n}: {changed:?}\n{run}"));
                set_writable(ann.top(), false);
                let again = unwritable(place, &words);
                set_writable(ann.top(), true);
                proof.check(again.code == run.code, || format!("round {n}, unwritable\n{run}\n{again}"));
                proof.tried(2);
            }
        }
    }
    proof.end();
}
