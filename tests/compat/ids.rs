//! `aitask_claim_id.sh`: the counter, its self-healing, and what is said when it cannot be reached.

use super::{CLAIM, alone, bare, plain, project, run, subjects, task_text};
use crate::support::{Repo, Run, World};

fn counter(world: &World) -> String {
    world.remote_file("aitask-ids", "next_id.txt").unwrap_or_default()
}

/// The id that a claim gave: nothing else may be said.
#[track_caller]
fn claimed(run: Run) -> String {
    let run = run.ok();
    assert_eq!(run.stderr, "", "{run}");
    run.stdout
}

#[test]
fn ids_go_on_after_the_highest_and_heal_themselves() {
    let (world, ann) = bare(5);
    let init = plain(&run(&ann, CLAIM, "--init").ok().stdout);
    assert!(init.contains("Max existing task ID: t5\n") && init.contains("next_id=6"), "{init}");
    for id in ["6\n", "7\n", "8\n"] {
        assert_eq!(claimed(run(&ann, CLAIM, "")), id);
    }
    assert_eq!(world.remote_files("aitask-ids"), ["next_id.txt"]);
    ann.write("aitasks/t20_made_by_hand.md", &task_text("status: Ready"));
    assert_eq!(claimed(run(&ann, CLAIM, "claim")), "21\n");
    assert_eq!((counter(&world).as_str(), run(&ann, CLAIM, "--peek").ok().stdout.as_str()), ("22\n", "22\n"));
    let expected = ["ait: Claim task ID t21, advance counter to 22", "ait: Claim task ID t8, advance counter to 9"];
    assert_eq!(subjects(&world, "aitask-ids")[..2], expected);
    let tip = world.remote_branch("aitask-ids").unwrap();
    assert_eq!(ann.git(&["rev-parse", "refs/heads/aitask-ids"]).trim(), tip, "the local branch follows");
    let again = plain(&run(&ann, CLAIM, "--init").ok().stdout);
    assert!(again.contains("already exists on remote") && again.contains("Current counter value: 22"), "{again}");
}

#[test]
fn a_counter_that_was_set_back_gives_no_id_of_an_archived_task() {
    for bundled in [false, true] {
        let (world, ann) = project(5);
        let start = world.remote_branch("aitask-ids").unwrap();
        for at in 1..=3 {
            ann.aitask(&["archive", &at.to_string()]).ok();
        }
        ann.task("Six", &[]);
        ann.aitask(&["archive", "4", "5", "6"]).ok();
        if bundled {
            ann.script("aitask_zip_old.sh", &[]).ok();
            assert!(!ann.path("aitasks/archived/t6_six.md").exists());
        }
        world.git(&["--git-dir=origin.git", "update-ref", "refs/heads/aitask-ids", &start]);
        // this clone never knew the higher value
        let bob = world.clone("bob");
        let id = bob.task("Seven", &[]);
        assert_eq!(id, "7");
        world.git(&["--git-dir=origin.git", "update-ref", "refs/heads/aitask-ids", &start]);
        let carl = world.clone("carl");
        assert_eq!(claimed(run(&carl, CLAIM, "--claim")), "8\n");
    }
}

#[test]
fn resync_raises_and_never_lowers() {
    let (world, ann) = project(5);
    ann.write("aitasks/archived/t50_old.md", &task_text("status: Done"));
    assert_eq!(claimed(run(&ann, CLAIM, "--resync")), "RESYNCED:6:51\n");
    assert_eq!(claimed(run(&ann, CLAIM, "--resync")), "OK:51\n");
    std::fs::remove_file(ann.path("aitasks/archived/t50_old.md")).unwrap();
    assert_eq!(claimed(run(&ann, CLAIM, "--resync")), "OK:51\n");
    assert_eq!((counter(&world).as_str(), subjects(&world, "aitask-ids").len()), ("51\n", 2));
    assert_eq!(subjects(&world, "aitask-ids")[0], "ait: Resync task ID counter to 51");
}

#[test]
fn resync_sets_the_local_branch_to_the_remotes() {
    let (world, ann) = project(2);
    let tip = world.remote_branch("aitask-ids").unwrap();
    let local = || ann.git(&["rev-parse", "refs/heads/aitask-ids"]).trim().to_owned();
    ann.git_fails(&["rev-parse", "--verify", "-q", "refs/heads/aitask-ids"]);
    assert_eq!(claimed(run(&ann, CLAIM, "--resync")), "OK:3\n");
    assert_eq!(local(), tip);
    // another history with a lower value is replaced, one with a higher value is not
    for (value, stays) in [("2", false), ("9", true)] {
        let text = format!(
            "t=$(printf '100644 blob %s\\tnext_id.txt\\n' $(echo {value} | git hash-object -w --stdin) | git mktree) && \
             git update-ref refs/heads/aitask-ids $(git commit-tree $t -m other)"
        );
        ann.run("sh", &["-c", &text]).ok();
        run(&ann, CLAIM, "--resync").ok();
        assert_eq!(local() != tip, stays, "{value}");
    }
}

#[test]
fn names_in_a_bundle_count_and_its_number_does_not() {
    let packed = |ann: &Repo| {
        for n in 1..=3 {
            ann.write(&format!("aitasks/archived/t{n}_x.md"), &task_text("status: Done"));
        }
        let pack = "mkdir _b0 && tar -I zstd -cf _b0/old0.tar.zst ./t1_x.md ./t2_x.md ./t3_x.md && rm t*.md";
        ann.at("aitasks/archived").run("sh", &["-c", pack]).ok();
    };
    let (_world, ann) = bare(0);
    packed(&ann);
    let init = plain(&run(&ann, CLAIM, "--init").ok().stdout);
    assert!(init.contains("Max existing task ID: t3\n") && init.contains("next_id=4"), "{init}");
    assert_eq!(claimed(run(&ann, CLAIM, "--resync")), "OK:4\n");
    let (world, bob) = bare(0);
    packed(&bob);
    bob.commit("archived");
    bob.git(&["push", "--quiet"]);
    bob.aitask(&["init"]).ok();
    assert_eq!(counter(&world), "4\n");
}

#[test]
fn a_bundle_that_cannot_be_read_stops_init_and_resync_alone() {
    let (world, ann) = bare(1);
    ann.write("aitasks/archived/_b0/old0.tar.zst", "not a bundle\n");
    run(&ann, CLAIM, "--init").fails(1);
    assert_eq!(world.remote_branch("aitask-ids"), None);
    std::fs::remove_dir_all(ann.path("aitasks/archived")).unwrap();
    run(&ann, CLAIM, "--init").ok();
    ann.write("aitasks/archived/_b0/old0.tar.gz", "not a bundle\n");
    run(&ann, CLAIM, "--resync").fails(1);
    assert_eq!(claimed(run(&ann, CLAIM, "")), "2\n");
}

#[test]
fn numbers_are_decimal_and_of_the_name_alone() {
    let (_world, ann) = bare(0);
    for file in ["aitasks/t010_ten.md", "aitasks/t3/t3_99_child.md", "aitasks/archived/t9_x/t8_1_y.md"] {
        ann.write(file, &task_text("status: Ready"));
    }
    assert!(plain(&run(&ann, CLAIM, "--init").ok().stdout).contains("Max existing task ID: t10\n"));
}

#[test]
fn without_a_remote_the_local_branch_counts() {
    let (_world, ann) = alone(5);
    assert_eq!(run(&ann, CLAIM, "--peek").ok().stdout.trim(), "6");
    let first = run(&ann, CLAIM, "").ok();
    assert!(first.stdout == "6\n" && first.stderr.contains("created with next_id=6"), "{first}");
    assert_eq!(claimed(run(&ann, CLAIM, "")), "7\n");
    assert_eq!(run(&ann, CLAIM, "--peek").ok().stdout.trim(), "8");
    says(run(&ann, CLAIM, "--init"), &["No git remote 'origin' configured"], &[]);
    ann.write("aitasks/archived/t30_old.md", &task_text("status: Done"));
    assert_eq!(claimed(run(&ann, CLAIM, "resync extra")), "RESYNCED:8:31\n");
    assert_eq!(claimed(run(&ann, CLAIM, "--resync")), "OK:31\n");
    let log = ann.git(&["log", "--format=%s", "aitask-ids"]);
    let expected = [
        "ait: Resync local task ID counter to 31",
        "ait: Claim task ID t7, advance counter to 8",
        "ait: Claim task ID t6, advance counter to 7",
        "ait: Initialize local task ID counter at 6",
    ];
    assert_eq!(log.lines().collect::<Vec<_>>(), expected);
    assert_eq!(super::status(&ann), "?? aitasks/archived/\n");
}

#[test]
fn a_counter_that_is_no_number_is_shown_and_never_counted_on() {
    let (world, ann) = project(1);
    let other = super::peer::Peer::new(&world, "peer");
    for (content, shown) in [(Some("banana\n"), "'banana'"), (Some(" \n"), "''"), (None, "Could not read next_id.txt")]
    {
        other.put("aitask-ids", "next_id.txt", content, "odd");
        for line in ["--claim", "--resync"] {
            says(run(&ann, CLAIM, line), &[shown], &["race", "ait setup"]);
        }
        let peek = run(&ann, CLAIM, "--peek");
        assert!(content.is_some() || peek.fails(1).stderr.contains(shown));
        assert!(run(&ann, CLAIM, "--init").ok().stdout.contains("Current counter value: ?"));
        assert_eq!(world.remote_file("aitask-ids", "next_id.txt").as_deref(), content);
    }
    other.put("aitask-ids", "next_id.txt", Some("banana\n"), "odd");
    assert_eq!(run(&ann, CLAIM, "--peek").ok().stdout, "banana\n");
}

/// The words that belong to another diagnosis.
#[track_caller]
fn says(run: Run, fragments: &[&str], never: &[&str]) {
    let run = run.fails(1);
    assert!(run.stdout.is_empty(), "{run}");
    for fragment in fragments {
        assert!(run.stderr.contains(fragment), "{fragment}\n{run}");
    }
    for fragment in never {
        assert!(!run.stderr.contains(fragment), "{fragment}\n{run}");
    }
}

/// A clone that knows no tip of the counter, so that it has to ask.
fn newcomer(world: &World, ann: &Repo) -> Repo {
    let url = format!("file://{}", world.origin().display());
    world.git(&["clone", "--quiet", "--single-branch", &url, "new"]);
    ann.at(world.root().join("new"))
}

#[test]
fn four_diagnoses_of_a_claim() {
    let (world, ann) = project(1);
    let new = newcomer(&world, &ann);
    let never = ["auto-upgrade", "5 attempts", "ait setup"];
    let fetch = "if [ \"$1\" = fetch ]; then echo 'fatal: cannot open FETCH_HEAD' >&2; exit 128; fi";
    let both = "case $1 in fetch|ls-remote) echo 'fatal: no route to host' >&2; exit 128;; esac";
    says(run(&new.with_git_that(fetch), CLAIM, ""), &["Failed to fetch counter branch", "FETCH_HEAD"], &never);
    says(run(&new.with_git_that(both), CLAIM, ""), &["Cannot reach origin", "no route to host"], &never);
    assert_eq!(counter(&world), "2\n");
    says(run(&newcomer_without_counter(), CLAIM, ""), &["not initialized on origin", "ait setup"], &["5 attempts"]);
    assert_eq!(claimed(run(&new, CLAIM, "")), "2\n");
}

fn newcomer_without_counter() -> Repo {
    bare(1).1
}

#[test]
fn a_local_counter_is_pushed_when_there_is_a_remote_at_last() {
    let (world, ann) = alone(1);
    assert_eq!(run(&ann, CLAIM, "").ok().stdout, "2\n");
    ann.git(&["remote", "add", "origin", world.origin().to_str().unwrap()]);
    let upgraded = run(&ann, CLAIM, "").ok();
    assert_eq!(upgraded.stdout, "3\n");
    assert!(upgraded.stderr.contains("Pushed local counter branch to remote (auto-upgrade)"), "{upgraded}");
    assert_eq!(counter(&world), "4\n");
}

#[test]
fn a_counter_made_again_from_an_old_clone_does_not_go_back() {
    let (world, ann) = project(1);
    run(&ann, CLAIM, "").ok();
    ann.write("aitasks/archived/t30_old.md", &task_text("status: Done"));
    world.git(&["--git-dir=origin.git", "update-ref", "-d", "refs/heads/aitask-ids"]);
    assert_eq!(run(&ann, CLAIM, "").ok().stdout, "31\n");
}

#[test]
fn a_counter_that_was_rewritten_on_the_server_is_followed() {
    let (world, ann) = project(1);
    run(&ann, CLAIM, "").ok();
    let script = "c=$(git commit-tree $(git rev-parse origin/aitask-ids^{tree}) -m again) && \
        git push -q --force origin $c:refs/heads/aitask-ids";
    world.clone("bob").run("sh", &["-c", script]).ok();
    assert_eq!(claimed(run(&ann, CLAIM, "")), "3\n");
}

#[test]
fn peek_shows_the_local_value_when_the_remote_is_away() {
    let (world, ann) = project(1);
    run(&ann, CLAIM, "").ok();
    std::fs::rename(world.origin(), world.root().join("away.git")).unwrap();
    let peek = run(&ann, CLAIM, "--peek").ok();
    assert_eq!(peek.stdout.trim(), "3");
    assert!(peek.stderr.contains("Cannot reach origin") && peek.stderr.contains("showing local value"), "{peek}");
    says(run(&ann, CLAIM, "--what"), &["Unknown option: --what"], &[]);
}
