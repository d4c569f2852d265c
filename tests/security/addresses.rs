//! The secrets in an address are shown nowhere.

use crate::support::{Repo, World, share};

const SECRET: &str = "s3cr3t";

/// A clone whose remote has an address with secrets in it, where nobody answers.
fn scene() -> (World, Repo) {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("First", &[]);
    ann.git(&["pull", "-q"]);
    ann.git(&[
        "remote",
        "set-url",
        "origin",
        "http://user:s3cr3t@127.0.0.1:1/group/x.git?private_token=s3cr3t&x=s3cr3t",
    ]);
    (world, ann)
}

#[test]
fn no_verb_and_no_script_shows_the_secrets_of_the_address() {
    let (_world, ann) = scene();
    let mut said = String::new();
    for args in [
        &["pick", "1"][..],
        &["pick", "1", "--dry-run"],
        &["sync"],
        &["sync", "--dry-run"],
        &["status"],
        &["list"],
        &["new", "More"],
        &["lock", "1"],
        &["locks"],
        &["init"],
        &["show", "1"],
        &["log", "1"],
    ] {
        for more in share([&[][..], &["--json"], &["-v"]]) {
            let run = ann.env("GIT_AITASK_TIMEOUT", 5).aitask(&[args, more].concat());
            assert!(!run.stdout.contains(SECRET) && !run.stderr.contains(SECRET), "{run}");
            said.push_str(&run.stderr);
        }
    }
    assert!(said.contains("http://127.0.0.1:1/group/x.git?private_token=***&x=***"), "no message names the address");
    for (script, args) in share([
        ("aitask_lock_diag.sh", &[][..]),
        ("aitask_lock.sh", &["--lock", "1", "--email", "me@example.com"]),
        ("aitask_lock.sh", &["--check", "1"]),
        ("aitask_lock.sh", &["--list"]),
        ("aitask_pick_own.sh", &["1", "--email", "me@example.com"]),
        ("aitask_sync.sh", &[]),
        ("aitask_sync.sh", &["--batch"]),
        ("aitask_claim_id.sh", &["--claim"]),
        ("aitask_create.sh", &["--batch", "--name", "x", "--desc", "d", "--commit"]),
        ("aitask_remote_drift_check.sh", &["--unsynced", "main", "README.md"]),
        ("aitask_init_data.sh", &[]),
        ("aitask_web_merge.sh", &["--list"]),
        ("aitask_setup.sh", &[]),
        ("ait", &["git", "push"]),
    ]) {
        let run = ann.env("GIT_AITASK_TRACE", 1).script(script, args);
        assert!(!run.stdout.contains(SECRET) && !run.stderr.contains(SECRET), "{run}");
    }
}

#[test]
fn a_rewritten_or_separate_push_address_is_shown_without_its_secrets_either() {
    let (_world, ann) = scene();
    ann.git(&["remote", "set-url", "origin", "safe:x.git"]);
    ann.git(&["config", "url.http://oauth2:s3cr3t@127.0.0.1:1/.insteadOf", "safe:"]);
    ann.git(&["config", "remote.origin.pushurl", "http://s3cr3t@127.0.0.1:1/y.git"]);
    for args in [&["pick", "1"][..], &["sync"], &["new", "More", "--json"], &["pick", "1", "-v"]] {
        let run = ann.aitask(args);
        assert!(!run.stdout.contains(SECRET) && !run.stderr.contains(SECRET), "{run}");
    }
}
