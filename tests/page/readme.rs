//! What the README shows runs, and prints what it shows.

use super::read;
use crate::support::{Repo, Sleeper, World};
use regex::Regex;
use std::path::Path;

/// The commands that are not run here, by their beginning, each with the reason.
const NOT_RUN: [(&str, &str); 2] = [
    ("cargo run --release -- demo", "a build of minutes; `verbs::demo` runs the demonstration, and CI this command"),
    ("cargo install --locked --path .", "a build of minutes; `scripts/package --test` installs what is built"),
];

/// What stands for the work, which the reader does, in the place of this comment.
const WORK: (&str, &str) = ("# work, commit", "echo work >work.txt; git add .; git commit -qm work");

/// The fenced blocks of a page: the word after the fence, and the text.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    let parts = page.split("\n```").skip(1).step_by(2);
    parts.map(|part| part.split_once('\n').unwrap_or_else(|| panic!("a fence is not closed: {part}"))).collect()
}

/// A clone of a project whose scripts are in `.aitask-scripts`, with this program on PATH.
fn scene() -> Repo {
    let ann = World::new().clone("ann");
    ann.world().script(&ann.path(".aitask-scripts/aitask_lock.sh"), "#!/bin/sh\necho original\n");
    ann.write(".gitignore", ".aitask-scripts\n");
    ann.commit("as it was before");
    ann.git(&["push", "-q"]);
    let program = Path::new(env!("CARGO_BIN_EXE_git-aitask")).parent().unwrap().display();
    ann.env("PATH", format!("{program}:{}", std::env::var("PATH").unwrap())).env("SHELL", "/bin/bash")
}

#[test]
fn the_commands_of_the_readme_run_one_after_the_other() {
    let readme = read("README.md");
    assert!(readme.lines().count() < 250, "{} lines", readme.lines().count());
    let (mut script, mut not_run) = (String::new(), Vec::new());
    for (language, text) in blocks(&readme) {
        assert!(["sh", "console"].contains(&language), "a block of {language} is run by no test");
        for line in text.lines().filter(|_| language == "sh") {
            if let Some((command, _)) = NOT_RUN.iter().find(|(command, _)| line.starts_with(command)) {
                not_run.push(*command);
            } else {
                let line = if line == WORK.0 { WORK.1 } else { line };
                script.push_str(&format!("{line}\necho \"ran $?\"\n"));
            }
        }
    }
    assert_eq!(not_run, NOT_RUN.map(|(command, _)| command));
    let ann = scene();
    let run = ann.run("bash", &["-e", "-c", &script]).ok();
    assert_eq!(
        run.stdout.lines().filter(|line| *line == "ran 0").count(),
        script.matches("\necho \"ran $?\"\n").count()
    );
    let world = ann.world();
    assert_eq!(world.remote_file("main", "work.txt").as_deref(), Some("work\n"), "{run}");
    assert_eq!(world.locks(), Vec::<String>::new(), "{run}");
    assert!(world.root().join("home/.local/share/man/man1/git-aitask.1").exists(), "{run}");
    assert!(ann.path(".agents/skills").is_dir() && ann.read("AGENTS.md").contains("git aitask brief"), "{run}");
    assert!(run.stdout.contains("you hold no task") && run.stdout.contains("No active locks"), "{run}");
    assert_eq!(ann.read(".aitask-scripts/aitask_lock.sh"), "#!/bin/sh\necho original\n");
}

#[test]
fn what_the_readme_shows_of_a_task_that_is_held_is_what_is_printed() {
    let (world, sleeper) = (World::new(), Sleeper::new());
    world.script(&world.root().join("programs/hostname"), "#!/bin/sh\necho atlas\n");
    let world = world.with_programs(world.root().join("programs"));
    let ann = world.initialised("ann").env("AIT_AGENT_PID", sleeper.pid());
    ann.task("Add login", &[]);
    ann.task("Add logout", &[("depends", "1")]);
    ann.task("Fix the footer", &[]);
    ann.aitask(&["pick", "1"]).ok();
    let readme = read("README.md");
    let shown: Vec<_> = blocks(&readme).into_iter().filter(|(language, _)| *language == "console").collect();
    let [(_, shown)] = shown[..] else { panic!("one block of the console: {shown:?}") };
    let (command, shown) = shown.split_once('\n').unwrap();
    let words: Vec<_> = command.strip_prefix("$ git aitask ").unwrap().split(' ').collect();
    let run = world.initialised("bob").aitask(&words).fails(1);
    let alike = |text: &str| {
        let number = Regex::new(r"\d{4}-\d\d-\d\d \d\d:\d\d|pid \d+").unwrap();
        number.replace_all(text.trim_end(), "...").into_owned()
    };
    assert_eq!(alike(&run.stderr), alike(shown));
}
