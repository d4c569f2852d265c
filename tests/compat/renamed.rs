//! A claim of a task whose file was renamed here, while no commit has the rename yet.

use super::{PICK, alone, pick, project, result, run, status, task_text, touched};
use crate::support::{Repo, When, World, thorough};

fn active(repo: &Repo) -> Vec<String> {
    let entries = std::fs::read_dir(repo.path("aitasks")).unwrap().map(|entry| entry.unwrap().file_name());
    let names = entries.map(|name| name.into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.starts_with('t')).collect();
    names.sort();
    names
}

fn published(world: &World) -> String {
    world.git(&["--git-dir=origin.git", "ls-tree", "-r", "--name-only", "main", "aitasks"])
}

const BOTH: [&str; 3] = ["aitasks/metadata/emails.txt", "aitasks/t1_better.md", "aitasks/t1_job.md"];

#[test]
fn it_is_claimed_under_its_new_name_and_the_old_one_does_not_come_back() {
    for ways in [
        &["mv", "aitasks/t1_job.md", "aitasks/t1_better.md"][..],
        &["git", "mv", "aitasks/t1_job.md", "aitasks/t1_better.md"],
    ] {
        let (world, ann) = project(2);
        ann.run(ways[0], &ways[1..]).ok();
        let claimed = pick(&ann, "1", "ann").ok();
        assert_eq!(claimed.stdout, "Updated: aitasks/t1_better.md\nOWNED:1\n", "{claimed}");
        assert_eq!(touched(&world, "main"), BOTH);
        assert_eq!((active(&ann), status(&ann)), (vec!["t1_better.md".into(), "t2_job.md".into()], String::new()));
        assert_eq!(published(&world), "aitasks/metadata/emails.txt\naitasks/t1_better.md\naitasks/t2_job.md\n");
        assert!(ann.read("aitasks/t1_better.md").contains("status: Implementing\n"));
        let again = pick(&ann, "1", "ann").ok();
        assert_eq!((result(&again).as_str(), active(&ann).len(), status(&ann).as_str()), ("OWNED:1", 2, ""), "{again}");
    }
}

#[test]
fn a_change_of_its_text_is_part_of_the_claim() {
    let (world, ann) = project(1);
    ann.run("mv", &["aitasks/t1_job.md", "aitasks/t1_better.md"]).ok();
    ann.write("aitasks/t1_better.md", &(task_text("status: Ready") + "More.\n"));
    pick(&ann, "1", "ann").ok();
    let text = world.remote_file("main", "aitasks/t1_better.md").unwrap();
    assert!(text.ends_with("More.\n") && text == ann.read("aitasks/t1_better.md"), "{text}");
    assert_eq!(status(&ann), "");
}

#[test]
fn without_a_remote_and_by_the_older_script() {
    let (_world, ann) = alone(1);
    ann.run("mv", &["aitasks/t1_job.md", "aitasks/t1_better.md"]).ok();
    assert_eq!(result(&run(&ann, PICK, "1 --email ann@example.com")), "OWNED:1");
    assert_eq!((active(&ann), status(&ann)), (vec!["t1_better.md".into()], String::new()));
    let (world, ann) = project(1);
    ann.run("mv", &["aitasks/t1_job.md", "aitasks/t1_better.md"]).ok();
    run(&ann, "aitask_own.sh", "1 --email ann@example.com").ok();
    assert_eq!((touched(&world, "main"), status(&ann)), (BOTH.map(Into::into).to_vec(), String::new()));
}

#[test]
fn what_was_changed_elsewhere_meanwhile_is_kept() {
    let (world, ann) = project(1);
    let bob = world.clone("bob");
    bob.write("aitasks/t1_job.md", &(task_text("status: Ready") + "Bob's.\n"));
    bob.commit("bob");
    bob.git(&["push", "--quiet"]);
    ann.run("mv", &["aitasks/t1_job.md", "aitasks/t1_better.md"]).ok();
    pick(&ann, "1", "ann").ok();
    assert!(world.remote_file("main", "aitasks/t1_better.md").unwrap().ends_with("Bob's.\n"));
    assert_eq!((active(&ann), status(&ann)), (vec!["t1_better.md".into()], String::new()));
}

#[test]
fn renamed_elsewhere_and_committed_it_is_claimed_under_that_name() {
    let (world, ann) = project(1);
    let bob = world.clone("bob");
    bob.git(&["mv", "aitasks/t1_job.md", "aitasks/t1_bobs.md"]);
    bob.commit("bob");
    bob.git(&["push", "--quiet"]);
    let claimed = pick(&ann, "1", "ann").ok();
    assert_eq!(claimed.stdout, "Updated: aitasks/t1_bobs.md\nOWNED:1\n", "{claimed}");
    assert_eq!((active(&ann), status(&ann)), (vec!["t1_bobs.md".into()], String::new()));
}

#[test]
fn renamed_here_and_elsewhere_it_is_refused_and_nothing_is_published() {
    let (world, ann) = project(1);
    let bob = world.clone("bob");
    bob.git(&["mv", "aitasks/t1_job.md", "aitasks/t1_bobs.md"]);
    bob.commit("bob");
    bob.git(&["push", "--quiet"]);
    ann.run("mv", &["aitasks/t1_job.md", "aitasks/t1_better.md"]).ok();
    let before = super::published(&world);
    let refused = pick(&ann, "1", "ann");
    assert_eq!(result(&refused), "LOCK_ERROR:dirty_worktree", "{refused}");
    assert_eq!((super::published(&world), active(&ann)), (before, vec!["t1_better.md".into()]));
}

#[test]
fn an_update_that_commits_takes_an_earlier_rename_in_as_a_whole() {
    let (_world, ann) = project(1);
    let update = |args: &[&str]| ann.script("aitask_update.sh", &[&["--batch", "1"], args].concat()).ok();
    update(&["--name", "better"]);
    update(&["--priority", "low", "--commit"]);
    let tree = |ann: &Repo| ann.git(&["ls-tree", "-r", "--name-only", "HEAD", "aitasks"]);
    assert_eq!((tree(&ann).as_str(), status(&ann).as_str()), ("aitasks/t1_better.md\n", ""));
    update(&["--name", "good"]);
    update(&["--name", "best", "--commit"]);
    assert_eq!((tree(&ann).as_str(), status(&ann).as_str()), ("aitasks/t1_best.md\n", ""));
}

#[test]
fn the_claim_of_another_task_brings_no_second_file_of_one_that_has_a_new_name_here() {
    for bobs in [
        "git mv aitasks/t1_job.md aitasks/t1_bobs.md",
        "echo more >>aitasks/t1_job.md",
        "git rm -q aitasks/t1_job.md && mkdir -p aitasks/archived && echo x >aitasks/archived/t1_job.md",
        "git rm -q aitasks/t1_job.md",
    ] {
        for anns in ["mv aitasks/t1_job.md aitasks/t1_better.md", "git mv aitasks/t1_job.md aitasks/t1_better.md"] {
            let (world, ann) = project(2);
            let bob = world.clone("bob");
            bob.run("sh", &["-ec", bobs]).ok();
            bob.commit("bob");
            bob.git(&["push", "--quiet"]);
            ann.run("sh", &["-ec", anns]).ok();
            let claimed = pick(&ann, "2", "ann").ok();
            assert_eq!(result(&claimed), "OWNED:2", "{claimed}");
            assert_eq!(active(&ann), ["t1_better.md", "t2_job.md"], "{bobs}, {anns}: {claimed}");
            assert!(claimed.stderr.contains("t1_"), "{claimed}");
            run(&ann, PICK, "--sync");
            assert_eq!(active(&ann), ["t1_better.md", "t2_job.md"], "{bobs}, {anns}");
        }
    }
}

#[test]
fn the_verb_refuses_until_the_rename_is_committed() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.aitask(&["new", "Job"]).ok();
    ann.run("mv", &["aitasks/t1_job.md", "aitasks/t1_better.md"]).ok();
    let before = world.git(&["--git-dir=origin.git", "for-each-ref"]);
    for args in [
        &["pick", "1", "--json"][..],
        &["pick", "--next", "--json"],
        &["edit", "1", "--priority", "low", "--json"],
        &["archive", "1", "--json"],
    ] {
        let refused = ann.aitask(args);
        assert_eq!(refused.error()["error"]["kind"], "dirty", "{refused}");
    }
    assert_eq!(
        (world.git(&["--git-dir=origin.git", "for-each-ref"]), active(&ann)),
        (before, vec!["t1_better.md".into()])
    );
    ann.commit("renamed");
    ann.git(&["push", "--quiet"]);
    ann.aitask(&["pick", "1"]).ok();
    assert_eq!((active(&ann), status(&ann)), (vec!["t1_better.md".into()], String::new()));
}

#[test]
fn killed_the_same_claim_completes_it() {
    let scene = || {
        let (world, ann) = project(1);
        ann.run("mv", &["aitasks/t1_job.md", "aitasks/t1_better.md"]).ok();
        (world, ann)
    };
    let args = ["compat", PICK, "1", "--email", "ann@example.com"];
    let (run, calls) = scene().1.git_commands(&args);
    run.ok();
    let push = calls.iter().position(|call| call.starts_with("push ")).unwrap() + 1;
    for k in if thorough() { 1..=calls.len() } else { push..=(push + 3).min(calls.len()) } {
        for when in [When::Before, When::After] {
            let (world, ann) = scene();
            let killed = ann.killed_at(k, when, &args);
            // In another time zone it is another minute.
            let again = ann.env("TZ", "XXX-1").aitask(&args);
            let at = format!("{when:?} call {k}: {}\n{killed}{again}", calls[k - 1]);
            assert_eq!(result(&again), "OWNED:1", "{at}");
            assert_eq!(published(&world), "aitasks/metadata/emails.txt\naitasks/t1_better.md\n", "{at}");
            assert_eq!((active(&ann), status(&ann)), (vec!["t1_better.md".into()], String::new()), "{at}");
        }
    }
}
