//! Gates that a task declares keep it from being finished and archived, as they keep `aitask_archive.sh`.

use super::{is_in, kind, worked};
use crate::support::Repo;

/// Puts a helper in place that lets a task pass once its file says so.
fn with_helper(repo: &Repo) {
    helper(
        repo,
        "[ \"$1\" = archive-ready ] || exit 1\n\
         if grep -q 'gate:review_approved' aitasks/t$2_*.md; then echo ALL_PASS; else echo BLOCKED:review_approved; fi\n",
    );
}

/// Puts a helper in place that does this.
fn helper(repo: &Repo, does: &str) {
    let script = &format!("#!/bin/sh\n{does}");
    repo.world().script(&repo.path(".aitask-scripts/aitask_gate.sh"), script);
    let exclude = repo.path(".git/info/exclude");
    let text = std::fs::read_to_string(&exclude).unwrap_or_default();
    std::fs::write(exclude, text + "/.aitask-scripts/\n").unwrap();
}

/// Declares the gate, as the scripts do it, and publishes that.
fn declare(repo: &Repo) {
    repo.script("aitask_update.sh", &["--batch", "1", "--gates", "review_approved", "--silent"]).ok();
    repo.git(&["commit", "-qam", "Declare a gate"]);
    repo.git(&["push", "-q", "origin", "main"]);
}

#[test]
fn a_pending_gate_refuses_finish_and_archive() {
    let (world, ann) = worked();
    declare(&ann);
    ann.aitask(&["finish", "1", "--dry-run"]).ok(); // without the helper everything is as without gates
    with_helper(&ann);
    let work = ann.git(&["rev-parse", "aitask/t1_one"]).trim().to_owned();
    for args in
        [&["finish", "1", "--json"][..], &["finish", "1", "--no-archive", "--json"], &["archive", "1", "--json"]]
    {
        let run = ann.aitask(args).fails(1);
        assert_eq!(
            (kind(&run).as_str(), &run.error()["error"]["gates"]),
            ("gate_pending", &serde_json::json!(["review_approved"]))
        );
        assert!(run.to_string().contains("--override-gates"), "{run}");
    }
    assert_eq!((world.locks().len(), is_in(&world, &work, "main")), (1, false));
    ann.aitask(&["finish", "1", "--override-gates"]).ok();
    assert!(is_in(&world, &work, "main"));
}

#[test]
fn a_gate_that_another_clone_declared_refuses_finish() {
    let (world, ann) = worked();
    with_helper(&ann);
    let bob = world.clone("bob");
    declare(&bob);
    let work = ann.git(&["rev-parse", "aitask/t1_one"]).trim().to_owned();
    assert_eq!(kind(&ann.aitask(&["finish", "1", "--json"]).fails(1)), "gate_pending");
    assert!(!is_in(&world, &work, "main"));
    // Signed elsewhere: her own file is still the old one.
    bob.run("sh", &["-c", "printf '\\n## Gate Runs\\n\\n> **ok gate:review_approved** run=2026-01-01T10:00:00Z attempt=1\\n' >>aitasks/t1_one.md"]).ok();
    bob.git(&["commit", "-qam", "Sign"]);
    bob.git(&["push", "-q"]);
    ann.aitask(&["finish", "1"]).ok();
    assert!(is_in(&world, &work, "main"));
}

#[test]
fn a_helper_of_the_gates_that_fails_refuses_finish_and_archive() {
    let (world, ann) = worked();
    declare(&ann);
    let work = ann.git(&["rev-parse", "aitask/t1_one"]).trim().to_owned();
    for (does, says) in [("echo boom >&2; exit 1\n", "(exit 1): boom"), ("echo READY\n", "(exit 0): READY")] {
        helper(&ann, does);
        for args in [&["finish", "1", "--json"][..], &["archive", "1", "--json"]] {
            let run = ann.aitask(args).fails(1);
            assert_eq!(kind(&run), "gate_pending", "{run}");
            assert!(run.stderr.contains(says) && run.stderr.contains("--override-gates"), "{run}");
        }
    }
    assert_eq!((world.locks().len(), is_in(&world, &work, "main")), (1, false));
    // The scripts go on without an answer.
    ann.git(&["pull", "-q"]);
    ann.script("aitask_archive.sh", &["1"]).ok();
}

/// Makes t1 a manual verification with these items, and publishes that.
fn with_checklist(repo: &Repo, items: &str) {
    let file = "aitasks/t1_one.md";
    repo.git(&["pull", "-q"]);
    let text = repo.read(file).replace("issue_type: feature", "issue_type: manual_verification");
    repo.write(file, &format!("{text}\n- [ ] prose\n\n## Verification Checklist\n\n{items}"));
    repo.git(&["commit", "-qam", "A checklist"]);
    repo.git(&["push", "-q"]);
}

#[test]
fn a_new_task_takes_over_deferred_items_in_the_swap_that_archives_the_old_one() {
    for (verb, atomic) in [("finish", "true"), ("archive", "true"), ("finish", "false"), ("archive", "false")] {
        let (world, ann) = worked();
        world.git(&["--git-dir=origin.git", "config", "receive.advertiseAtomic", atomic]);
        with_checklist(&ann, "- [x] it starts\n- [defer] it stops\n");
        let run = ann.aitask(&[verb, "1", "--json"]).fails(1);
        assert_eq!(kind(&run), "gate_pending", "{run}");
        assert!(run.to_string().contains("1 deferred item") && run.to_string().contains("--carry-over"));
        let carry = [verb, "1", "--carry-over"];
        ann.aitask(&[&carry[..], &["--dry-run"]].concat()).ok();
        assert_eq!(world.remote_file("aitask-ids", "next_id.txt").as_deref(), Some("2\n"));
        let run = ann.aitask(&carry).ok();
        assert!(run.to_string().contains("t2 has the deferred items now: aitasks/t2_one_carryover.md"), "{run}");
        let created = world.remote_file("main", "aitasks/t2_one_carryover.md").unwrap();
        assert!(created.contains("anchor: 1\nfollowup_kind: carry_over\n"), "{created}");
        assert!(created.ends_with("## Verification Checklist\n\n- [ ] it stops\n"), "{created}");
        assert!(world.remote_file("main", "aitasks/archived/t1_one.md").is_some());
        assert_eq!(world.remote_file("aitask-ids", "next_id.txt").as_deref(), Some("3\n"));
        assert_eq!(world.locks(), Vec::<String>::new());
    }
}

#[test]
fn deferred_items_are_in_the_way_of_the_archiving_only() {
    let (world, ann) = worked();
    with_checklist(&ann, "- [defer] it stops\n");
    ann.aitask(&["finish", "1", "--no-archive", "--with-deferred-carryover"]).ok();
    assert!(world.remote_file("main", "work.txt").is_some());
    assert_eq!(world.remote_file("main", "aitasks/t2_one_carryover.md"), None);
    ann.aitask(&["archive", "1"]).fails(1);
}

#[test]
fn a_manual_verification_with_open_items_is_not_finished() {
    let (_world, ann) = worked();
    with_checklist(&ann, "- [ ] it starts\n- [x] it stops\n");
    let run = ann.aitask(&["finish", "1", "--json"]).fails(1);
    assert_eq!(kind(&run), "gate_pending", "{run}");
    assert!(run.to_string().contains("1 open item"), "{run}");
}

#[test]
fn a_checkout_that_lacks_the_published_helper_refuses_finish() {
    let (world, ann) = worked();
    let bob = world.clone("bob");
    bob.git(&["pull", "-q"]);
    let script = "#!/bin/sh\necho BLOCKED:review_approved\n";
    world.script(&bob.path(".aitask-scripts/aitask_gate.sh"), script);
    bob.git(&["add", "-f", ".aitask-scripts"]);
    declare(&bob);
    let run = ann.aitask(&["finish", "1", "--json"]).fails(1);
    assert_eq!(kind(&run), "gate_pending", "{run}");
}
