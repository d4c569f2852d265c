//! The user's rules on code: signatures, hooks that see the message, and the attributes of the branch that is merged into.

use super::init::{everything, local, on_data_branch};
use crate::support::{Repo, World, can_run, hints, program, share};
use predicates::prelude::*;
use predicates::str::contains;

const WORK: &str = "aiwork/t1_one";

fn worked_on(ann: &Repo) {
    ann.task("One", &[]);
    ann.aitask(&["pick", "1"]).ok();
    ann.at(WORK).write("work.txt", "work\n");
    ann.at(WORK).commit("the work");
}

/// A clone with the task data on a branch of its own that holds t1 with a commit.
fn worked() -> (World, Repo) {
    let world = World::new();
    let ann = on_data_branch(&world, "ann");
    worked_on(&ann);
    (world, ann)
}

/// The commit of the remote whose subject has this text, as git keeps it.
fn landed(world: &World, subject: &str) -> String {
    let grep = format!("--grep={subject}");
    let commit = world.git(&["--git-dir=origin.git", "log", "-1", "--format=%H", &grep, "main"]);
    world.git(&["--git-dir=origin.git", "cat-file", "commit", commit.trim()])
}

fn hook(world: &World, ann: &Repo, name: &str, text: &str) {
    world.script(&ann.path(".git/hooks").join(name), &format!("#!/bin/sh\n{text}\n"));
}

#[test]
fn merge_and_squash_are_signed_where_the_user_signs() {
    for mode in ["--merge", "--squash"] {
        for n in share([0, 1, 2]) {
            let world = World::new();
            let ann = match n {
                0 => on_data_branch(&world, "ann"),
                1 => world.initialised_on_main("ann"),
                _ => local(),
            };
            worked_on(&ann);
            ann.sign_and_show_it();
            let json = ann.aitask(&["finish", "1", mode, "-m", "the merge", "--json"]).ok().json();
            ann.git(&["config", "log.showSignature", "false"]);
            let commit = ann.git(&["log", "-1", "--format=%H", "--grep=the merge", "main"]);
            let commit = ann.git(&["cat-file", "commit", commit.trim()]);
            assert!(commit.contains("\ngpgsig ") && commit.contains("\n\nthe merge\n\nAitask-Nonce: "), "{commit}");
            assert_eq!(commit.matches("\nparent ").count(), if mode == "--merge" { 2 } else { 1 });
            assert_eq!((&json["branch_deleted"], &json["task"]["status"]), (&true.into(), &"Done".into()));
            assert_eq!((ann.read("work.txt").as_str(), world.locks()), ("work\n", vec![]));
            assert_eq!(ann.git(&["status", "--porcelain"]), "");
        }
    }
}

#[test]
fn what_cannot_be_signed_is_not_published() {
    let (world, ann) = worked();
    let gpg = world.root().join("tmp/gpg");
    world.script(&gpg, "#!/bin/sh\ncat >/dev/null\necho 'gpg: no passphrase' >&2\nexit 2\n");
    ann.git(&["config", "gpg.program", gpg.to_str().unwrap()]);
    ann.git(&["config", "commit.gpgSign", "yes"]);
    let before = everything(&ann);
    let run = ann.aitask(&["finish", "1", "--json"]).fails(128);
    let error = &run.error()["error"];
    assert_eq!(error["kind"], "signing_failed");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("no passphrase") && message.contains("nothing was published"), "{run}");
    assert_eq!(everything(&ann), before);
    // a fast-forward makes no commit
    ann.aitask(&["finish", "1", "--ff"]).ok();
}

#[test]
fn a_passphrase_that_nobody_can_type_is_not_waited_for() {
    let name = "a_passphrase_that_nobody_can_type_is_not_waited_for";
    let Some(keygen) = can_run(name, program("ssh-keygen")) else { return };
    let (world, ann) = worked();
    let key = world.root().join("tmp/key");
    let key = key.to_str().unwrap();
    ann.run(keygen, &["-q", "-t", "ed25519", "-N", "secret", "-f", key]).ok();
    for (name, value) in [("gpg.format", "ssh"), ("user.signingKey", key), ("commit.gpgSign", "true")] {
        ann.git(&["config", name, value]);
    }
    let asked = world.root().join("asked");
    let window = world.root().join("tmp/window");
    world.script(&window, &format!("#!/bin/sh\n: >'{}'\necho secret\n", asked.display()));
    let ann = ann.env("DISPLAY", ":0").env("SSH_ASKPASS", window.display());
    let run = ann.aitask(&["finish", "1", "--json"]).fails(128);
    let error = &run.error()["error"];
    assert_eq!((&error["kind"], asked.exists()), (&"signing_failed".into(), false), "{run}");
    assert!(hints(error)[0].starts_with(&format!("ssh-add {key}")), "{run}");
    assert_eq!((world.locks().len(), world.remote_file("main", "work.txt")), (1, None));
    // a program that the user has named for this may be asked
    ann.env("SSH_ASKPASS_REQUIRE", "force").aitask(&["finish", "1"]).ok();
    assert!(asked.exists() && landed(&world, "Merge branch").contains("\ngpgsig "));
}

#[test]
fn the_signing_program_keeps_the_terminal() {
    let (world, ann) = worked();
    ann.sign_and_show_it();
    let gpg = world.root().join("tmp/gpg");
    let text = std::fs::read_to_string(&gpg).unwrap();
    let asks = "IFS= read -r word </dev/tty\n[ \"$word\" = secret ] || exit 2\n";
    world.script(&gpg, &text.replacen("#!/bin/sh\n", &format!("#!/bin/sh\n{asks}"), 1));
    let line = format!("exec '{}' finish 1 -m signed", env!("CARGO_BIN_EXE_git-aitask"));
    ann.run("sh", &["-c", "echo secret | script -qec \"$1\" /dev/null", "sh", &line]).ok();
    assert!(landed(&world, "signed").contains("\ngpgsig "));
}

#[test]
fn the_message_passes_the_hooks_once_and_is_used_for_every_try() {
    let (world, ann) = worked();
    let (log, bob) = (world.root().join("tmp/log"), world.clone("bob"));
    let say = |text: &str| format!("echo \"{text}\" >>'{}'", log.display());
    hook(&world, &ann, "prepare-commit-msg", &format!("{}\necho 'Told-by: me' >>\"$1\"", say("prepare $2")));
    // in the meantime somebody else publishes, so that the first push comes too late
    let moves = format!(
        "(unset GIT_DIR GIT_INDEX_FILE; cd '{}' && git commit -q --allow-empty -m more && git push -q)",
        bob.top().display()
    );
    hook(&world, &ann, "commit-msg", &format!("{}\n{moves}", say("commit $PWD $(git rev-parse --abbrev-ref HEAD)")));
    for name in ["pre-commit", "pre-merge-commit", "post-commit"] {
        hook(&world, &ann, name, &format!("{}\nexit 1", say(name)));
    }
    ann.aitask(&["finish", "1", "-m", "the merge\n\nSigned-off-by: Ann <ann@example.com>"]).ok();
    let work = ann.path(WORK).parent().unwrap().canonicalize().unwrap().join("t1_one");
    let said = std::fs::read_to_string(&log).unwrap();
    assert_eq!(said, format!("prepare merge\ncommit {} aitask/t1_one\n", work.display()));
    let commit = landed(&world, "the merge");
    let trailers = "\n\nthe merge\n\nSigned-off-by: Ann <ann@example.com>\nTold-by: me\nAitask-Nonce: ";
    assert!(commit.contains(trailers), "{commit}");
    let more = bob.git(&["rev-parse", "HEAD"]);
    assert!(commit.contains(&format!("parent {more}")), "{commit}");
}

#[test]
fn the_message_of_a_merge_does_not_replace_one_that_the_user_has_open_in_an_editor() {
    let world = World::new();
    let ann = on_data_branch(&world, "ann");
    ann.task("One", &[]);
    ann.aitask(&["pick", "1", "--no-worktree"]).ok();
    ann.git(&["switch", "-q", "-c", "aitask/t1_one"]);
    ann.commit("work");
    ann.git(&["switch", "-q", "main"]);
    hook(&world, &ann, "commit-msg", "echo 'Told-by: me' >>\"$1\"");
    ann.write(".git/COMMIT_EDITMSG", "half a message\n");
    ann.aitask(&["finish", "1", "--into", "main", "-m", "the merge"]).ok();
    assert_eq!(ann.read(".git/COMMIT_EDITMSG"), "half a message\n");
    let commit = landed(&world, "the merge");
    assert!(commit.contains("\n\nthe merge\nTold-by: me\n"), "{commit}");
    let left = ann.path(".git/aitask").read_dir().unwrap().map(|entry| entry.unwrap().file_name());
    assert!(!left.into_iter().any(|name| name.to_string_lossy().starts_with(".tmp")));
}

#[test]
fn a_hook_that_refuses_the_message_is_an_answer() {
    for place in share(["hooks", "relative", "absolute"]) {
        let (world, ann) = worked();
        let text = "#!/bin/sh\ngrep -q 'JIRA-' \"$1\" && exit 0\necho one\necho 'no ticket is named' >&2\nexit 1\n";
        match place {
            "hooks" => world.script(&ann.path(".git/hooks/commit-msg"), text),
            "relative" => {
                world.script(&ann.path(WORK).join(".husky/commit-msg"), text);
                ann.at(WORK).write(".husky/.gitignore", "*\n");
                ann.git(&["config", "core.hooksPath", ".husky"]);
            }
            _ => {
                world.script(&world.root().join("home/hooks/commit-msg"), text);
                ann.git(&["config", "core.hooksPath", "~/hooks"]);
            }
        }
        let before = everything(&ann);
        let run = ann.aitask(&["finish", "1", "--json"]).fails(1);
        let error = &run.error()["error"];
        assert_eq!((&error["kind"], &error["hook"]), (&"denied".into(), &"commit-msg".into()), "{run}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("no ticket is named") && message.contains("nothing was published"), "{run}");
        assert_eq!(everything(&ann), before);
        ann.aitask(&["finish", "1", "--squash", "-m", "JIRA-1: the merge"]).ok();
        assert!(landed(&world, "JIRA-1").contains("Aitask-Nonce"));
    }
}

#[test]
fn rules_cost_no_connection() {
    for published in share([false, true]) {
        let (world, ann) = worked();
        if published {
            ann.at(WORK).git(&["push", "-q", "origin", "HEAD"]);
        }
        ann.sign_and_show_it();
        hook(&world, &ann, "commit-msg", "exit 0");
        ann.count_connections();
        ann.aitask(&["finish", "1"]).ok();
        assert_eq!(ann.connections(), if published { vec!["push"] } else { vec!["fetch", "push"] });
    }
}

#[test]
fn a_dry_run_asks_no_rule() {
    let (world, ann) = worked();
    hook(&world, &ann, "commit-msg", "exit 1");
    ann.git(&["config", "commit.gpgSign", "true"]);
    ann.git(&["config", "gpg.program", "/no/such/program"]);
    ann.aitask(&["finish", "1", "--dry-run"]).ok();
}

#[test]
fn attributes_of_the_output_branch_count_and_not_those_of_the_checkout() {
    // git before 2.41 cannot read the attributes of a commit
    let old = "[ \"$1\" = version ] && { echo 'git version 2.40.1'; exit; }\nunset GIT_ATTR_SOURCE";
    for is_old in [false, true] {
        // such a git is given a checkout only where the root has attributes
        let is_blind = is_old || ((2, 38)..(2, 41)).contains(&World::new().git_version());
        for nested in if is_blind { vec![false] } else { vec![false, true] } {
            let world = World::new();
            let ann = world.initialised_on_main("ann");
            let ann = if is_old { ann.with_git_that(old) } else { ann };
            let folder = if nested { "docs/" } else { "" };
            ann.write(&format!("{folder}CHANGES"), "a\n");
            ann.commit("changes");
            ann.git(&["push", "-q"]);
            ann.task("One", &[]);
            ann.aitask(&["pick", "1"]).ok();
            let bob = world.clone("bob");
            bob.write(&format!("{folder}.gitattributes"), "CHANGES merge=union\n");
            bob.write(&format!("{folder}CHANGES"), "a\nbob\n");
            bob.commit("union");
            bob.git(&["push", "-q"]);
            ann.at(WORK).write(&format!("{folder}CHANGES"), "a\nann\n");
            ann.at(WORK).commit("ann");
            ann.aitask(&["finish", "1"]).ok();
            assert_eq!(world.remote_file("main", &format!("{folder}CHANGES")).as_deref(), Some("a\nbob\nann\n"));
        }
    }
}

#[test]
fn attributes_of_the_checkout_alone_do_not_count() {
    let (world, ann) = worked();
    ann.write(".gitattributes", "work.txt merge=union\n");
    let bob = world.clone("bob");
    bob.write("work.txt", "bob\n");
    bob.commit("his");
    bob.git(&["push", "-q"]);
    assert_eq!(ann.aitask(&["finish", "1", "--json"]).fails(1).error()["error"]["kind"], "conflict");
}

#[test]
fn a_hook_of_the_user_that_protects_the_output_branch_leads_to_a_pull_request() {
    let protects = "grep -q refs/heads/main && { echo 'nobody pushes main' >&2; exit 1; }; exit 0";
    let (world, ann) = worked();
    hook(&world, &ann, "pre-push", protects);
    let run = ann.aitask(&["finish", "1"]).fails(1);
    let ways =
        ["nobody pushes main", "nothing was published", "git aitask finish 1 --pr", "git aitask finish 1 --no-push"];
    assert!(ways.iter().all(|way| run.stderr.contains(way)) && !run.stderr.contains("--data-branch"), "{run}");
    ann.aitask(&["finish", "1", "--no-push"]).ok();
    assert!(world.remote_branch("aitask/t1_one").is_some());
    // with the task data on that branch, moving it is the other half of the cure
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    worked_on(&ann);
    hook(&world, &ann, "pre-push", protects);
    for line in ["finish 1", "new Two", "drop 1"] {
        let run = ann.aitask(&line.split(' ').collect::<Vec<_>>()).fails(1);
        run.assert().stderr(contains("nobody pushes main").and(contains("git aitask init --data-branch")));
    }
}
