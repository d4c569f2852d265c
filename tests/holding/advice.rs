//! What `git aitask` advises is what it then does, for every session.

use super::{WORK, committed, kind};
use crate::support::{Repo, Sleeper, World};

/// The command that the page says is next.
fn next(agent: &Repo) -> String {
    let said = agent.aitask(&[]).ok().stdout;
    let line = said.lines().find_map(|line| line.strip_prefix("next: ")).unwrap_or_else(|| panic!("{said}"));
    line.split("   #").next().unwrap().to_owned()
}

/// Runs a command line of `git aitask`, without the program's name.
fn follow(agent: &Repo, line: &str) {
    let words: Vec<_> = line.strip_prefix("git aitask ").unwrap_or_else(|| panic!("{line}")).split(' ').collect();
    agent.aitask(&words).ok();
}

#[test]
fn each_of_two_agents_can_follow_it() {
    let (_world, ann) = super::matrix::world();
    let [a, b] = ["a", "b"].map(|session| ann.env("CODEX_THREAD_ID", session));
    a.aitask(&["pick", "1"]).ok();
    let said = a.aitask(&[]).ok().stdout;
    assert!(said.contains("\nyou hold 1  ") && !said.contains("another session"), "{said}");
    for place in ["", WORK] {
        let said = b.at(place).aitask(&[]).ok().stdout;
        assert!(said.contains("\nanother session of yours holds 1  ") && !said.contains("you hold"), "{said}");
        assert!(!said.contains("finish") && !said.contains("next: cd"), "{said}");
    }
    let line = next(&a);
    assert!(line.starts_with("cd ") && line.ends_with(WORK), "{line}");
    assert_eq!(next(&a.at(WORK)), "git aitask finish");
    committed(&ann, "work.txt");
    follow(&b.at(WORK), &next(&b.at(WORK)));
    assert_eq!(next(&a.at(WORK)), "git aitask finish");
    follow(&a.at(WORK), "git aitask finish");
    let said = b.aitask(&[]).ok().stdout;
    assert!(said.contains("\nyou hold 2  "), "{said}");
}

#[test]
fn the_task_of_a_dead_session_is_named_with_the_way_to_go_on() {
    let (_world, ann) = super::matrix::world();
    let dead = Sleeper::new();
    ann.env("CLAUDE_CODE_SESSION_ID", "a").env("CLAUDE_PID", dead.pid()).aitask(&["pick", "1"]).ok();
    dead.die();
    let ann = ann.env("CODEX_THREAD_ID", "b");
    let said = ann.aitask(&[]).ok().stdout;
    let way = "another session of yours holds 1  one (claude-code); it is dead, to go on: git aitask pick 1\n";
    assert!(said.to_lowercase().contains(way), "{said}");
    assert!(ann.at(WORK).aitask(&[]).ok().stdout.contains("\nyou hold 1  "));
    follow(&ann, "git aitask pick 1");
    assert!(ann.aitask(&[]).ok().stdout.contains("\nyou hold 1  "));
}

#[test]
fn a_missing_worktree_is_missed_by_the_session_that_holds_the_task() {
    let (_world, ann) = super::matrix::world();
    let [a, b] = ["a", "b"].map(|session| ann.env("CODEX_THREAD_ID", session));
    a.aitask(&["pick", "1", "--no-worktree"]).ok();
    let lacking = |agent: &Repo| agent.aitask(&["status", "--json"]).ok().json()["without_worktree"].is_array();
    assert!(lacking(&a) && !lacking(&b));
    let lacks = |agent: &Repo| agent.aitask(&["show", "1"]).ok().stdout.contains("git aitask worktree add 1");
    assert!(lacks(&a) && !lacks(&b));
    let run = b.aitask(&["finish", "1", "--json"]).fails(1);
    assert_eq!(kind(&run), "not_holder");
}

#[test]
fn a_branch_without_commits_of_its_own_is_not_to_be_finished_where_the_local_main_is_behind() {
    let (world, ann) = super::matrix::world();
    let bob = world.clone("bob");
    bob.write("theirs.txt", "x\n");
    bob.commit("theirs");
    bob.git(&["push", "-q", "origin", "main"]);
    let ann = ann.env("CODEX_THREAD_ID", "a");
    ann.git(&["fetch", "-q"]);
    ann.aitask(&["pick", "1"]).ok();
    let said = ann.at(WORK).aitask(&[]).ok().stdout;
    assert!(said.contains("\nnext: git aitask finish   # once the work on t1 is committed\n"), "{said}");
}

#[test]
fn in_the_main_checkout_finish_and_drop_name_what_this_session_holds() {
    let (_world, ann) = super::matrix::world();
    let [a, b] = ["a", "b"].map(|session| ann.env("CODEX_THREAD_ID", session));
    a.aitask(&["pick", "1"]).ok();
    assert_eq!(a.aitask(&["finish", "--json"]).fails(2).hints()[0], "git aitask finish 1");
    b.aitask(&["pick", "2"]).ok();
    a.aitask(&["pick", "3"]).ok();
    assert_eq!(a.aitask(&["drop", "--json"]).fails(2).hints(), ["git aitask drop 1", "git aitask drop 3"]);
    let none = ann.env("CODEX_THREAD_ID", "c").aitask(&["finish", "--json"]).fails(2).hints();
    assert_eq!(none[0], "git aitask list", "{none:?}");
}

#[test]
fn every_page_names_the_same_next_step() {
    let pages = |repo: &Repo| {
        [&["status"][..], &[], &["brief"]].map(|page| {
            let said = repo.aitask(page).ok().stdout;
            let (_, line) = said.split_once("next: ").unwrap_or_else(|| panic!("{said}"));
            line.lines().next().unwrap().trim_matches('`').split("   #").next().unwrap().to_owned()
        })
    };
    let same = |repo: &Repo, command: &str| assert_eq!(pages(repo), [command; 3]);
    let early = World::new().clone("ann");
    early.write("aitasks/t1_one.md", "---\nstatus: Ready\n---\n");
    early.commit("A task by hand");
    early.git(&["push", "-q"]);
    same(&early, "git aitask init");
    let run = early.aitask(&["init"]).ok();
    assert!(run.stdout.contains("next: git aitask pick --next\n"), "{run}");
    let (world, ann) = super::matrix::world();
    same(&world.clone("bob"), "git aitask pick --next");
    let a = ann.env("CODEX_THREAD_ID", "a");
    same(&a, "git aitask pick --next");
    a.aitask(&["pick", "1"]).ok();
    same(&a, &format!("cd {}", ann.path(WORK).display()));
    let aside = ann.path("aside");
    std::fs::rename(ann.path(WORK), &aside).unwrap();
    assert!(a.aitask(&["list"]).ok().stdout.contains("in aiwork/t1_one, whose folder is gone"));
    std::fs::rename(&aside, ann.path(WORK)).unwrap();
    committed(&ann, "work.txt");
    same(&a.at(WORK), "git aitask finish");
    a.at(WORK).aitask(&["finish"]).ok();
    // what only waits for its pull request hides no other work
    a.task("Waiting", &[]);
    let waiting = a.aitask(&["pick", "4", "--json"]).ok().json()["cd"].as_str().unwrap().to_owned();
    a.at(&waiting).commit("work");
    a.at(&waiting).aitask(&["finish", "--no-push"]).ok();
    same(&a, "git aitask pick --next");
    a.aitask(&["pick", "2", "--no-worktree"]).ok();
    let [first, rest @ ..] = pages(&a);
    assert!(rest.iter().all(|page| *page == first) && !first.contains("pick"), "{first} {rest:?}");
}
