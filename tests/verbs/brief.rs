//! `git aitask brief`: what an agent must know, and the day that is played with what it says alone.

use super::init::keys;
use crate::support::{Repo, World};
use regex::Regex;
use std::path::Path;

fn brief(repo: &Repo) -> String {
    repo.aitask(&["brief"]).ok().stdout
}

/// The command that the brief says to be next.
fn next(text: &str) -> String {
    let found = Regex::new(r"(?m)^next: `([^`]*)`$").unwrap().captures(text).unwrap_or_else(|| panic!("{text}"));
    found[1].split("   #").next().unwrap().to_owned()
}

/// The same clone with this program on PATH, as an agent of this name.
fn agent(repo: &Repo, name: &str) -> Repo {
    let program = Path::new(env!("CARGO_BIN_EXE_git-aitask")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    repo.env("PATH", format!("{}:{path}", program.display())).env("GIT_AITASK_SESSION", name)
}

#[test]
fn it_says_who_you_are_what_you_hold_where_to_stand_and_what_is_ready() {
    let ann = World::new().initialised("ann");
    let text = brief(&ann);
    assert!(text.contains("you: ann@example.com on ") && text.contains("\nyou hold no task\nready: none\n"), "{text}");
    assert_eq!(next(&text), "git aitask new <title>");
    for title in ["One", "Two", "Three"] {
        ann.task(title, &[]);
    }
    assert_eq!(next(&brief(&ann)), "git aitask pick --next");
    let a = ann.env("CLAUDE_CODE_SESSION_ID", "abc");
    a.aitask(&["pick", "1"]).ok();
    ann.env("GIT_AITASK_SESSION", "other").aitask(&["pick", "2"]).ok();
    let text = brief(&a);
    let there = ann.path("aiwork/t1_one");
    assert!(text.starts_with("you: claude-code ba7816bf8f01, ann@example.com on "), "{text}");
    assert!(text.contains(&format!("\nyou hold 1 One: `cd {}`\n", there.display())), "{text}");
    assert!(text.contains("\nheld by other sessions: 1 ") && text.contains("\nready: 1 "), "{text}");
    assert!(text.contains("\n  3 Three\n"), "{text}");
    assert_eq!(next(&text), format!("cd {}", there.display()));
    let text = brief(&a.at(&there));
    assert!(text.contains("\nyou hold 1 One: you are in its worktree\n"), "{text}");
    assert_eq!(next(&text), "git aitask finish");
    // Another session of the same person holds nothing of it.
    assert!(brief(&ann.env("CLAUDE_CODE_SESSION_ID", "xyz")).contains("you hold no task"));
}

#[test]
fn programs_get_the_same_as_a_document() {
    let ann = World::new().initialised("ann").env("CODEX_THREAD_ID", "x");
    ann.task("One", &[]);
    ann.task("Two", &[]);
    ann.aitask(&["pick", "1"]).ok();
    let json = ann.aitask(&["brief", "--json"]).ok().json();
    assert_eq!(keys(&json), "schema who initialised lost holds cd held_by_others ready ready_count next verbs as_of");
    assert_eq!((&json["who"]["agent"], &json["ready_count"]), (&"codex".into(), &1.into()));
    assert_eq!(json["holds"][0], ann.aitask(&["show", "1", "--json"]).ok().json()["task"]);
    assert_eq!(json["cd"], json["holds"][0]["worktree"]["path"]);
    let verbs: Vec<_> = json["verbs"].as_array().unwrap().iter().map(|verb| verb["verb"].as_str().unwrap()).collect();
    assert_eq!(verbs, ["pick", "show", "sync", "finish", "drop", "new"]);
    let json = ann.at("aiwork/t1_one").aitask(&["brief", "--json"]).ok().json();
    assert!(json["here"] == "1" && json["cd"].is_null(), "{json:#}");
}

#[test]
fn a_session_without_an_address_was_refused_its_brief() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    for scope in ["--local", "--global"] {
        ann.git(&["config", scope, "--unset", "user.email"]);
    }
    let text = brief(&ann);
    assert!(text.starts_with("you: unknown, so that you can hold no task: no e-mail address of yours "), "{text}");
    assert!(
        text.contains("\n  try: git config --global user.email <e-mail>\n") && text.contains("  1 One\n"),
        "{text}"
    );
    assert_eq!(next(&text), "git config --global user.email <e-mail>");
    let json = ann.aitask(&["brief", "--json"]).ok().json();
    assert!(json["who"].is_null() && json["who_unknown"]["kind"] == "no_identity", "{json:#}");
    assert!(json["next"]["command"].is_null() && json["ready_count"] == 1, "{json:#}");
    // a job has no home, and git refuses --global there
    let nowhere = ["-u", "HOME", env!("CARGO_BIN_EXE_git-aitask"), "pick", "1"];
    let run = ann.run("env", &nowhere).fails(2);
    assert!(run.stderr.contains("try: export GIT_COMMITTER_NAME=<name> GIT_COMMITTER_EMAIL=<e-mail>\n"), "{run}");
    assert!(run.stderr.contains("try: git config user.email <e-mail>\n") && !run.stderr.contains("--global"), "{run}");
}

#[test]
fn a_task_that_was_taken_over_stands_first() {
    let world = World::new();
    let (ann, bob) = (world.initialised("ann"), world.initialised("bob"));
    ann.task("One", &[]);
    ann.aitask(&["pick", "1"]).ok();
    bob.aitask(&["pick", "1", "--steal"]).ok();
    ann.aitask(&["list", "--fetch"]).ok();
    for place in [".", "aiwork/t1_one"] {
        let text = brief(&ann.at(place));
        assert!(text.starts_with("t1 was taken over") && text.contains("bob@example.com"), "{place}: {text}");
        assert!(text.contains("you hold no task"), "{place}: {text}");
    }
    let json = ann.aitask(&["brief", "--json"]).ok().json();
    assert_eq!((&json["lost"][0]["task_id"], &json["lost"][0]["holder"]), (&"1".into(), &"bob@example.com".into()));
    assert_eq!(bob.aitask(&["brief", "--json"]).ok().json()["lost"], serde_json::json!([]));
    // By another session in the same clone: only the former one is told.
    let [one, two, three] = ["one", "two", "three"].map(|name| ann.env("CODEX_THREAD_ID", name));
    ann.task("Two", &[]);
    one.aitask(&["pick", "2"]).ok();
    two.aitask(&["pick", "2", "--steal"]).ok();
    assert!(brief(&one).contains("t2 was taken over"), "{}", brief(&one));
    assert!(!brief(&two).contains("t2 was taken over") && !brief(&three).contains("t2 was taken over"));
}

#[test]
fn it_is_short_whatever_there_is_and_makes_no_connection() {
    let ann = World::new().initialised_on_main("ann");
    let long = "a title of some words that goes on and on ".repeat(6);
    for n in 0..14 {
        ann.task(&format!("{long}{n}"), &[]);
    }
    for id in 1..8 {
        ann.aitask(&["pick", &id.to_string()]).ok();
    }
    ann.git(&["config", "aitask.publish", "true"]);
    ann.count_connections();
    let there = ann.at(ann.aitask(&["worktree", "path", "1"]).ok().stdout.trim());
    there.commit("work");
    for place in [&ann, &there] {
        let text = brief(place);
        let tokens = text.split_whitespace().count() * 14 / 10;
        assert!(tokens <= 1500, "{tokens}: {text}");
    }
    assert_eq!(ann.connections(), Vec::<&str>::new());
}

#[test]
fn a_clone_that_is_not_set_up_says_how() {
    let ann = World::new().clone("ann");
    let text = brief(&ann);
    assert!(text.contains("not set up for tasks; next: `git aitask init"), "{text}");
}

/// Plays the day of one agent, in a shell, with what the brief says alone. Returns the task and the number of commands.
fn day(agent: &Repo, name: &str) -> (String, usize) {
    let mut count = 0;
    let mut run = |repo: &Repo, command: &str| {
        count += 1;
        repo.run("sh", &["-c", command]).ok().stdout
    };
    let first = next(&run(agent, "git aitask brief"));
    run(agent, &first);
    let text = run(agent, "git aitask brief");
    let place = next(&text).strip_prefix("cd ").unwrap_or_else(|| panic!("{text}")).to_owned();
    let there = agent.at(place.trim_matches('\''));
    there.write(&format!("{name}.txt"), "work\n");
    run(&there, &format!("git add -A && git commit -qm 'feature: {name}'"));
    let text = run(&there, "git aitask brief");
    assert!(text.contains("you are in its worktree"), "{text}");
    let id = Regex::new("you hold ([0-9]+) ").unwrap().captures(&text).unwrap()[1].to_owned();
    let finished = run(&there, &next(&text));
    assert!(finished.contains("(finished)"), "{finished}");
    (id, count)
}

#[test]
fn a_day_takes_at_most_eight_commands_and_two_agents_work_at_once() {
    for clones in [1, 2] {
        let world = World::new();
        let ann = world.initialised("ann");
        let other = if clones == 2 { world.initialised("bob") } else { ann.at(".") };
        ann.task("One", &[]);
        ann.task("Two", &[]);
        if clones == 2 {
            other.aitask(&["list", "--fetch"]).ok();
        }
        let (one, two) = (agent(&ann, "one"), agent(&other, "two"));
        let days = std::thread::scope(|scope| {
            let days = [(&one, "one"), (&two, "two")].map(|(repo, name)| scope.spawn(move || day(repo, name)));
            days.map(|day| day.join().unwrap())
        });
        let mut ids: Vec<_> = days.iter().map(|(id, _)| id.as_str()).collect();
        ids.sort_unstable();
        assert_eq!(ids, ["1", "2"], "{clones} clones");
        assert!(days.iter().all(|(_, count)| *count <= 8), "{days:?}");
        assert!(world.locks().is_empty(), "{:?}", world.locks());
        let files = world.remote_files("main");
        assert!(["one.txt", "two.txt"].iter().all(|name| files.iter().any(|file| file == name)), "{files:?}");
    }
}
