//! The former holder of a task hears of a takeover at its next verb in the worktree, in the first line.

use super::{WORK, kind, worked};
use crate::support::{Repo, Run, World};

const SAID: &str = "t1 was taken over by bob@example.com on ";

/// Ann has t1 and its worktree, Bob has taken it over, and Ann's clone has fetched since.
fn taken_over() -> (World, Repo, Repo) {
    let (world, ann) = worked();
    let bob = world.initialised_on_main("bob");
    bob.aitask(&["pick", "1", "--steal"]).ok();
    ann.git(&["fetch", "-q"]);
    (world, ann, bob)
}

fn first(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// Whether the run says on either stream that the task was taken over.
fn tells(run: &Run) -> bool {
    run.to_string().contains("taken over by") || run.to_string().contains("taken_over")
}

#[test]
fn every_verb_in_the_worktree_begins_with_it() {
    let (_world, ann, _bob) = taken_over();
    let here = ann.at(WORK);
    for args in [&[][..], &["status"], &["show"], &["new", "Two"], &["whoami"], &["edit", "2", "--priority", "low"]] {
        let run = here.aitask(args).ok();
        assert!(first(&run.stdout).starts_with(SAID), "{run}");
        let json = here.aitask(&[args, &["--json"]].concat()).ok().json();
        assert_eq!(
            (&json["taken_over"]["task_id"], &json["taken_over"]["holder"]),
            (&"1".into(), &"bob@example.com".into())
        );
    }
    // lines that programs read stay alone
    for args in
        [&["list"][..], &["worktree", "path"], &["worktree", "list"], &["locks"], &["log", "1"], &["status", "-q"]]
    {
        let run = here.aitask(args).ok();
        assert!(first(&run.stderr).starts_with(SAID) && !run.stdout.contains("taken over by bob@"), "{run}");
    }
    let run = here.aitask(&["show", "99"]).fails(1);
    assert!(first(&run.stderr).starts_with(SAID) && run.stderr.contains("\nerror: "), "{run}");
    let run = here.aitask(&["finish"]).fails(1);
    assert_eq!(run.stderr.matches("was taken over").count(), 1, "{run}");
    assert!(first(&run.stderr).contains("t1 was taken over"), "{run}");
    let run = here.aitask(&["finish", "--json"]).fails(1);
    assert_eq!((kind(&run).as_str(), &run.error()["taken_over"]["task_id"]), ("not_holder", &"1".into()));
}

#[test]
fn a_verb_that_fetches_tells_what_it_has_fetched() {
    let (world, ann) = worked();
    world.initialised_on_main("bob").aitask(&["pick", "1", "--steal"]).ok();
    let here = ann.at(WORK);
    assert!(!tells(&here.aitask(&["list"]).ok()));
    assert!(tells(&here.aitask(&["list", "--fetch"]).ok()));
}

#[test]
fn nobody_else_is_told() {
    let (world, ann, bob) = taken_over();
    for other in [&ann, &bob, &bob.at(WORK)] {
        assert!(!tells(&other.aitask(&["status"]).ok()));
    }
    // the former holder takes it back
    ann.at(WORK).aitask(&["pick", "--steal"]).ok();
    assert!(!tells(&ann.at(WORK).aitask(&["status"]).ok()));
    // and one who never had it
    let cat = world.initialised_on_main("cat");
    cat.git(&["fetch", "-q"]);
    cat.git(&["worktree", "add", "-q", "-b", "aitask/t1_one", WORK]);
    assert!(!tells(&cat.at(WORK).aitask(&["status"]).ok()));
}

#[test]
fn after_the_task_is_over_the_former_holder_is_told_so_all_the_same() {
    let (_world, ann, bob) = taken_over();
    bob.aitask(&["archive", "1"]).ok();
    ann.git(&["fetch", "-q"]);
    let run = ann.at(WORK).aitask(&["status"]).ok();
    assert!(first(&run.stdout).starts_with(SAID), "{run}");
}

#[test]
fn of_two_agents_in_one_clone_the_one_that_had_the_task_is_told() {
    let (_world, ann) = super::matrix::world();
    let agents = [("CODEX_THREAD_ID", "a"), ("CLAUDE_CODE_SESSION_ID", "b"), ("CODEX_THREAD_ID", "c")];
    let [a, b, c] = agents.map(|(name, session)| ann.env(name, session));
    a.aitask(&["pick", "1"]).ok();
    b.aitask(&["pick", "1", "--steal"]).ok();
    let status = |agent: &Repo| agent.at(WORK).aitask(&["status"]).ok();
    let run = status(&a);
    assert!(first(&run.stdout).starts_with("t1 was taken over by ann@example.com (claude-code) on "), "{run}");
    assert!(!tells(&status(&b)) && !tells(&status(&c)));
    // both who had it before are told of the last one
    ann.env("GEMINI_SESSION_ID", "d").aitask(&["pick", "1", "--steal"]).ok();
    assert!(first(&status(&a).stdout).contains("(gemini-cli)") && first(&status(&b).stdout).contains("(gemini-cli)"));
    a.aitask(&["pick", "1", "--steal"]).ok();
    assert!(!tells(&status(&a)) && tells(&status(&b)));
}

#[test]
fn a_takeover_by_way_of_another_clone_is_told_to_the_session_of_this_one() {
    for back in ["held", "dropped"] {
        let (world, ann) = super::matrix::world();
        let [a, c] = [("CODEX_THREAD_ID", "a"), ("CLAUDE_CODE_SESSION_ID", "c")].map(|(name, id)| ann.env(name, id));
        a.aitask(&["pick", "1"]).ok();
        let bob = world.initialised_on_main("bob");
        bob.aitask(&["pick", "1", "--steal"]).ok();
        if back == "dropped" {
            bob.aitask(&["drop", "1"]).ok();
        }
        ann.git(&["fetch", "-q"]);
        c.aitask(&["pick", "1", "--steal"]).ok();
        let run = a.at(WORK).aitask(&["status"]).ok();
        assert!(first(&run.stdout).starts_with("t1 was taken over by ann@example.com (claude-code) on "), "{run}");
        assert!(!tells(&c.at(WORK).aitask(&["status"]).ok()), "{back}");
    }
}

#[test]
fn it_costs_one_process_in_the_worktree_and_none_elsewhere() {
    let (_world, ann) = worked();
    let record = ann.path(".git/aitask/held/t1.json");
    let count = |repo: &Repo| repo.git_commands(&["whoami"]).1.len();
    let (here, there) = (count(&ann.at(WORK)), count(&ann));
    std::fs::remove_file(record).unwrap();
    let without = count(&ann.at(WORK));
    assert_eq!((here, there), (without + 1, count(&ann)));
}
