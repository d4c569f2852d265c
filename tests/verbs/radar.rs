//! Which tasks in work change the same files, and whether they conflict: `status`, `pick` and `pick --next --apart`.

use super::init::keys;
use crate::support::{Repo, Run, Sleeper, World};
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

const STAND_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/git-2.31");

/// Twenty lines, of which one is another one.
fn lines(changed: Option<(usize, &str)>) -> String {
    let line = |n: usize| changed.filter(|(at, _)| *at == n).map_or_else(|| n.to_string(), |(_, text)| text.to_owned());
    (1..=20).fold(String::new(), |text, n| text + &line(n) + "\n")
}

/// Publishes a file of twenty lines on main, and files tasks.
fn with_code(ann: &Repo, tasks: &[&str]) {
    ann.write("src/a.rs", &lines(None));
    ann.commit("code");
    ann.git(&["push", "-q", "origin", "main"]);
    for title in tasks {
        ann.task(title, &[]);
    }
}

fn overlaps(repo: &Repo) -> Value {
    repo.aitask(&["status", "--json"]).ok().json()["overlaps"].clone()
}

fn pair(tasks: [&str; 2], files: &[&str], conflict: Option<bool>) -> Value {
    let mut pair = json!({ "tasks": tasks, "files": files, "conflict": conflict });
    if conflict == Some(true) {
        pair["conflicts"] = json!(files);
    }
    pair
}

/// The files below a folder with their content.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let files = entries.flat_map(|path| {
        if path.is_dir() {
            contents(&path)
        } else {
            BTreeMap::from([(path.to_str().unwrap().to_owned(), std::fs::read(&path).unwrap())])
        }
    });
    files.collect()
}

/// Two tasks in worktrees of one clone, with uncommitted work that conflicts, one of it in a file that git does not track.
fn both_uncommitted(world: &World) -> Repo {
    let ann = world.initialised("ann");
    with_code(&ann, &["one", "two"]);
    for (id, dir, text) in [("1", "aiwork/t1_one", "eins"), ("2", "aiwork/t2_two", "zwei")] {
        ann.aitask(&["pick", id]).ok();
        ann.at(dir).write("src/a.rs", &lines(Some((5, text))));
    }
    ann.at("aiwork/t1_one").write("new.txt", "new\n");
    ann
}

#[test]
fn uncommitted_work_in_two_worktrees_conflicts_and_nothing_of_the_user_changes() {
    let world = World::new();
    let ann = both_uncommitted(&world);
    ann.at("aiwork/t2_two").write("new.txt", "other\n");
    ann.at("aiwork/t2_two").git(&["add", "new.txt"]);
    ann.aitask(&["list"]).ok();
    let before = (contents(&ann.path(".git")), contents(&world.root().join("tmp")));
    let (run, commands) = ann.git_commands(&["status", "--json"]);
    assert_eq!((contents(&ann.path(".git")), contents(&world.root().join("tmp"))), before);
    let found = run.ok().json()["overlaps"].clone();
    let [pairs, order] = ["pairs", "landing_order"].map(|key| found[key].clone());
    assert_eq!(keys(&found), "pairs landing_order");
    assert_eq!(pairs, json!([pair(["1", "2"], &["new.txt", "src/a.rs"], Some(true))]));
    let reasons = json!([{"task_id": "1", "because": "picked_first"}, {"task_id": "2", "because": "after_conflicts"}]);
    assert_eq!(order, reasons);
    let more: Vec<_> = commands.iter().skip_while(|line| !line.starts_with("log ")).collect();
    let verbs: Vec<_> = more.iter().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(
        verbs,
        [
            "log",
            "ls-files",
            "add",
            "write-tree",
            "ls-files",
            "add",
            "write-tree",
            "hash-object",
            "diff-tree",
            "merge-tree"
        ]
    );
    let page = ann.aitask(&["status"]).ok();
    page.assert().stdout(contains(
        "changes of the same files\nt1 and t2 change new.txt and 1 more and conflict\n\
         proposed order of landing: t1, t2\n",
    ));
}

#[test]
fn the_task_that_changes_less_is_to_land_first() {
    let world = World::new();
    let ann = both_uncommitted(&world);
    let found = overlaps(&ann);
    let reasons = json!([{"task_id": "2", "because": "fewer_files"}, {"task_id": "1", "because": "after_conflicts"}]);
    assert_eq!(
        (&found["pairs"], &found["landing_order"]),
        (&json!([pair(["1", "2"], &["src/a.rs"], Some(true))]), &reasons)
    );
}

#[test]
fn work_that_another_clone_has_published_is_compared_and_what_it_has_not_is_unknown() {
    let world = World::new();
    let (ann, bob) = (world.initialised("ann"), world.initialised("bob"));
    with_code(&ann, &["one", "two"]);
    bob.git(&["pull", "-q"]);
    ann.aitask(&["pick", "1"]).ok();
    bob.aitask(&["pick", "2"]).ok();
    for (repo, dir, text) in [(&ann, "aiwork/t1_one", "eins"), (&bob, "aiwork/t2_two", "zwei")] {
        repo.at(dir).write("src/a.rs", &lines(Some((5, text))));
        repo.at(dir).commit("work");
    }
    let seen = ann.aitask(&["status", "--fetch", "--json"]).ok().json()["overlaps"].clone();
    assert_eq!((&seen["pairs"], &seen["unknown"][0]["task_id"]), (&json!([]), &"2".into()), "{seen}");
    // That is as usual, so people do not read it.
    ann.aitask(&["status"]).ok().assert().stdout(contains("unknown: ").not());
    bob.at("aiwork/t2_two").git(&["push", "-q", "origin", "HEAD"]);
    let seen = ann.aitask(&["status", "--fetch", "--json"]).ok().json()["overlaps"].clone();
    let hint = seen["pairs"][0]["hint"]["command"].clone();
    assert_eq!(hint, json!(["git", "diff", "aitask/t1_one...origin/aitask/t2_two", "--", ":/src/a.rs"]));
    let words: Vec<_> = hint.as_array().unwrap().iter().skip(1).map(|word| word.as_str().unwrap()).collect();
    assert!(ann.at("src").git(&words).contains("+zwei"));
    assert_eq!((&seen["pairs"][0]["conflict"], seen.get("unknown")), (&true.into(), None));
    ann.aitask(&["status"]).ok().assert().stdout(contains("to compare: git diff aitask/t1_one...origin/aitask/t2_two"));
    // What was pushed is behind the local branch now, and uncommitted work comes on top of that.
    bob.at("aiwork/t2_two").write("src/a.rs", &lines(None));
    bob.at("aiwork/t2_two").write("src/b.rs", "");
    bob.git(&["fetch", "-q"]);
    bob.aitask(&["status"]).ok().assert().stdout(contains("same files").not());
    bob.at("aiwork/t2_two").commit("back");
    bob.aitask(&["status"]).ok().assert().stdout(contains("same files").not());
}

#[test]
fn an_old_git_tells_the_files_and_not_whether_they_conflict() {
    let world = World::new().with_git(STAND_IN);
    let ann = both_uncommitted(&world);
    let seen = overlaps(&ann);
    assert_eq!(seen["pairs"], json!([pair(["1", "2"], &["src/a.rs"], None)]));
    assert_eq!(keys(&seen), "pairs landing_order why");
    ann.aitask(&["status"]).ok().assert().stdout(contains(
        "t1 and t2 change src/a.rs and it is unknown whether they conflict\nwhether tasks conflict is unknown: git before 2.39 ",
    ));
}

#[test]
fn a_branch_that_cannot_be_read_is_unknown_and_hides_no_other() {
    let world = World::new();
    let ann = both_uncommitted(&world);
    ann.task("three", &[]);
    ann.aitask(&["pick", "3", "--no-worktree"]).ok();
    ann.write(".git/refs/remotes/origin/aitask/t3_three", &format!("{}\n", "1".repeat(40)));
    let seen = overlaps(&ann);
    assert_eq!(seen["pairs"], json!([pair(["1", "2"], &["src/a.rs"], Some(true))]));
    assert_eq!((&seen["unknown"][0]["task_id"], seen["unknown"].as_array().unwrap().len()), (&"3".into(), 1));
    ann.aitask(&["status"]).ok().assert().stdout(contains("what t3 changes is unknown: "));
    // A worktree that cannot be read does not fail it, either.
    std::fs::write(ann.path(".git/worktrees/t2_two/index"), "no index").unwrap();
    let seen = overlaps(&ann);
    let unknown: Vec<_> = seen["unknown"].as_array().unwrap().iter().map(|it| it["task_id"].clone()).collect();
    assert!(unknown.contains(&"2".into()) && seen["pairs"] == json!([]), "{seen}");
}

#[test]
fn killed_while_it_merges_it_leaves_nothing_after_the_next_command() {
    let world = World::new();
    let ann = both_uncommitted(&world);
    let names = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().count();
    let left = || (names(&world.root().join("tmp")), names(&ann.path(".git/aitask/scratch")));
    ann.aitask(&["list"]).ok();
    let index = || std::fs::read(ann.path(".git/worktrees/t1_one/index")).unwrap();
    let (before, objects) = (index(), contents(&ann.path(".git/objects")));
    for step in ["add", "diff-tree", "merge-tree"] {
        let cut_off = ann.with_git_that(&format!("[ \"$1\" = {step} ] && kill -9 $PPID && exit 1"));
        assert_eq!(cut_off.aitask(&["status"]).signal, Some(9));
        assert_eq!(left(), (1, 1), "{step}");
        ann.aitask(&["list"]).ok();
        assert_eq!(left(), (0, 0), "{step}");
    }
    assert_eq!((index(), contents(&ann.path(".git/objects"))), (before, objects));
}

#[test]
fn without_another_task_in_work_it_costs_no_process() {
    let world = World::new();
    let ann = world.initialised("ann");
    with_code(&ann, &["one", "two"]);
    assert!(ann.aitask(&["pick", "1", "--json"]).ok().json().get("overlaps").is_none());
    ann.at("aiwork/t1_one").write("src/a.rs", "");
    ann.at("aiwork/t1_one").commit("work");
    let (run, commands) = ann.git_commands(&["status", "--json"]);
    assert!(run.ok().json().get("overlaps").is_none());
    assert_eq!(radar_commands(&commands), [""; 0]);
    ann.aitask(&["drop", "1"]).ok();
    let (run, commands) = ann.git_commands(&["pick", "2", "--json"]);
    assert!(run.ok().json().get("overlaps").is_none());
    assert_eq!(radar_commands(&commands), [""; 0]);
}

/// The commands that compare tasks.
fn radar_commands(commands: &[String]) -> Vec<&str> {
    let of_it = ["log --boundary", "diff-tree --stdin -r -z --raw", "merge-tree --write-tree --stdin"];
    let found = commands.iter().filter(|line| of_it.iter().any(|start| line.starts_with(start)));
    found.filter_map(|line| line.split(' ').next()).collect()
}

/// Runs a pick, which starts at most three processes for what it says of other tasks.
fn picked(ann: &Repo, args: &[&str], more: &[&str]) -> Run {
    let (run, commands) = ann.git_commands(args);
    assert_eq!(radar_commands(&commands), more, "{}", args.join(" "));
    run.ok()
}

#[test]
fn pick_says_in_one_line_who_changes_the_same_files() {
    let world = World::new();
    let agent = Sleeper::new();
    let ann = world.initialised("ann").env("AIT_AGENT_PID", agent.pid());
    with_code(&ann, &["one"]);
    ann.aitask(&["new", "two", "-m", "Mend `src/a.rs`."]).ok();
    ann.aitask(&["pick", "1"]).ok();
    // Nothing is changed yet.
    let json = picked(&ann, &["pick", "2", "--json"], &[]).json();
    assert!(json.get("overlaps").is_none());
    ann.aitask(&["drop", "2"]).ok();
    ann.at("aiwork/t1_one").write("src/a.rs", &lines(Some((5, "eins"))));
    ann.at("aiwork/t1_one").commit("work");
    let run = picked(&ann, &["pick", "2"], &["log", "diff-tree"]);
    run.assert().stdout(contains("\nt1 changes src/a.rs that t2 names\n"));
    let json = picked(&ann, &["pick", "2", "--json"], &["log", "diff-tree"]).json();
    assert_eq!(json["overlaps"], json!({"pairs": [], "named": [{"task_id": "1", "files": ["src/a.rs"]}]}));
    ann.at("aiwork/t2_two").write("src/a.rs", &lines(Some((5, "zwei"))));
    ann.at("aiwork/t2_two").commit("work");
    let all = ["log", "diff-tree", "merge-tree"];
    picked(&ann, &["pick", "2"], &all).assert().stdout(contains("\nt1 and t2 change src/a.rs and conflict\n"));
    let json = picked(&ann, &["pick", "2", "--json"], &all).json();
    assert_eq!(
        (keys(&json["overlaps"]), &json["overlaps"]["pairs"][0]["conflict"]),
        ("pairs".to_owned(), &true.into())
    );
}

#[test]
fn apart_prefers_a_task_that_names_nothing_which_tasks_in_work_change() {
    let world = World::new();
    let ann = world.initialised("ann");
    with_code(&ann, &["one"]);
    for (title, text) in [("two", "Mend src/a.rs."), ("three", "All of `src/`."), ("four", "Mend src/b.rs.")] {
        ann.aitask(&["new", title, "-m", text]).ok();
    }
    ann.aitask(&["pick", "1"]).ok();
    let next = |more: &[&str]| ann.aitask(&[&["pick", "--next", "--json", "--dry-run"], more].concat()).ok().json();
    let id = |json: &Value| json["task"]["id"].clone();
    // Nothing is changed yet.
    assert_eq!(id(&next(&["--apart"])), "2");
    ann.at("aiwork/t1_one").write("src/a.rs", "");
    let found = next(&["--apart"]);
    assert_eq!((id(&found), found.get("notes"), id(&next(&[]))), ("4".into(), None, "2".into()));
    ann.aitask(&["pick", "4"]).ok();
    let found = next(&["--apart"]);
    let note = "every ready task names files that tasks in work change; t2 names src/a.rs that t1 changes";
    assert_eq!((id(&found), &found["notes"]), ("2".into(), &json!([note])));
    ann.aitask(&["pick", "--next", "--apart"]).ok().assert().stdout(contains(note));
    ann.aitask(&["pick", "3", "--apart"]).fails(2);
    ann.aitask(&["pick", "--apart"]).fails(2).assert().stderr(contains("--next"));
}

/// Publishes a base, and the branches of held tasks that are cut from it, each with lines of git-fast-import(1) that change
/// it. The tasks were picked in the order of their numbers.
fn planted(world: &World, ann: &Repo, base: &str, branches: &[String]) {
    let mut stream = String::new();
    let head = |stream: &mut String, name: &str, from: &str| {
        let _ = write!(
            stream,
            "commit refs/heads/{name}\ncommitter x <x@example.com> 1700000000 +0000\ndata 4\nwork\nfrom {from}\n"
        );
    };
    head(&mut stream, "main", "refs/heads/main^0");
    stream.push_str(base);
    for (n, changes) in branches.iter().enumerate() {
        head(&mut stream, &format!("aitask/t{}_x", n + 1), "refs/heads/main");
        stream.push_str(changes);
    }
    head(&mut stream, "aitask-data", "refs/heads/aitask-data^0");
    for n in 1..=branches.len() {
        stream.push_str(&file(&format!("aitasks/t{n}_x.md"), "---\nstatus: Implementing\n---\n\nx\n"));
    }
    head(&mut stream, "aitask-locks", "refs/heads/aitask-locks^0");
    for n in 1..=branches.len() {
        let lock =
            format!("task_id: {n}\nlocked_by: bob@example.com\nlocked_at: 2026-01-01 10:{n:02}\nhostname: far\n");
        stream.push_str(&file(&format!("t{n}_lock.yaml"), &lock));
    }
    std::fs::write(world.root().join("stream"), stream).unwrap();
    ann.run("sh", &["-c", "git --git-dir=../origin.git fast-import --quiet <../stream"]).ok();
    ann.git(&["fetch", "-q"]);
}

fn file(path: &str, text: &str) -> String {
    format!("M 100644 inline {path}\ndata {}\n{text}\n", text.len())
}

fn tasks_of(pair: &Value) -> [usize; 2] {
    [0, 1].map(|n| pair["tasks"][n].as_str().unwrap().parse().unwrap())
}

#[test]
fn of_two_hundred_planted_conflicts_all_are_found_and_no_other() {
    const TASKS: usize = 50;
    let world = World::new();
    let ann = world.initialised("ann");
    let all = (1..=TASKS).flat_map(|one| (one + 1..=TASKS).map(move |other| [one, other]));
    // Spread over all tasks: a prime step through the 1225 pairs.
    let all: Vec<_> = all.collect();
    let spread: Vec<_> = (0..400).map(|n| all[n * 337 % all.len()]).collect();
    let (conflicts, apart) = spread.split_at(200);
    let name = |[one, other]: [usize; 2]| format!("f/{one}-{other}");
    let base: String = spread.iter().map(|pair| file(&name(*pair), &lines(None))).collect();
    let mut branches = vec![String::new(); TASKS];
    for pair in &spread {
        for (n, task) in pair.iter().enumerate() {
            let at = if conflicts.contains(pair) || n == 0 { 5 } else { 15 };
            branches[task - 1].push_str(&file(&name(*pair), &lines(Some((at, &format!("of {task}"))))));
        }
    }
    planted(&world, &ann, &base, &branches);
    let (run, commands) = ann.git_commands(&["status", "--json"]);
    let found = run.ok().json()["overlaps"]["pairs"].as_array().unwrap().clone();
    let told = |conflict: bool| -> BTreeSet<_> {
        found.iter().filter(|pair| pair["conflict"] == conflict).map(tasks_of).collect()
    };
    assert_eq!(told(true), conflicts.iter().copied().collect());
    assert_eq!(told(false), apart.iter().copied().collect());
    assert!(found.iter().all(|pair| pair["files"] == json!([name(tasks_of(pair))])));
    assert_eq!(radar_commands(&commands), ["log", "diff-tree", "merge-tree"]);
    let page = ann.aitask(&["status"]).ok();
    page.assert()
        .stdout(contains(" and conflict\n").count(5).and(contains("\nand 395 more (git aitask status --json)\n")));
}

#[test]
fn what_git_says_of_each_kind_of_change_counts() {
    let world = World::new();
    let ann = world.initialised("ann");
    let [five, fifteen] = [lines(Some((5, "five"))), lines(Some((15, "fifteen")))];
    // each pair changes files of its own
    let kinds: [(&str, String, String, Option<bool>); 9] = [
        ("the same change", file("a", &five), file("a", &five), Some(false)),
        ("deleted and changed", "D b\n".into(), file("b", &five), Some(true)),
        ("both deleted", "D c\n".into(), "D c\n".into(), Some(false)),
        ("renamed and changed", "R d moved\n".into(), file("d", &five), Some(false)),
        (
            "renamed with a change, and changed",
            format!("R e m\n{}", file("m", &fifteen)),
            file("e", &lines(Some((15, "x")))),
            Some(true),
        ),
        ("a folder and a file", file("new/in", "1\n"), file("new", "2\n"), Some(true)),
        (
            "mode and content",
            format!("M 100755 inline g\ndata {}\n{}\n", lines(None).len(), lines(None)),
            file("g", &five),
            Some(false),
        ),
        ("binary", file("h", "a\0b"), file("h", "a\0c"), Some(true)),
        ("no file of both", file("i", "1\n"), file("j", "1\n"), None),
    ];
    let base: String = "abcdeghij".chars().map(|name| file(&name.to_string(), &lines(None))).collect();
    let branches: Vec<_> = kinds.iter().flat_map(|(_, one, other, _)| [one.clone(), other.clone()]).collect();
    // The last task has no commit of its own, and is left out.
    planted(&world, &ann, &base, &branches);
    ann.git(&["update-ref", "refs/remotes/origin/aitask/t18_x", "origin/main"]);
    let found = overlaps(&ann);
    let pairs: BTreeMap<_, _> =
        found["pairs"].as_array().unwrap().iter().map(|pair| (tasks_of(pair), pair["conflict"].as_bool())).collect();
    for (n, (kind, _, _, expected)) in kinds.iter().enumerate() {
        let tasks = [2 * n + 1, 2 * n + 2];
        assert_eq!(pairs.get(&tasks).copied().flatten(), *expected, "{kind}\n{found:#}");
    }
    assert_eq!(pairs.len(), 8);
    let order: Vec<_> =
        found["landing_order"].as_array().unwrap().iter().map(|it| it["task_id"].as_str().unwrap()).collect();
    let expected = ["1", "2", "5", "6", "7", "8", "13", "14", "17", "3", "4", "10", "11", "12", "15", "16", "9"];
    assert_eq!(order, expected);
}

/// A task that was cut from an older main has not what another one got from there.
#[test]
fn what_main_changed_since_is_no_change_of_a_task() {
    let world = World::new();
    let ann = world.initialised("ann");
    with_code(&ann, &["one", "two", "three"]);
    ann.aitask(&["pick", "1"]).ok();
    ann.at("aiwork/t1_one").write("src/a.rs", &lines(Some((5, "eins"))));
    ann.at("aiwork/t1_one").write("b", "1\n");
    ann.at("aiwork/t1_one").commit("work");
    // main conflicts with the first task
    ann.write("src/a.rs", &lines(Some((5, "main"))));
    ann.write("b", "main\n");
    ann.commit("more");
    ann.git(&["push", "-q", "origin", "main"]);
    ann.aitask(&["pick", "2"]).ok();
    ann.at("aiwork/t2_two").write("c", "2\n");
    ann.at("aiwork/t2_two").commit("work");
    ann.aitask(&["pick", "3"]).ok();
    ann.at("aiwork/t3_three").write("c", "3\n");
    ann.at("aiwork/t3_three").commit("work");
    assert_eq!(overlaps(&ann)["pairs"].as_array().unwrap().iter().map(tasks_of).collect::<Vec<_>>(), [[2, 3]]);
    // The second one has the newer main; merging it into the third changes nothing of that.
    ann.at("aiwork/t1_one").write("c", "1\n");
    ann.at("aiwork/t1_one").git(&["checkout", "-q", "HEAD~1", "--", "src/a.rs"]);
    let found = overlaps(&ann);
    let pairs: Vec<_> =
        found["pairs"].as_array().unwrap().iter().map(|pair| (tasks_of(pair), pair["conflicts"].clone())).collect();
    assert_eq!(pairs, [([1, 2], json!(["c"])), ([1, 3], json!(["c"])), ([2, 3], json!(["c"]))]);
}
