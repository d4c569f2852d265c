//! What is kept of the task data: it saves reading, and changes no answer.

use crate::support::{Chance, Repo, World};
use std::path::PathBuf;

/// A clone whose git writes down what it is asked to read, and the file in which it does.
fn watched(repo: &Repo) -> (Repo, PathBuf) {
    let world = repo.world();
    let (bin, log) = (world.root().join("watched"), world.root().join("asked"));
    let (git, file) = (world.real_git(), log.display().to_string());
    let read = format!("if [ \"$1\" = cat-file ]; then tee -a '{file}' | exec '{}' \"$@\"; fi", git.display());
    world.script(&bin.join("git"), &format!("#!/bin/sh\n{read}\nexec '{}' \"$@\"\n", git.display()));
    (repo.with_programs(&bin), log)
}

/// What was asked since the last call.
fn asked(log: &PathBuf) -> Vec<String> {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let _ = std::fs::remove_file(log);
    text.lines().map(str::to_owned).collect()
}

/// Answers of everything that reads what is kept.
fn answers(repo: &Repo) -> Vec<String> {
    let lines =
        ["list --json", "list --archived --json", "list --ready -n 2", "status --json", "show 1 --json", "brief"];
    let answer = |line: &&str| {
        let run = repo.aitask(&line.split(' ').collect::<Vec<_>>());
        format!("{} {}", run.code, run.stdout)
    };
    lines.iter().map(answer).collect()
}

fn folder(repo: &Repo) -> PathBuf {
    repo.path(".git/aitask/cache")
}

/// Commits of five thousand tasks, published.
fn five_thousand(repo: &Repo) {
    use std::fmt::Write as _;
    let mut stream =
        "commit refs/heads/main\ncommitter A <a@example.com> 1767225600 +0000\ndata 5\ntasks\nfrom refs/heads/main^0\n"
            .to_owned();
    for n in 1..=5000 {
        let file = format!("---\npriority: high\nstatus: Ready\n---\n\nDo number {n}.\n");
        let _ = write!(stream, "M 100644 inline aitasks/t{n}_task.md\ndata {}\n{file}\n", file.len());
    }
    let import = repo.dir().join(".git/stream");
    std::fs::write(&import, stream).unwrap();
    repo.run("sh", &["-c", "git fast-import --quiet <.git/stream"]).ok();
    repo.git(&["reset", "-q", "--hard", "main"]);
    repo.git(&["push", "-q", "origin", "main"]);
}

#[test]
fn of_five_thousand_tasks_none_is_read_twice() {
    let ann = World::new().initialised_on_main("ann");
    five_thousand(&ann);
    let (watching, log) = watched(&ann);
    watching.aitask(&["list", "-n", "1"]).ok();
    assert!(asked(&log).len() >= 5000);
    for line in ["list -n 1", "status", "list --ready -n 3", "brief"] {
        let run = watching.aitask(&line.split(' ').collect::<Vec<_>>()).ok();
        assert_eq!(asked(&log), Vec::<String>::new(), "{run}");
    }
    ann.aitask(&["edit", "7", "--priority", "low"]).ok();
    let run = watching.aitask(&["list", "-n", "1"]).ok();
    // besides folders, and the locks, whose branch was moved with it
    let is_file = |name: &String| ann.run("git", &["cat-file", "-t", name]).stdout == "blob\n";
    let tasks: Vec<_> = asked(&log).into_iter().filter(is_file).collect();
    assert_eq!(tasks.len(), 1, "the one that was changed\n{run}");
    assert_eq!(watching.aitask(&["list", "--priority", "low"]).ok().stdout.lines().count(), 1);
    watching.aitask(&["pick", "--next", "--no-worktree"]).ok();
    assert!(asked(&log).len() < 10);
}

#[test]
fn what_is_damaged_or_foreign_is_not_trusted_and_is_replaced() {
    let ann = World::new().initialised_on_main("ann");
    for title in ["One", "Two", "Three"] {
        ann.task(title, &[]);
    }
    ann.aitask(&["pick", "2"]).ok();
    let before = answers(&ann);
    let damages: [fn(Vec<u8>) -> Vec<u8>; 6] = [
        |_| Vec::new(),
        |bytes| bytes[..bytes.len() / 2].to_vec(),
        |bytes| bytes.iter().map(|byte| byte ^ 1).collect(),
        |bytes| String::from_utf8_lossy(&bytes).replace("cache 2 ", "cache 1 ").into_bytes(),
        |mut bytes| {
            let at = bytes.len() - 9;
            bytes[at] ^= 0x20;
            bytes
        },
        |_| b"aitask cache 2 of another program".to_vec(),
    ];
    for (n, damage) in damages.iter().enumerate() {
        for name in ["tasks", "locks"] {
            let file = folder(&ann).join(name);
            let whole = std::fs::read(&file).unwrap();
            std::fs::write(&file, damage(whole.clone())).unwrap();
            assert_eq!(answers(&ann), before, "{name}, {n}");
            assert_eq!(std::fs::read(&file).unwrap(), whole, "{name}, {n}");
        }
    }
    std::fs::remove_dir_all(folder(&ann)).unwrap();
    assert_eq!(answers(&ann), before);
    std::fs::remove_dir_all(folder(&ann)).unwrap();
    std::fs::write(folder(&ann), "a file in its place").unwrap();
    assert_eq!(answers(&ann), before);
}

#[test]
fn two_that_write_it_at_once_both_answer_and_leave_a_whole_one() {
    let ann = World::new().initialised_on_main("ann");
    for title in ["One", "Two", "Three"] {
        ann.task(title, &[]);
    }
    let before = ann.aitask(&["list", "--json"]).ok().stdout;
    for _ in 0..5 {
        std::fs::remove_dir_all(folder(&ann)).unwrap();
        let runs: Vec<_> = (0..4).map(|_| ann.start(&["list", "--json"])).collect();
        for run in runs {
            assert_eq!(run.wait().ok().stdout, before);
        }
    }
    let left = std::fs::read_dir(ann.path(".git/aitask")).unwrap().flatten();
    let left: Vec<_> = left.map(|entry| entry.file_name().into_string().unwrap()).collect();
    assert!(left.iter().all(|name| !name.starts_with(".tmp")), "{left:?}");
    let (watching, log) = watched(&ann);
    assert_eq!(watching.aitask(&["list", "--json"]).ok().stdout, before);
    assert_eq!(asked(&log), Vec::<String>::new());
}

/// Whatever happened to the task data, in this clone or elsewhere, rewritten histories included: answers with what is
/// kept are those without.
#[test]
fn with_and_without_it_the_answers_are_the_same() {
    let seed = 7;
    let chance = Chance::new(seed);
    let world = World::new();
    let (ann, bob) = (world.initialised_on_main("ann"), world.initialised_on_main("bob"));
    ann.task("First", &[]);
    let mut told = Vec::new();
    for step in 0..14 {
        let who = if chance.one_in(2) { &ann } else { &bob };
        let id = (1 + chance.below(4)).to_string();
        let line = match chance.below(9) {
            0 | 1 => format!("new Task_{step}"),
            2 => format!("edit {id} --priority high"),
            3 => format!("edit {id} --rename other_{step}"),
            4 => format!("pick {id} --no-worktree"),
            5 => format!("drop {id}"),
            6 => format!("archive {id}"),
            7 => format!("lock {id}"),
            _ => {
                // the published task data is rewritten, and this clone brings its own to that
                bob.git(&["fetch", "-q", "origin"]);
                bob.git(&["reset", "-q", "--hard", "origin/main"]);
                bob.git(&["commit", "-q", "--amend", "--allow-empty", "-m", &format!("rewritten {step}")]);
                bob.git(&["push", "-q", "--force", "origin", "main"]);
                ann.git(&["fetch", "-q", "origin"]);
                ann.git(&["reset", "-q", "--hard", "origin/main"]);
                "whoami".to_owned()
            }
        };
        who.aitask(&line.split(' ').collect::<Vec<_>>());
        told.push(line);
        for repo in [&ann, &bob] {
            let with = answers(repo);
            let kept = folder(repo);
            std::fs::rename(&kept, kept.with_extension("aside")).unwrap();
            let without = answers(repo);
            assert_eq!(with, without, "seed {seed}, after {told:#?}");
            // the older one is what the next step finds
            std::fs::remove_dir_all(&kept).unwrap();
            std::fs::rename(kept.with_extension("aside"), &kept).unwrap();
        }
    }
}
