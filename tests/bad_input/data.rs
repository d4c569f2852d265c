//! Locks and counters that others have spoilt.

use super::{fails_clearly, put, refused, state};
use crate::support::{World, share};

const SPOILT_LOCKS: [&[u8]; 6] = [
    b"",
    b"\xff\xfe\x00\x01binary",
    b"<<<<<<< HEAD\nlocked_by: a@x\n=======\nlocked_by: b@x\n>>>>>>> other\n",
    b"locked_by:\nhostname:\n",
    b"task_id: 99\n",
    b"{\"locked_by\": \"ann@example.com\"}",
];

/// What is refused of a task that somebody unknown holds, and as what.
const REFUSALS: [(&[&str], &str); 7] = [
    (&["pick", "1"], "held"),
    (&["lock", "1"], "held"),
    (&["pick", "--next"], "nothing_to_pick"),
    (&["drop", "1"], "not_holder"),
    (&["finish", "1"], "not_holder"),
    (&["archive", "1"], "not_holder"),
    (&["unlock", "1"], "not_holder"),
];

#[test]
fn a_lock_that_cannot_be_read_is_held_by_somebody_unknown() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("First", &[]);
    for (n, content) in share(SPOILT_LOCKS.into_iter().enumerate()) {
        put(&world, "aitask-locks", "t1_lock.yaml", content);
        let before = state(&ann);
        for (line, kind) in REFUSALS {
            // as a page, too, once: after that the kind in JSON is enough
            if n == 0 {
                fails_clearly(&ann, line, 1, kind);
            }
            let run = ann.aitask(&[line, &["--json"]].concat()).fails(1);
            assert_eq!(run.error()["error"]["kind"], kind, "{run}");
            assert!(kind != "held" || run.stderr.contains("unknown") || run.stderr.contains("a@x"), "{run}");
        }
        assert_eq!(before, state(&ann), "something changed");
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
    for (n, content) in [
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
    ]
    .into_iter()
    .enumerate()
    {
        put(&world, "aitask-ids", "next_id.txt", content);
        let before = (n == 0).then(|| state(&ann));
        let branches = || world.git(&["--git-dir=origin.git", "for-each-ref"]);
        let published = branches();
        let run = ann.aitask(&["new", "More", "--json"]).fails(1);
        let kind = run.error()["error"]["kind"].clone();
        assert_eq!((kind, branches()), ("unparsable".into(), published), "{:?}", String::from_utf8_lossy(content));
        if let Some(before) = before {
            refused(&ann, &["new", "More", "--dry-run"], 1, "unparsable");
            refused(&ann, &["new", "More"], 1, "unparsable");
            assert_eq!(before, state(&ann));
        }
    }
    // a child needs no counter
    ann.aitask(&["new", "A part", "--parent", "1"]).ok();
}

#[test]
fn a_counter_behind_the_tasks_or_with_odd_space_around_it_works() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("First", &[]);
    // a counter at or below the last task is passed over; the others are taken as they are
    for (content, id) in [(&b"1\n"[..], "2"), (b"0\n", "3"), (b"\n\n7\n\n", "7"), (b"9", "9"), (b"  12  \r\n", "12")] {
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
    for text in share(["", "{", "[]", "null", "\u{0}"]) {
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
