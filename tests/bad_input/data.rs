//! Locks and counters that others have spoilt.

use super::{put, refused, state};
use crate::support::World;

const SPOILT_LOCKS: [&[u8]; 6] = [
    b"",
    b"\xff\xfe\x00\x01binary",
    b"<<<<<<< HEAD\nlocked_by: a@x\n=======\nlocked_by: b@x\n>>>>>>> other\n",
    b"locked_by:\nhostname:\n",
    b"task_id: 99\n",
    b"{\"locked_by\": \"ann@example.com\"}",
];

#[test]
fn a_lock_that_cannot_be_read_is_held_by_somebody_unknown() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("First", &[]);
    for content in SPOILT_LOCKS {
        put(&world, "aitask-locks", "t1_lock.yaml", content);
        for args in [&["pick", "1"][..], &["lock", "1"]] {
            let run = refused(&ann, args, 1, "held");
            assert!(run.stderr.contains("unknown") || run.stderr.contains("a@x"), "{run}");
        }
        refused(&ann, &["pick", "--next"], 1, "nothing_to_pick");
        for args in [&["drop", "1"][..], &["finish", "1"], &["archive", "1"], &["unlock", "1"]] {
            refused(&ann, args, 1, "not_holder");
        }
        let listed = ann.aitask(&["list", "--json"]).ok().json();
        assert!(listed["tasks"][0]["lock"].is_object(), "{listed}");
        ann.aitask(&["locks"]).ok();
        ann.aitask(&["status"]).ok();
    }
    ann.aitask(&["pick", "1", "--steal"]).ok();
    assert!(world.remote_file("aitask-locks", "t1_lock.yaml").unwrap().contains("ann@example.com"));
}

#[test]
fn a_folder_in_the_place_of_a_lock_is_no_free_task() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("First", &[]);
    put(&world, "aitask-locks", "t1_lock.yaml/inside", b"x");
    refused(&ann, &["pick", "1"], 1, "held");
    ann.aitask(&["list"]).ok();
    ann.aitask(&["locks"]).ok();
}

#[test]
fn a_counter_that_is_no_number_hands_out_no_id() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("First", &[]);
    let mut wrong = Vec::new();
    for content in [
        &b"abc\n"[..],
        b"",
        b"-5\n",
        b"18446744073709551616\n",
        b"18446744073709551615\n",
        b"9223372036854775808\n",
        b"1000000000000000000\n",
        b"5\n6\n",
        b"1 2\n",
        b"0x10\n",
        b"7\x00\n",
        b"+7\n",
        b"\xd9\xa3\n",
    ] {
        put(&world, "aitask-ids", "next_id.txt", content);
        let run = ann.aitask(&["new", "More", "--json", "--dry-run"]);
        if run.code == 1 && run.stderr.contains("unparsable") {
            refused(&ann, &["new", "More"], 1, "unparsable");
        } else {
            let first = run.stderr.lines().chain(run.stdout.lines()).nth(1).unwrap_or_default().to_owned();
            wrong.push(format!("counter {:?}: exit {}, {first}", String::from_utf8_lossy(content), run.code));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // a child needs no counter
    ann.aitask(&["new", "A part", "--parent", "1"]).ok();
}

#[test]
fn a_counter_behind_the_tasks_or_with_odd_space_around_it_works() {
    for (content, id) in [(&b"1\n"[..], "2"), (b"0\n", "2"), (b"  12  \r\n", "12"), (b"9", "9"), (b"\n\n7\n\n", "7")] {
        let world = World::new();
        let ann = world.initialised("ann");
        ann.task("First", &[]);
        put(&world, "aitask-ids", "next_id.txt", content);
        assert_eq!(ann.task("More", &[]), id, "counter {content:?}");
    }
}

#[test]
fn a_counter_file_that_is_gone_is_not_one() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("First", &[]);
    let editor = world.clone("editor");
    editor.git(&["switch", "-q", "aitask-ids"]);
    editor.git(&["rm", "-q", "next_id.txt"]);
    editor.commit("gone");
    editor.git(&["push", "-q"]);
    refused(&ann, &["new", "More"], 1, "unparsable");
}

#[test]
fn records_of_this_clone_that_cannot_be_read_lose_comfort_only() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("First", &[]);
    ann.aitask(&["pick", "1"]).ok();
    for text in ["", "{", "[]", "null", "\u{0}"] {
        ann.write(".git/aitask/held/t1.json", text);
        refused(&ann, &["drop", "1"], 1, "not_holder");
    }
    ann.write(".git/aitask/carry/main", "nonsense");
    ann.write(".git/aitask/queue.lock", "nonsense\u{1b}[31m");
    ann.aitask(&["pick", "1", "--steal"]).ok();
    ann.aitask(&["drop", "1"]).ok();
    let settled = state(&ann);
    ann.aitask(&["list"]).ok();
    assert_eq!(settled, state(&ann));
}
