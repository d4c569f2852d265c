//! `git aitask doctor`.

mod mending;
pub(crate) mod planted;
pub(crate) mod scene;

use crate::support::{Repo, When, World, share};
use crate::verbs::init::keys;
use planted::Planted;
use predicates::str::contains;
use scene::{DATA, LOCKS, WORK, found, kinds, put, rename, scene, task};

/// Plants one thing, and says what is not as it should be.
pub(crate) fn violation(planted: &Planted) -> Option<String> {
    let Planted { kind, is_mended, plant } = planted;
    let world = World::new();
    let ann = scene(&world);
    plant(&world, &ann);
    let before = found(&ann);
    if before != [*kind] {
        return Some(format!("{kind}: found {before:?}"));
    }
    let fixed = ann.aitask(&["doctor", "--fix", "--json"]);
    let (json, is_open) = (fixed.json(), ann.path(WORK).join("open.txt").exists());
    let (left, mended) = (kinds(&json["findings"]), kinds(&json["mended"]));
    let is_right = if *is_mended {
        fixed.code == 0 && left.is_empty() && mended.first().is_some_and(|first| first == kind)
    } else {
        fixed.code == 1 && left == [*kind] && mended.is_empty()
    };
    if !is_right {
        return Some(format!("{kind}: --fix left {left:?} and mended {mended:?}\n{fixed}"));
    }
    let again = found(&ann);
    if again != left {
        return Some(format!("{kind}: after --fix {again:?} was found"));
    }
    let may_go = [
        "ended_task",
        "ignored_files",
        "dirty_worktree",
        "lost_work",
        "diverged",
        "landed",
        "missing_worktree",
        "moved",
    ];
    (!is_open && !may_go.iter().any(|word| kind.contains(word))).then(|| format!("{kind}: uncommitted work is gone"))
}

#[test]
fn a_new_repository_and_one_in_the_middle_of_work_have_no_finding() {
    let world = World::new();
    let ann = scene(&world);
    let bob = world.clone("bob");
    bob.aitask(&["pick", "3_1"]).ok();
    bob.aitask(&["new", "Four"]).ok();
    bob.at("aiwork/t3_1_child").commit("work");
    bob.at("aiwork/t3_1_child").aitask(&["sync"]).ok();
    ann.at(WORK).commit("work");
    ann.at(WORK).aitask(&["sync"]).ok();
    for args in [&["doctor"][..], &["doctor", "--fix"], &["doctor", "--offline"]] {
        ann.aitask(args).ok().assert().stdout(contains("nothing is wrong"));
        bob.aitask(args).ok();
    }
    ann.aitask(&["drop", "1"]).ok();
    bob.aitask(&["finish", "3_1"]).ok();
    assert_eq!([found(&ann), found(&bob)], [Vec::<String>::new(), Vec::new()]);
    assert_eq!(found(&world.clone("cid")), Vec::<String>::new());
    let url = format!("file://{}", world.origin().display());
    world.git(&["clone", "-q", "--depth", "1", "--single-branch", &url, "job"]);
    assert_eq!(found(&ann.at(world.root().join("job"))), Vec::<String>::new());
    let on_main = World::new().initialised_on_main("ann");
    on_main.task("One", &[]);
    on_main.aitask(&["pick", "1"]).ok();
    assert_eq!(found(&on_main), Vec::<String>::new());
}

#[test]
fn without_a_remote_all_is_judged() {
    let world = World::new();
    let ann = world.clone("ann");
    ann.git(&["remote", "remove", "origin"]);
    ann.aitask(&["init"]).ok();
    ann.task("One", &[]);
    ann.aitask(&["pick", "1"]).ok();
    let run = ann.aitask(&["doctor", "--json"]).ok();
    assert_eq!(run.json().get("not_judged"), None, "{run}");
    std::fs::create_dir_all(ann.path("aiwork/t9_x")).unwrap();
    ann.aitask(&["doctor", "--fix"]).ok();
}

#[test]
fn without_the_network_it_says_what_it_could_not_judge() {
    let world = World::new();
    let ann = scene(&world);
    ann.git(&["remote", "set-url", "origin", "/nowhere"]);
    for args in [&["doctor", "--json"][..], &["doctor", "--json", "--offline"]] {
        let json = ann.aitask(args).ok().json();
        assert_eq!(json["not_judged"].as_array().unwrap().len(), 1, "{json}");
    }
}

#[test]
fn a_dry_run_changes_nothing_and_names_what_would_be_mended() {
    let world = World::new();
    let ann = scene(&world);
    put(&world, "aitask-ids", "next_id.txt", Some("2\n"));
    ann.write(".git/aitask/held/t2.json", "{");
    let ids = world.remote_branch("aitask-ids");
    ann.aitask(&["doctor", "--fix", "--dry-run"]).fails(1).assert().stdout(contains("would be mended"));
    assert_eq!((world.remote_branch("aitask-ids"), ann.read(".git/aitask/held/t2.json")), (ids, "{".to_owned()));
}

#[test]
fn what_is_removed_is_kept_as_a_commit_first() {
    let world = World::new();
    let ann = scene(&world);
    ann.write(".git/aitask/held/t2.json", "half of it");
    let notes = ann.aitask(&["doctor", "--fix", "--json"]).ok().json()["notes"].to_string();
    let kept = ann.git(&["for-each-ref", "--format=%(refname)", "refs/aitask/backup"]);
    assert!(notes.contains(kept.trim()) && !kept.trim().is_empty(), "{notes}");
    assert_eq!(ann.git(&["show", &format!("{}:t2.json", kept.trim())]), "half of it");
}

#[test]
fn the_lock_of_an_open_task_is_never_released() {
    let world = World::new();
    let ann = scene(&world);
    put(&world, LOCKS, "t2_lock.yaml", Some("nonsense\n"));
    put(&world, LOCKS, "t99_lock.yaml", Some("locked_by: x@x\n"));
    task(&world, "aitasks/t3_three.md", "status: Done");
    put(&world, LOCKS, "t3_lock.yaml", Some("locked_by: x@x\nhostname: far\n"));
    let before = world.locks();
    ann.aitask(&["doctor", "--fix"]).fails(1);
    assert_eq!(world.locks(), before);
}

/// Sets a branch of the remote to a commit, and answers the one that it was at.
fn set(world: &World, branch: &str, commit: &str) -> String {
    let before = world.remote_branch(branch).unwrap();
    world.git(&["--git-dir=origin.git", "update-ref", &format!("refs/heads/{branch}"), commit]);
    before
}

#[test]
fn a_lock_that_somebody_takes_after_it_was_judged_stays() {
    let world = World::new();
    let ann = scene(&world);
    ann.aitask(&["pick", "2", "--no-worktree"]).ok();
    let (active, archived) = ("aitasks/t2_two.md", "aitasks/archived/t2_two.md");
    rename(&world, active, archived);
    let over = world.remote_branch(DATA).unwrap();
    // what somebody else publishes while the repair is on its way: the task is open again, and taken
    rename(&world, archived, active);
    let open = set(&world, DATA, &over);
    let held = world.remote_branch(LOCKS).unwrap();
    put(
        &world,
        LOCKS,
        "t2_lock.yaml",
        Some("locked_by: ann@example.com\nhostname: far\nlocked_at: 2026-01-01 10:00\n"),
    );
    let taken = set(&world, LOCKS, &held);
    let origin = world.origin().display().to_string();
    let late = ann.with_git_that(&format!(
        "if [ \"$1\" = push ] && mkdir '@DIR@/once' 2>/dev/null; then\n\
         @GIT@ --git-dir='{origin}' update-ref refs/heads/{DATA} {open}\n\
         @GIT@ --git-dir='{origin}' update-ref refs/heads/{LOCKS} {taken}\nfi"
    ));
    late.aitask(&["doctor", "--fix"]);
    assert_eq!(world.locks(), ["t1_lock.yaml", "t2_lock.yaml"]);
    assert_eq!(world.remote_branch(LOCKS).unwrap(), taken);
}

#[test]
fn a_finding_has_a_cause_and_a_command_for_people_and_programs() {
    let world = World::new();
    let ann = scene(&world);
    put(&world, LOCKS, "t99_lock.yaml", Some("locked_by: x@x\nhostname: far\n"));
    let json = ann.aitask(&["doctor", "--json"]).fails(1).json();
    let finding = &json["findings"][0];
    assert_eq!(keys(&json), "schema as_of findings");
    assert_eq!(keys(finding), "kind about what task_id cause cures fixable");
    assert_eq!((&finding["what"], &finding["task_id"]), (&"t99_lock.yaml".into(), &"99".into()));
    assert_eq!(finding["cures"][0]["command"].as_array().unwrap().len(), 5);
    ann.aitask(&["doctor"]).fails(1).assert().stdout(contains("    try: git aitask unlock 99 --force"));
}

#[test]
fn hostile_names_and_contents_are_harmless_on_the_page_and_in_json() {
    let world = World::new();
    let ann = scene(&world);
    put(&world, LOCKS, "a\u{1b}[2J\u{2028}b", Some("x"));
    put(&world, LOCKS, "t2_lock.yaml", Some("locked_by: a\u{1b}[2J\u{202e}b\nhostname: h\n"));
    put(&world, DATA, "aitasks/t2_x\n; rm -rf ~\u{1b}.md", Some(""));
    for args in [&["doctor"][..], &["doctor", "--json"]] {
        let text = ann.aitask(args).fails(1).stdout;
        assert!(!text.contains(['\u{1b}', '\u{2028}', '\u{202e}']), "{text}");
        assert!(!text.lines().any(|line| line.trim_start().starts_with("; rm")), "{text}");
    }
}

#[test]
fn cut_off_at_any_call_of_git_the_same_command_mends_the_rest() {
    // before the first of these it only reads
    for k in share((20..64).step_by(3)) {
        let world = World::new();
        let ann = mess(&world);
        ann.killed_at(k, When::After, &["doctor", "--fix"]);
        ann.aitask(&["doctor", "--fix"]).ok();
        assert_eq!(found(&ann), Vec::<String>::new(), "killed at call {k}");
    }
}

/// Several things that can be mended.
fn mess(world: &World) -> Repo {
    let ann = scene(world);
    for planted in planted::PLANTED.iter().filter(|planted| {
        ["lock_of_ended_task", "counter_behind", "finished_child", "worktree_of_ended_task", "unreadable_record"]
            .contains(&planted.kind)
    }) {
        (planted.plant)(world, &ann);
    }
    ann
}
