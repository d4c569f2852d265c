//! A claim that dies at a call of git, and the same claim again: task, lock and checkout are those of a claim that
//! nobody disturbed.
//!
//! An ordinary run kills around the push; with `AITASK_TEST_ALL` set, at every call.

use super::peer::{Peer, four_lines};
use super::{CLAIM, PICK, lock_text, project, result, status, subjects};
use crate::support::{When, thorough};

fn words<'a>(script: &'a str, args: &[&'a str]) -> Vec<&'a str> {
    [&["compat", script], args].concat()
}

/// Kills a claim of task 1, which has this lock, at each call worth it, in a world of its own.
fn at_each_call(args: &[&str], before: &str) {
    let scene = || {
        let (world, ann) = project(2);
        if !before.is_empty() {
            Peer::new(&world, "peer").lock("1", before);
        }
        (world, ann)
    };
    let args = words(PICK, args);
    let (run, calls) = scene().1.git_commands(&args);
    run.ok();
    let push = calls.iter().position(|call| call.starts_with("push ")).unwrap() + 1;
    let every = thorough();
    for k in if every { 1..=calls.len() } else { push..=push + 1 } {
        for when in [When::Before, When::After] {
            if !every && (k, when) == (push + 1, When::Before) {
                // the same as after the push
                continue;
            }
            let (world, ann) = scene();
            let killed = ann.killed_at(k, when, &args);
            let at = format!("{when:?} call {k}: {}\n{killed}", calls[k - 1]);
            assert_eq!(killed.signal, Some(9), "{at}");
            // never free in between, and never half
            let anns = |text: &str| text.contains("locked_by: ann@example.com\n");
            let (before_again, published) =
                (lock_text(&world, "1"), world.remote_file("main", "aitasks/t1_job.md").unwrap());
            assert!(before_again == before || anns(&before_again), "{at}{before_again}");
            let is_started = published.contains("status: Implementing\n");
            assert_eq!(is_started, anns(&before_again), "{at}{before_again}{published}");

            let again = ann.aitask(&args);
            assert_eq!(result(&again), "OWNED:1", "{at}{again}");
            let (lock, text) = (lock_text(&world, "1"), ann.read("aitasks/t1_job.md"));
            assert!(anns(&lock) && world.locks().len() == 1, "{at}{again}{lock}");
            let fields = ["status: Implementing\n", "assigned_to: ann@example.com\n"];
            assert!(fields.iter().all(|field| text.contains(field)), "{at}{again}{text}");
            assert_eq!(world.remote_file("main", "aitasks/t1_job.md").unwrap(), text, "{at}{again}");
            // The second claim makes a commit of its own only where a minute has passed since the first.
            let renewed = anns(&before_again) && published != text;
            let commits = 3 + usize::from(renewed);
            assert_eq!((status(&ann).as_str(), subjects(&world, "main").len()), ("", commits), "{at}{again}");
        }
    }
}

#[test]
fn a_claim() {
    at_each_call(&["1", "--email", "ann@example.com"], "");
}

#[test]
fn a_claim_by_force() {
    at_each_call(&["1", "--force", "--email", "ann@example.com"], &four_lines("1", "bob@example.com", "far"));
}

#[test]
fn an_id_is_given_once_whenever_the_claim_of_it_dies() {
    let (_world, ann) = project(1);
    let args = words(CLAIM, &["--claim"]);
    let mut last = 1;
    for k in 3..=7 {
        let killed = ann.killed_at(k, When::After, &args);
        for id in killed.stdout.lines().chain(ann.aitask(&args).ok().stdout.lines()) {
            let id: u64 = id.parse().unwrap();
            assert!(id > last, "{id} after {last}\n{killed}");
            last = id;
        }
    }
}
