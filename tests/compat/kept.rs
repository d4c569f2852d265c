//! What a claim must never take along, nor lose.

use super::{CLAIM, PICK, alone, pick, project, result, status};
use crate::support::{Repo, When};
use std::os::unix::fs::symlink;

const FILE: &str = "aitasks/t1_job.md";

fn published(ann: &Repo, path: &str) -> String {
    ann.world().remote_file("main", path).unwrap_or_default()
}

#[test]
fn a_link_to_a_secret_is_not_published_in_the_place_of_a_task_or_the_addresses() {
    for path in [FILE, "aitasks/metadata/emails.txt"] {
        let (world, ann) = project(1);
        ann.write("../secret", "---\nstatus: Ready\n---\nSECRET\n");
        let _ = std::fs::remove_file(ann.path(path));
        std::fs::create_dir_all(ann.path("aitasks/metadata")).unwrap();
        symlink(world.root().join("secret"), ann.path(path)).unwrap();
        ann.commit("a link");
        ann.git(&["push", "--quiet"]);
        let run = pick(&ann, "1", "ann").fails(1);
        assert!(result(&run).starts_with("LOCK_ERROR:"), "{run}");
        assert!(!published(&ann, path).contains("SECRET"), "{run}");
        assert_eq!(world.locks().len(), 0);
    }
}

#[test]
fn what_is_typed_while_a_claim_is_on_its_way_stays() {
    let (_world, ann) = project(1);
    ann.write(FILE, &(ann.read(FILE) + "early\n"));
    let late = format!("[ \"$1\" = push ] && echo late >>{FILE}");
    let run = pick(&ann.with_git_that(&late), "1", "ann").ok();
    assert_eq!(result(&run), "OWNED:1");
    assert!(ann.read(FILE).ends_with("early\nlate\n"), "{}", ann.read(FILE));
    assert!(published(&ann, FILE).ends_with("early\n"));
}

#[test]
fn without_a_remote_what_is_typed_while_a_claim_is_made_stays() {
    let (_world, ann) = alone(1);
    ann.write(FILE, &(ann.read(FILE) + "early\n"));
    let late = format!("[ \"$1 $2\" = 'update-ref -m' ] && echo late >>{FILE}");
    pick(&ann.with_git_that(&late), "1", "ann").ok();
    assert!(ann.read(FILE).ends_with("early\nlate\n"), "{}", ann.read(FILE));
}

#[test]
fn a_file_staged_in_another_state_than_it_lies_there_is_refused() {
    let (_world, ann) = project(1);
    ann.write(FILE, &(ann.read(FILE) + "staged\n"));
    ann.git(&["add", FILE]);
    ann.write(FILE, &ann.read(FILE).replace("staged", "here"));
    assert_eq!(result(&pick(&ann, "1", "ann").fails(1)), "LOCK_ERROR:dirty_worktree");
    assert_eq!(status(&ann), format!("MM {FILE}\n"));
    assert!(ann.git(&["show", &format!(":{FILE}")]).ends_with("staged\n"));
}

#[test]
fn markers_of_a_conflict_are_not_published() {
    let (_world, ann) = project(1);
    for (branch, text) in [("other", "theirs\n"), ("main", "ours\n")] {
        ann.git(&["switch", "--quiet", "-C", branch, "origin/main"]);
        ann.write(FILE, &(ann.read(FILE) + text));
        ann.commit(text.trim());
    }
    ann.git_fails(&["merge", "other"]);
    let run = pick(&ann, "1", "ann").fails(1);
    assert_eq!(result(&run), "LOCK_ERROR:dirty_worktree", "{run}");
    assert!(!published(&ann, FILE).contains("<<<<") && status(&ann).starts_with("UU "), "{}", status(&ann));
}

#[test]
fn a_claim_of_an_edited_file_that_dies_after_its_push_is_finished_by_the_same_claim() {
    let args = ["compat", PICK, "1", "--email", "ann@example.com"];
    let (_, calls) = { project(1).1 }.git_commands(&args);
    let push = calls.iter().position(|call| call.starts_with("push ")).unwrap();
    // In another time zone it is another minute.
    for zone in ["XXX0", "XXX-1"] {
        let (_world, ann) = project(1);
        ann.write(FILE, &(ann.read(FILE) + "edited\n"));
        // an edited file takes a look at the status more
        let mut killed = (push + 1..push + 5).map(|k| ann.env("TZ", "XXX0").killed_at(k, When::After, &args));
        let killed = killed.find(|_| published(&ann, FILE).contains("edited"));
        assert!(killed.is_some(), "no kill came after the push: {calls:?}");
        assert_eq!(result(&ann.env("TZ", zone).aitask(&args)), "OWNED:1", "{zone}");
        assert_eq!((status(&ann).as_str(), ann.read(FILE).as_str()), ("", published(&ann, FILE).as_str()), "{zone}");
    }
}

#[test]
fn an_id_that_nobody_got_to_read_is_no_success() {
    let (_world, ann) = project(1);
    let program = env!("CARGO_BIN_EXE_git-aitask");
    ann.run("sh", &["-c", &format!("'{program}' compat {CLAIM} >/dev/full")]).fails(1);
}

#[test]
fn a_number_beyond_all_numbers_does_not_end_the_numbering() {
    let (_world, ann) = project(1);
    ann.write("aitasks/t999999999999999999_slip.md", &ann.read(FILE));
    assert_eq!(ann.script(CLAIM, &[]).ok().stdout, "2\n");
    ann.commit("a slip");
    ann.git(&["push", "--quiet"]);
    assert_eq!(ann.task("Next", &[]), "3");
}
