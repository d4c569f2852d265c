//! Whether the work of a task has landed, however it was merged and whatever came later: `git aitask finish` and
//! `git aitask worktree prune`.

use super::init::{everything, on_data_branch};
use crate::support::{Repo, Run, World, hints, share};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) const WORK: &str = "aiwork/t1_one";
pub(super) const LINES: &str = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";

fn kind(run: &Run) -> String {
    run.error()["error"]["kind"].as_str().unwrap().to_owned()
}

/// Twelve branches that land in one way each: with main merged into the branch or not, with later edits of the same
/// lines or not, and left there, taken back, or taken back and put back. A line of `expected` for each: branch, what is
/// right, the commits at which it landed, the commits that took it back.
const MATRIX: &str = r#"
set -eu
way=$1 n=0
exec 3>../expected
edit() { sed -i "$2s/.*/$3/" "f$1"; }
held() { mkdir -p .git/aitask/held; echo "{\"format\":1,\"nonce\":\"x\",\"taking\":null,\"base_commit\":\"$2\"}" >.git/aitask/held/t$1.json; }
for merged in no yes; do for later in no yes; do for back in no yes again; do
    n=$((n + 1)) b=aitask/t$((n))_x
    seq 9 >f$n; git add .; git commit -qm "file $n"
    held $n "$(git rev-parse HEAD)"
    git switch -qc $b
    edit $n 2 two; echo new >n$n; git add .; git commit -qm "first of $n"
    edit $n 5 five; git commit -qam "second of $n"
    git switch -q main
    if [ $way != ff ] || [ $merged = yes ]; then edit $n 8 eight; git commit -qam "meanwhile $n"; fi
    if [ $merged = yes ]; then git switch -q $b; git merge -q --no-edit main; git switch -q main; fi
    before=$(git rev-parse HEAD)
    case $way in
        merge) git merge -q --no-ff -m "Merge $b" $b ;;
        squash) git merge -q --squash $b >/dev/null; git commit -qm "Work of $n (#$n)" ;;
        rebase) git switch -qc tmp $b; git rebase -q main; git switch -q main; git merge -q --ff-only tmp; git branch -qD tmp ;;
        pick) git cherry-pick $(git rev-list --reverse --no-merges main..$b) >/dev/null ;;
        ff) git merge -q --ff-only $b ;;
    esac
    landed=$(git rev-parse HEAD)
    own=$(git rev-list --first-parent --no-merges $before..HEAD)
    [ $way != merge ] || own=$landed
    [ $later = no ] || { edit $n 2 "two again"; edit $n 5 "five again"; edit $n 9 nine; git commit -qam "later $n"; }
    reverts=
    if [ $back != no ]; then
        start=$(git rev-parse HEAD)
        if [ $later = no ]; then
            for commit in $own; do
                case $way in merge) git revert --no-edit -m 1 $commit ;; *) git revert --no-edit $commit ;; esac >/dev/null
            done
        else
            edit $n 2 2; edit $n 5 5; git rm -q n$n
            git commit -qam "Take $n back" -m "$(for commit in $own; do echo "This reverts commit $commit."; done)"
        fi
        reverts=$(git rev-list $start..HEAD)
    fi
    if [ $back = again ]; then
        if [ $later = no ]; then
            for commit in $reverts; do git revert --no-edit $commit >/dev/null; done
        else
            edit $n 2 "two at last"; edit $n 5 "five at last"; echo new >n$n; git add .
            git commit -qam "Again $n" -m "This reverts commit $reverts."
        fi
    fi
    case $((n % 3)) in
        0) git push -q origin $b; git branch -qD $b ;;
        1) git push -q origin $b ;;
    esac
    [ $back = yes ] && right=taken_back || right=landed
    echo $b $right $landed $(echo $reverts | tr ' ' ,) >&3
done; done; done
git push -q origin main
"#;

pub(super) fn by_branch(list: &Value) -> BTreeMap<String, Value> {
    let all = list.as_array().unwrap().iter();
    all.map(|one| (one["branch"].as_str().unwrap().to_owned(), one.clone())).collect()
}

fn merged_by(way: &str) {
    let world = World::new();
    let ann = on_data_branch(&world, "ann");
    for n in 1..=12 {
        ann.write(&format!("aitasks/archived/t{n}_x.md"), "---\nstatus: Done\n---\n\nDone.\n");
    }
    let data = ann.at(".aitask-data");
    data.git(&["add", "--force", "aitasks/archived"]);
    data.git(&["commit", "--quiet", "-m", "archived"]);
    data.git(&["push", "--quiet", "origin", "aitask-data"]);
    ann.run("bash", &["-c", MATRIX, "matrix", way]).ok();
    let expected = std::fs::read_to_string(world.root().join("expected")).unwrap();
    let pruned = ann.aitask(&["worktree", "prune", "--json"]).ok().json();
    let [removed, kept] = ["removed", "kept"].map(|key| by_branch(&pruned[key]));
    assert_eq!((expected.lines().count(), removed.len() + kept.len()), (12, 12), "{pruned:#}");
    let left = ["for-each-ref", "--format=%(refname)", "refs/heads/aitask/", "refs/remotes/origin/aitask/"];
    let left = ann.git(&left);
    for (n, line) in (1..).zip(expected.lines()) {
        let words: Vec<_> = line.split(' ').collect();
        let (branch, landed) = (words[0], words[2]);
        if words[1] == "landed" {
            let one = removed.get(branch).unwrap_or_else(|| panic!("{line}\n{:#}", kept[branch]));
            assert_eq!(one["landed_at"], landed, "{line}\n{one:#}");
            let where_it_was = (one["here"].as_bool(), one["on_remote"].as_bool());
            assert_eq!(where_it_was, (Some(n % 3 != 0), Some(n % 3 != 2)), "{line}\n{one:#}");
            assert!(!left.contains(&format!("/{branch}\n")), "{line}\n{left}");
        } else {
            let one = kept.get(branch).unwrap_or_else(|| panic!("{line}\n{:#}", removed[branch]));
            assert_eq!(
                (one["state"].as_str(), &one["landed_at"]),
                (Some("taken_back"), &landed.into()),
                "{line}\n{one:#}"
            );
            let by = one["taken_back_by"].as_str().unwrap();
            assert!(words[3].split(',').any(|revert| revert == by), "{line}\n{one:#}");
            assert!(left.contains(&format!("/{branch}\n")), "{line}\n{left}");
        }
    }
    ann.git(&["diff", "--exit-code", "origin/main", "HEAD"]);
}

#[test]
fn merged_by_a_merge_commit() {
    merged_by("merge");
}

#[test]
fn merged_as_one_commit() {
    merged_by("squash");
}

#[test]
fn merged_by_a_rebase() {
    merged_by("rebase");
}

#[test]
fn merged_commit_by_commit() {
    merged_by("pick");
}

#[test]
fn merged_by_a_fast_forward() {
    merged_by("ff");
}

/// A clone that holds t1, whose branch changes line 2 and then line 5 of a file of main and is pushed for a pull request.
pub(super) fn proposed() -> (World, Repo, Repo) {
    let world = World::new();
    let ann = on_data_branch(&world, "ann");
    ann.write("f", LINES);
    ann.commit("f");
    ann.git(&["push", "-q"]);
    ann.task("One", &[]);
    ann.aitask(&["pick", "1"]).ok();
    let there = ann.at(WORK);
    there.write("f", &LINES.replace('2', "two"));
    there.commit("first");
    there.write("f", &LINES.replace('2', "two").replace('5', "five"));
    there.commit("second");
    ann.aitask(&["finish", "1", "--no-push"]).ok();
    let bob = world.clone("bob");
    (world, ann, bob)
}

#[test]
fn a_branch_that_was_only_brought_up_to_date_has_no_work_that_landed() {
    for bring in [
        &["pull", "-q", "--rebase", "origin", "main"][..],
        &["rebase", "-q", "origin/main"],
        &["merge", "-q", "origin/main"],
    ] {
        let world = World::new();
        let ann = on_data_branch(&world, "ann");
        ann.task("One", &[]);
        ann.aitask(&["pick", "1"]).ok();
        let bob = world.clone("bob");
        bob.write("other", "x\n");
        bob.commit("meanwhile");
        bob.git(&["push", "-q"]);
        ann.git(&["fetch", "-q"]);
        ann.at(WORK).git(bring);
        let synced = ann.aitask(&["sync", "--json"]).ok().json();
        assert_eq!(synced.get("landed"), None, "{bring:?} {synced:#}");
        assert_eq!(kind(&ann.aitask(&["finish", "1", "--json"]).fails(1)), "no_commits", "{bring:?}");
        ann.aitask(&["doctor"]).ok();
        ann.at(WORK).write("mine", "y\n");
        ann.at(WORK).commit("work");
        ann.aitask(&["finish", "1"]).ok();
        assert_eq!(world.remote_file("main", "mine").as_deref(), Some("y\n"));
    }
}

#[test]
fn work_that_came_to_the_branch_by_a_fast_forward_is_work() {
    let ways: [&[&str]; 3] = [
        // of another clone, of another branch here, of no branch
        &[
            "git -C ../../../bob switch -q aitask/t1_one && git -C ../../../bob commit -q --allow-empty -m work && git -C ../../../bob push -q",
            "git pull -q origin aitask/t1_one",
        ],
        &["git switch -q -c side && git commit -q --allow-empty -m work && git switch -q -", "git merge -q side"],
        &[
            "git switch -q --detach && git commit -q --allow-empty -m work && git switch -q -",
            "git reset -q --hard HEAD@{1}",
        ],
    ];
    for steps in ways {
        let world = World::new();
        let ann = on_data_branch(&world, "ann");
        ann.task("One", &[]);
        ann.aitask(&["pick", "1"]).ok();
        ann.at(WORK).git(&["push", "-q", "origin", "HEAD"]);
        let _bob = world.clone("bob");
        for step in steps {
            ann.at(WORK).run("sh", &["-c", step]).ok();
        }
        assert_eq!(ann.at(WORK).git(&["log", "-1", "--format=%s"]).trim(), "work", "{steps:?}");
        ann.at(WORK).git(&["push", "-q", "origin", "HEAD:main"]);
        ann.aitask(&["finish", "1"]).ok();
        assert_eq!(world.locks(), [""; 0], "{steps:?}");
    }
}

/// Bob changes the same lines on main and pushes it; the branch is deleted on the server.
fn goes_on(bob: &Repo) {
    bob.write("f", &LINES.replace('2', "two, again").replace('5', "cinq"));
    bob.commit("later");
    bob.git(&["push", "-q", "origin", "main", ":aitask/t1_one"]);
}

fn finished(world: &World, ann: &Repo, landed: &str) {
    let before = world.remote_branch("main");
    let run = ann.aitask(&["finish", "1", "--json"]).ok();
    let json = run.json();
    assert_eq!((&json["merged"]["commit"], &json["merged"]["mode"]), (&landed.into(), &Value::Null), "{run}");
    let done = ["unlocked", "worktree_removed", "branch_deleted"].map(|key| json[key].as_bool());
    assert_eq!((done, world.remote_branch("main")), ([Some(true); 3], before), "{run}");
}

#[test]
fn finish_merges_nothing_that_landed_as_one_commit_when_the_same_lines_were_changed_since() {
    let (world, ann, bob) = proposed();
    bob.git(&["merge", "-q", "--squash", "origin/aitask/t1_one"]);
    let landed = bob.commit("One (#7)");
    goes_on(&bob);
    finished(&world, &ann, &landed);
}

#[test]
fn finish_merges_nothing_that_landed_by_a_rebase_when_the_same_lines_were_changed_since() {
    let (world, ann, bob) = proposed();
    bob.write("other", "x\n");
    bob.commit("meanwhile");
    bob.git(&["cherry-pick", "origin/aitask/t1_one~1", "origin/aitask/t1_one"]);
    let landed = bob.git(&["rev-parse", "HEAD"]).trim().to_owned();
    goes_on(&bob);
    finished(&world, &ann, &landed);
}

#[test]
fn finish_merges_nothing_that_landed_with_a_commit_of_a_reviewer() {
    let (world, ann, bob) = proposed();
    bob.git(&["switch", "-q", "aitask/t1_one"]);
    bob.write("f", &LINES.replace('2', "zwei").replace('5', "five"));
    bob.commit("fix");
    bob.git(&["push", "-q"]);
    bob.git(&["switch", "-q", "main"]);
    bob.git(&["merge", "-q", "--squash", "aitask/t1_one"]);
    let landed = bob.commit("One (#7)");
    bob.git(&["push", "-q"]);
    finished(&world, &ann, &landed);
}

#[test]
fn finish_knows_what_landed_when_the_branch_is_gone_here() {
    let (world, ann, bob) = proposed();
    bob.git(&["merge", "-q", "--squash", "origin/aitask/t1_one"]);
    bob.commit("One (#7)");
    goes_on(&bob);
    ann.git(&["worktree", "remove", WORK]);
    ann.git(&["branch", "-q", "-D", "aitask/t1_one"]);
    let json = ann.aitask(&["finish", "1", "--json"]).ok().json();
    assert_eq!((&json["archived"], world.locks()), (&json!(["aitasks/archived/t1_one.md"]), vec![]), "{json}");
}

#[test]
fn finish_does_not_merge_again_what_was_taken_back_until_that_is_reverted() {
    for squash in [true, false] {
        let (world, ann, bob) = proposed();
        bob.git(&["merge", "-q", if squash { "--squash" } else { "--no-ff" }, "origin/aitask/t1_one"]);
        let landed = bob.commit("One (#7)");
        let landed = if squash { landed } else { bob.git(&["rev-parse", "HEAD~1"]).trim().to_owned() };
        let parent: &[&str] = if squash { &[] } else { &["-m", "1"] };
        bob.git(&[&["revert", "--no-edit"], parent, &[&landed]].concat());
        let by = bob.git(&["rev-parse", "HEAD"]).trim().to_owned();
        bob.git(&["push", "-q", "origin", "main", ":aitask/t1_one"]);
        ann.git(&["fetch", "-q", "--prune"]);
        let before = everything(&ann);
        let run = ann.aitask(&["finish", "1", "--json"]).fails(1);
        let error = run.error()["error"].clone();
        assert_eq!(kind(&run), "conflict", "{run}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(&landed[..7]) && message.contains(&by[..7]), "{run}");
        let hints = hints(&error).join("\n");
        assert!(hints.contains(&format!("git revert {by}")) && hints.contains("git aitask archive 1"), "{run}");
        assert_eq!(everything(&ann), before);
        bob.git(&["revert", "--no-edit", &by]);
        bob.git(&["push", "-q"]);
        finished(&world, &ann, &landed);
    }
}

#[test]
fn work_that_was_taken_back_can_be_given_up_or_proposed_again() {
    let (world, ann, bob) = proposed();
    bob.git(&["merge", "-q", "--squash", "origin/aitask/t1_one"]);
    bob.commit("One (#7)");
    bob.git(&["revert", "--no-edit", "HEAD"]);
    bob.git(&["push", "-q", "origin", "main", ":aitask/t1_one"]);
    ann.aitask(&["finish", "1"]).fails(1);
    ann.aitask(&["finish", "1", "--no-push"]).ok();
    assert!(world.remote_branch("aitask/t1_one").is_some());
    ann.aitask(&["archive", "1"]).ok();
    assert_eq!((world.locks(), world.remote_file("main", "f").as_deref()), (vec![], Some(LINES)));
}

#[test]
fn work_of_which_a_part_landed_is_merged() {
    let (world, ann, bob) = proposed();
    bob.git(&["cherry-pick", "origin/aitask/t1_one~1"]);
    bob.git(&["push", "-q", "origin", "main", ":aitask/t1_one"]);
    assert_eq!(kind(&ann.aitask(&["finish", "1", "--json"]).fails(1)), "not_merged");
    let json = ann.aitask(&["finish", "1", "--merge", "--json"]).ok().json();
    assert_eq!(json["merged"]["mode"], "merge");
    assert!(world.remote_file("main", "f").unwrap().contains("five"));
}

#[test]
fn commits_of_a_task_that_somebody_else_archived_are_recognised() {
    let (_world, ann, bob) = proposed();
    bob.git(&["merge", "-q", "--squash", "origin/aitask/t1_one"]);
    let landed = bob.commit("One (#7)");
    goes_on(&bob);
    bob.aitask(&["init"]).ok();
    bob.aitask(&["pick", "1", "--steal", "--no-worktree"]).ok();
    bob.aitask(&["archive", "1"]).ok();
    let run = ann.aitask(&["finish", "1", "--json"]);
    assert!(run.to_string().contains(&landed[..7]), "{run}");
}

#[test]
fn finish_does_not_merge_past_a_pull_request() {
    for (mode, configured) in [("--merge", None), ("--squash", Some("squash"))] {
        let (world, ann, _) = proposed();
        if let Some(mode) = configured {
            ann.git(&["config", "aitask.merge", mode]);
        }
        let run = ann.aitask(&["finish", "1", "--json"]).fails(1);
        assert_eq!(kind(&run), "not_merged", "{run}");
        let hints = run.hints().join("\n");
        assert!(hints.contains(&format!("git aitask finish 1 {mode}   # ")), "{run}");
        assert_eq!(world.remote_file("main", "f").as_deref(), Some(LINES));
        ann.aitask(&["finish", "1", mode]).ok();
        assert!(world.remote_file("main", "f").unwrap().contains("five"));
    }
}

#[test]
fn a_pull_request_and_what_became_of_it_are_shown_by_status_show_sync_and_the_front_page() {
    let (_world, ann, bob) = proposed();
    let there = ann.at(WORK);
    let tip = there.git(&["rev-parse", "HEAD"]).trim().to_owned();
    let request = || ann.aitask(&["show", "1", "--json"]).ok().json()["task"]["pull_request"].clone();
    assert_eq!(request(), json!({ "tip": tip, "into": "main", "state": "not_landed" }));
    let status = ann.aitask(&["status"]).ok().stdout;
    assert!(status.contains("pull request not merged into main yet"), "{status}");
    let front = there.aitask(&[]).ok().to_string();
    assert!(front.contains("once it is merged"), "{front}");
    assert!(ann.aitask(&["sync", "--json"]).ok().json()["landed"].is_null());
    bob.git(&["merge", "-q", "--squash", "origin/aitask/t1_one"]);
    let landed = bob.commit("One (#7)");
    goes_on(&bob);
    let synced = ann.aitask(&["sync", "--json"]).ok().json();
    let one = json!({ "task_id": "1", "branch": "aitask/t1_one", "into": "main", "landed_at": landed,
                      "next": "git aitask finish 1" });
    assert_eq!(synced["landed"], json!([one]));
    assert_eq!(request(), json!({ "tip": tip, "into": "main", "state": "landed", "landed_at": landed }));
    let said = format!("pull request merged into main at {}", &landed[..7]);
    for args in [&["status"][..], &["show", "1"], &["list"]] {
        let text = ann.aitask(args).ok().stdout;
        assert!(text.contains(&said), "{text}");
    }
    let page = ann.aitask(&["sync"]).ok().stdout;
    assert!(page.contains("next: git aitask finish 1"), "{page}");
    assert!(there.aitask(&[]).ok().to_string().contains("next: git aitask finish 1   # "));
    bob.git(&["revert", "--no-edit", "HEAD"]);
    bob.git(&["revert", "--no-edit", &landed]);
    let by = bob.git(&["rev-parse", "HEAD"]).trim().to_owned();
    bob.git(&["push", "-q"]);
    let synced = ann.aitask(&["sync", "--json"]).ok().json();
    assert_eq!(synced["landed"][0]["taken_back_by"], by, "{synced}");
    assert_eq!(request()["state"], "taken_back");
}

#[test]
fn a_branch_without_commits_has_not_landed() {
    let world = World::new();
    let ann = on_data_branch(&world, "ann");
    ann.task("One", &[]);
    ann.aitask(&["pick", "1"]).ok();
    assert!(ann.aitask(&["sync", "--json"]).ok().json()["landed"].is_null());
    let json = ann.aitask(&["worktree", "prune", "--json"]).ok().json();
    assert_eq!((&json["kept"], &json["removed"]), (&json!([]), &json!([])), "{json}");
}

#[test]
fn finish_pr_opens_the_pull_request_by_the_program_of_the_forge() {
    let world = World::new();
    let ann = world.clone("ann");
    let url = "https://github.com/ann/project";
    ann.git(&["config", &format!("url.{}.insteadOf", world.origin().display()), url]);
    ann.git(&["remote", "set-url", "origin", url]);
    ann.aitask(&["init"]).ok();
    ann.task("One", &[]);
    ann.aitask(&["pick", "1"]).ok();
    ann.at(WORK).write("f", "x\n");
    ann.at(WORK).commit("work");
    let bin = world.root().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let gh = |answer: &str| {
        world.script(&bin.join("gh"), &format!("#!/bin/sh\necho \"$*\" >>{}/said\n{answer}\n", bin.display()));
    };
    gh("echo no network >&2; exit 1");
    let ann = ann.with_programs(&bin);
    let run = ann.aitask(&["finish", "1", "--pr", "--json"]).fails(1);
    assert!(run.stderr.contains("pushed, but no pull request was opened: gh says: no network"), "{run}");
    assert!(world.remote_branch("aitask/t1_one").is_some());
    gh("echo https://github.com/ann/project/pull/7");
    let json = ann.aitask(&["finish", "1", "--pr", "--json"]).ok().json();
    let opened = json!({ "by": "gh", "address": "https://github.com/ann/project/pull/7" });
    assert_eq!((&json["pull_request"], &json["pushed"]), (&opened, &"aitask/t1_one".into()), "{json}");
    let said = std::fs::read_to_string(bin.join("said")).unwrap();
    assert_eq!(said.lines().last(), Some("pr create --head aitask/t1_one --base main --title One (t1) --body "));
    gh("echo 'a pull request already exists: https://github.com/ann/project/pull/7' >&2; exit 1");
    let page = ann.aitask(&["finish", "1", "--pr"]).ok().stdout;
    assert!(page.contains("gh opened the pull request https://github.com/ann/project/pull/7"), "{page}");
    assert!(page.contains("next: once it is merged: git aitask finish 1"), "{page}");
    // a dry run asks nobody
    let dry = ann.aitask(&["finish", "1", "--pr", "--dry-run"]).ok();
    assert!(dry.stdout.contains("gh pr create") && !dry.stderr.contains("no pull request"), "{dry}");
    assert_eq!(world.locks().len(), 1);
}

#[test]
fn a_job_whose_pull_request_nobody_opened_was_green() {
    let world = World::new();
    let ann = on_data_branch(&world, "ann");
    ann.task("One", &[]);
    ann.aitask(&["pick", "1"]).ok();
    ann.at(WORK).write("f", "x\n");
    ann.at(WORK).commit("work");
    let hook = "#!/bin/sh\ncat >/dev/null\necho 'Open it at https://forge.example/new?merge_request%5Bsource_branch%5D=t1_one' >&2\necho bye >&2\n";
    world.script(&world.origin().join("hooks/post-receive"), hook);
    let address = "https://forge.example/new?merge_request%5Bsource_branch%5D=t1_one";
    // the branch is pushed and the request is recorded, and yet what was asked for has not happened
    let run = ann.aitask(&["finish", "1", "--pr"]).fails(1);
    assert!(run.stderr.contains("error: aitask/t1_one was pushed, but no pull request was opened: "), "{run}");
    assert!(run.stderr.contains(&format!("  try: open it at {address}\n")) && !run.stderr.contains("bye"), "{run}");
    assert!(world.remote_branch("aitask/t1_one").is_some() && world.locks().len() == 1);
    assert!(ann.aitask(&["show", "1", "--json"]).ok().json()["task"]["pull_request"].is_object());
    ann.at(WORK).write("g", "x\n");
    ann.at(WORK).commit("more");
    let run = ann.aitask(&["finish", "1", "--pr", "--json"]).fails(1);
    let error = &run.error()["error"];
    assert_eq!(error["kind"], "not_merged");
    assert_eq!((&error["pushed"], &error["addresses"]), (&"aitask/t1_one".into(), &json!([address])));
    // repeated, it pushes nothing; and without the option it waits for the request, which a person has opened
    let pushed = world.remote_branch("aitask/t1_one");
    // no program would know this server the next time
    assert_eq!(run.hints()[1..], ["git aitask finish 1   # once it is open and merged"]);
    ann.aitask(&["finish", "1", "--pr"]).fails(1);
    assert_eq!(world.remote_branch("aitask/t1_one"), pushed);
    ann.aitask(&["finish", "1"]).fails(1).assert().stderr(predicates::str::contains("pull request"));
    // of the forge only the program is missing
    ann.git(&["config", "remote.origin.pushurl", &world.origin().display().to_string()]);
    let dry = ann.aitask(&["finish", "1", "--pr", "--dry-run"]).ok();
    assert!(dry.stdout.contains("note: no pull request would be opened: "), "{dry}");
    // without a remote nothing can be opened, and nothing is changed
    ann.git(&["config", "aitask.remote", "."]);
    ann.aitask(&["finish", "1", "--pr"]).fails(2);
}

#[test]
fn notes_that_came_after_a_squash_are_no_part_of_what_landed() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.task("One", &[]);
    ann.aitask(&["pick", "1"]).ok();
    let work = ann.at(WORK);
    work.write("f", "x\n");
    work.commit("work");
    work.aitask(&["finish", "--no-push"]).ok();
    let forge = world.clone("forge");
    forge.git(&["merge", "--quiet", "--squash", "origin/aitask/t1_one"]);
    forge.git(&["commit", "--quiet", "-m", "One (#7)"]);
    forge.git(&["push", "--quiet"]);
    work.write("aiplans/p1_one.md", "final notes\n");
    work.commit("notes");
    let run = work.aitask(&["finish", "--merge"]);
    let published = ["aiplans/archived/p1_one.md", "aiplans/p1_one.md"].map(|path| world.remote_file("main", path));
    assert!(run.code != 0 || published.iter().flatten().any(|text| text.contains("final notes")), "{run}");
}

#[test]
fn main_with_the_revert_in_it_merged_into_the_branch_does_not_bring_the_work_back() {
    for (meanwhile, has_record) in share([(false, true), (true, true), (false, false), (true, false)]) {
        let (world, ann, bob) = proposed();
        bob.git(&["merge", "-q", "--squash", "origin/aitask/t1_one"]);
        bob.commit("One (#7)");
        bob.git(&["revert", "--no-edit", "HEAD"]);
        let by = bob.git(&["rev-parse", "HEAD"]).trim().to_owned();
        bob.git(&["push", "-q"]);
        let there = ann.at(WORK);
        ann.git(&["fetch", "-q"]);
        there.git(&["merge", "-q", "--no-edit", "origin/main"]);
        if meanwhile {
            bob.write("later.txt", "x\n");
            bob.commit("later");
            bob.git(&["push", "-q"]);
        }
        if has_record {
            let run = ann.aitask(&["finish", "1", "--merge", "--json"]).fails(1);
            let message = run.error()["error"]["message"].as_str().unwrap().to_owned();
            assert_eq!(kind(&run), "conflict", "{run}");
            assert!(message.contains(&format!("{} took it back", &by[..7])), "{run}");
        } else {
            there.git(&["push", "-q", "origin", "HEAD"]);
            let eve = world.clone("eve");
            let json = eve.aitask(&["worktree", "prune", "--json"]).ok().json();
            assert_eq!(
                (&json["kept"][0]["state"], &json["kept"][0]["taken_back_by"]),
                (&"taken_back".into(), &by.into())
            );
        }
        assert_eq!(world.remote_file("main", "f").as_deref(), Some(LINES));
        // What is done on the branch after that is work again.
        there.write("more.txt", "more\n");
        there.commit("more");
        ann.aitask(&["finish", "1", "--merge"]).ok();
        assert!(world.remote_file("main", "more.txt").is_some());
    }
}

#[test]
fn commits_after_what_was_taken_back_neither_bring_it_back_nor_leave_it_out() {
    for squash in [true, false] {
        let (world, ann, bob) = proposed();
        let merge = |bob: &Repo| bob.git(&["merge", "-q", "--no-ff", "--no-edit", "origin/aitask/t1_one"]);
        if squash {
            bob.git(&["merge", "-q", "--squash", "origin/aitask/t1_one"]);
            bob.commit("One (#7)");
            bob.git(&["revert", "--no-edit", "HEAD"]);
        } else {
            merge(&bob);
            bob.git(&["revert", "--no-edit", "-m", "1", "HEAD"]);
        }
        let by = bob.git(&["rev-parse", "HEAD"]).trim().to_owned();
        bob.git(&["push", "-q"]);
        let there = ann.at(WORK);
        there.write("more", "more\n");
        there.commit("more");
        let refused = || {
            let run = ann.aitask(&["finish", "1", "--json"]).fails(1);
            assert!(kind(&run) == "conflict" && run.to_string().contains(&by[..7]), "{squash}\n{run}");
        };
        refused();
        if !squash {
            there.git(&["push", "-q", "origin", "HEAD"]);
            bob.git(&["fetch", "-q"]);
            merge(&bob);
            bob.git(&["push", "-q"]);
            refused();
        }
        bob.git(&["revert", "--no-edit", &by]);
        bob.git(&["push", "-q"]);
        ann.aitask(&["finish", "1", "--merge"]).ok();
        let lines = world.remote_file("main", "f").unwrap();
        assert!(lines.contains("five") && world.remote_file("main", "more").is_some(), "{squash} {lines}");
    }
}
