//! What one agent of a person holds, no other one of them changes, whatever the verb; and the holder is served. Nobody sets
//! a variable for that: agents are told apart by what they export, and by their processes.

use super::{WORK, committed};
use crate::support::{Agent, Repo, Run, World};
use std::cell::RefCell;

/// Three tasks, and the clone of the person.
pub(super) fn world() -> (World, Repo) {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    for name in ["1_one", "2_two", "3_three"] {
        ann.write(&format!("aitasks/t{name}.md"), "---\nstatus: Ready\n---\n\nText.\n");
    }
    ann.commit("Tasks");
    ann.git(&["push", "-q"]);
    (world, ann)
}

/// Every verb that only the holder of t1 may use.
pub(super) const OF_HOLDER: [&[&str]; 7] = [
    &["finish", "1"],
    &["drop", "1"],
    &["unlock", "1"],
    &["pick", "1"],
    &["edit", "1", "--status", "Ready"],
    &["archive", "1"],
    &["worktree", "remove", "1"],
];

/// Everything that a refused command could have changed.
pub(super) fn state(world: &World, ann: &Repo) -> String {
    let branches = ann.git(&["for-each-ref", "--format=%(refname) %(objectname)", "refs/heads"]);
    let worktrees = ann.git(&["worktree", "list"]);
    let record = std::fs::read_to_string(ann.path(".git/aitask/held/t1.json")).unwrap_or_default();
    world.git(&["--git-dir=origin.git", "for-each-ref"]) + &branches + &worktrees + &record
}

/// Fails unless every verb refuses this session, and changes nothing.
#[track_caller]
pub(super) fn refused(world: &World, ann: &Repo, intruder: &dyn Fn(&[&str]) -> Run) {
    let before = state(world, ann);
    for verb in OF_HOLDER {
        let run = intruder(&[verb, &["--json"]].concat()).fails(1);
        assert!(["not_holder", "held"].contains(&super::kind(&run).as_str()), "{run}");
        assert!(run.stderr.contains("--steal"), "{run}");
        assert_eq!(state(world, ann), before, "{run}");
    }
}

/// The holder of t1, and another session of the same person that works at `place`.
fn tried(
    world: &World,
    ann: &Repo,
    holder: &dyn Fn(&Repo, &[&str]) -> Run,
    other: &dyn Fn(&Repo, &[&str]) -> Run,
    place: &str,
) {
    holder(ann, &["pick", "1"]).ok();
    committed(ann, "work.txt");
    refused(world, ann, &|args| other(&ann.at(place), args));
    let served: [&[&str]; 10] = [
        &["pick", "1"],
        &["edit", "1", "--status", "Editing"],
        &["finish", "1"],
        &["pick", "2"],
        &["worktree", "remove", "2"],
        &["drop", "2"],
        &["pick", "3", "--no-worktree"],
        &["unlock", "3"],
        &["lock", "3"],
        &["archive", "3"],
    ];
    for verb in served {
        holder(ann, verb).ok();
    }
}

/// Two sessions of a program that names them in a variable; the other one is in the worktree of the task.
fn by_variable(name: &str) {
    let (world, ann) = world();
    let run = |session: &'static str| move |repo: &Repo, args: &[&str]| repo.env(name, session).aitask(args);
    tried(&world, &ann, &run("a"), &run("b"), WORK);
}

/// Two processes of a program that exports nothing; the other one is in the clone.
fn by_process(program: &str) {
    let (world, ann) = world();
    let agents = [(); 2].map(|()| RefCell::new(Agent::start(&ann, program)));
    let run = |agent: usize| {
        let agent = &agents[agent];
        move |repo: &Repo, args: &[&str]| agent.borrow_mut().aitask(repo, args)
    };
    tried(&world, &ann, &run(0), &run(1), "");
}

#[test]
fn claude_code_by_its_variable() {
    by_variable("CLAUDE_CODE_SESSION_ID");
}

#[test]
fn codex_by_its_variable() {
    by_variable("CODEX_THREAD_ID");
}

#[test]
fn copilot_by_its_variable() {
    by_variable("COPILOT_AGENT_SESSION_ID");
}

#[test]
fn cursor_by_its_variable() {
    by_variable("CURSOR_CONVERSATION_ID");
}

#[test]
fn amp_by_its_variable() {
    by_variable("AMP_CURRENT_THREAD_ID");
}

#[test]
fn opencode_by_the_process_that_its_variable_names() {
    by_process("serve");
}

#[test]
fn claude_code_by_its_process() {
    by_process("claude");
}

#[test]
fn codex_by_its_process() {
    by_process("codex");
}

#[test]
fn opencode_by_its_process() {
    by_process("opencode");
}

#[test]
fn copilot_by_its_process() {
    by_process("copilot");
}

#[test]
fn gemini_by_the_script_that_node_runs() {
    by_process("gemini.js");
}

#[test]
fn cursor_by_its_process() {
    by_process("cursor-agent");
}
