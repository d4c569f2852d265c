//! The object of a task, the same in every document.

use super::init::{keys, of_kind};
use crate::support::{Repo, Sleeper, World};
use serde_json::{Value, json};

/// The keys of a task that nobody has taken.
pub(super) const FREE: &str =
    "id name title status type priority effort labels path children depends blocked_by archived branch mine";

/// Those of one that is held, in a clone that has its worktree.
pub(super) const TAKEN: &str = "id name title status type priority effort labels path children depends blocked_by \
                                assigned_to archived lock worktree branch mine";

fn document(ann: &Repo, line: &str) -> Value {
    ann.aitask(&line.split(' ').chain(["--json"]).collect::<Vec<_>>()).ok().json()
}

/// The objects of the task with this id, wherever they are in a document.
fn find<'v>(value: &'v Value, id: &str, found: &mut Vec<&'v Value>) {
    match value {
        Value::Object(fields) if fields.get("id").is_some_and(|own| own == id) => found.push(value),
        Value::Object(fields) => fields.values().for_each(|value| find(value, id, found)),
        Value::Array(values) => values.iter().for_each(|value| find(value, id, found)),
        _ => {}
    }
}

#[test]
fn every_document_tells_the_same_of_a_task() {
    for n in 0..3 {
        let (world, session) = (World::new(), Sleeper::new());
        let ann = of_kind(n, &world);
        let ann = ann.env("AIT_AGENT_PID", session.pid());
        let same = |line: &str, id: &str, keys_of: &str| {
            let said = document(&ann, line);
            let mut objects = Vec::new();
            find(&said, id, &mut objects);
            assert!(!objects.is_empty(), "{line}: {said}");
            let shown = document(&ann, &format!("show {id}"))["task"].clone();
            for object in objects {
                assert_eq!(*object, shown, "{line}");
                assert_eq!(keys(object), keys_of, "{line}");
            }
        };
        let child = &FREE.replace("path ", "path parent ");
        let archived = FREE.replace("branch ", "");
        let work = |to: &str| {
            let there = ann.at("aiwork/t2_two");
            there.write(to, "work\n");
            there.commit(to);
        };
        same("new One", "1", FREE);
        same("new Two --label ui --depends 1 --priority high", "2", FREE);
        same("new Part --parent 1", "1_1", child);
        for line in ["list", "status", "list --children 1"] {
            same(line, "1_1", child);
        }
        same("edit 1 --effort low --title Single", "1", FREE);
        same("pick 2 --ignore-blocked", "2", TAKEN);
        work("half");
        ann.at("aiwork/t2_two").write("new", "x");
        for line in ["pick 2 --ignore-blocked", "edit 2 --type bug", "list --mine", "status", "finish 2 --no-push"] {
            if line.starts_with("finish") {
                std::fs::remove_file(ann.path("aiwork/t2_two/new")).unwrap();
            }
            let keys_of =
                if line.starts_with("finish") && n < 2 { format!("{TAKEN} pull_request") } else { TAKEN.into() };
            same(line, "2", &keys_of);
        }
        same("drop 2 --status Postponed", "2", FREE);
        same("edit 2 --status Ready", "2", FREE);
        same("pick 2 --ignore-blocked --no-worktree", "2", &TAKEN.replace("worktree ", ""));
        same("drop 2", "2", FREE);
        same("pick 2 --ignore-blocked", "2", TAKEN);
        work("rest");
        same("finish 2 --no-archive --merge", "2", &TAKEN.replace("worktree ", ""));
        same("finish 2", "2", &archived.replace("archived", "assigned_to archived"));
        same("archive 1_1", "1", &archived);
        same("archive 1_1", "1_1", &archived.replace("path ", "path parent "));
        same("list --archived", "1", &archived);
    }
}

#[test]
fn what_can_be_picked_instead_is_told_in_the_same_object() {
    let world = World::new();
    let (ann, bob) = (world.initialised("ann"), world.initialised("bob"));
    for title in ["One", "Two"] {
        ann.task(title, &[]);
    }
    ann.aitask(&["pick", "1"]).ok();
    let refused = bob.aitask(&["pick", "1", "--json"]).fails(1).error();
    assert_eq!(refused["error"]["ready"], json!([document(&bob, "show 2")["task"]]), "{refused}");
}

#[test]
fn a_document_says_whether_the_task_is_that_of_this_session() {
    let ann = World::new().initialised("ann");
    let [one, two] = ["one", "two"].map(|name| ann.env("GIT_AITASK_SESSION", name));
    ann.task("First", &[]);
    let mine = |who: &Repo, line: &str| {
        let said = document(who, line);
        let mut objects = Vec::new();
        find(&said, "1", &mut objects);
        objects[0]["mine"].clone()
    };
    assert_eq!(mine(&one, "list"), false);
    assert_eq!(mine(&one, "pick 1"), true);
    for line in ["list", "status", "show 1", "edit 1 --effort low", "edit 1 --effort low"] {
        assert_eq!([mine(&one, line), mine(&two, line)], [true, false], "{line}");
    }
    assert_eq!(mine(&two, "pick 1 --steal"), true);
    assert_eq!([mine(&one, "show 1"), mine(&two, "show 1")], [false, true]);
    ann.git(&["config", "--unset", "user.email"]);
    assert_eq!(mine(&two, "show 1"), false);
}

#[test]
fn what_does_not_count_of_the_session_is_said_once() {
    let ann = World::new().initialised("ann");
    ann.task("One", &[]);
    let ann = ann.env("AIT_AGENT_PID", "99999999");
    for line in ["pick 1", "status", "finish 1 --no-push", "drop 1"] {
        let said = ann.aitask(&line.split(' ').collect::<Vec<_>>()).ok().stderr;
        assert_eq!(said.matches("is ignored").count(), 1, "{line}: {said}");
        if line == "pick 1" {
            ann.at("aiwork/t1_one").commit("work");
        }
    }
}

#[test]
fn pick_tells_the_text_and_the_plan_as_show_does() {
    let ann = World::new().initialised_on_main("ann");
    ann.aitask(&["new", "One", "-m", "The text.\n\nAll of it.\n\n1\n2\n3\n4\n5"]).ok();
    ann.task("Two", &[]);
    ann.write("aiplans/p1_one.md", "# The plan\n");
    ann.commit("plan");
    ann.git(&["push", "-q"]);
    let (picked, shown) = (document(&ann, "pick 1"), document(&ann, "show 1"));
    for key in ["text", "plan"] {
        assert_eq!(picked[key], shown[key], "{key}");
    }
    assert!(picked["text"].as_str().unwrap().ends_with("All of it.\n\n1\n2\n3\n4\n5"), "{picked}");
    assert_eq!(picked["plan"], json!({"path": "aiplans/p1_one.md", "text": "# The plan\n"}));
    assert!(document(&ann, "pick 2 --no-worktree").get("plan").is_none());
}

#[test]
fn a_document_says_where_the_shell_should_go() {
    let session = Sleeper::new();
    let ann = World::new().initialised("ann").env("AIT_AGENT_PID", session.pid());
    let root = ann.top().canonicalize().unwrap();
    for title in ["One", "Two", "Three", "Four", "Five", "Six"] {
        ann.task(title, &[]);
    }
    let place = |name: &str| root.join("aiwork").join(name).to_str().unwrap().to_owned();
    for (id, name) in [("1", "t1_one"), ("2", "t2_two"), ("3", "t3_three"), ("4", "t4_four"), ("6", "t6_six")] {
        assert_eq!(document(&ann, &format!("pick {id}"))["cd"], *place(name));
        ann.at(place(name)).write(&format!("sub/{id}"), id);
        ann.at(place(name)).commit("work");
    }
    for line in ["worktree path 1", "worktree add 1", "pick 1"] {
        assert_eq!(document(&ann, line)["cd"], *place("t1_one"), "{line}");
    }
    // The shell stands in what goes, at whatever depth; it stands elsewhere.
    assert_eq!(document(&ann.at("aiwork/t1_one/sub"), "finish")["cd"], *root.to_str().unwrap());
    assert_eq!(document(&ann.at("aiwork/t2_two"), "drop")["cd"], *root.to_str().unwrap());
    assert_eq!(document(&ann.at("aiwork/t3_three"), "worktree remove 3")["cd"], *root.to_str().unwrap());
    assert!(document(&ann, "-C aiwork/t4_four finish").get("cd").is_none());
    ann.git(&["pull", "-q"]);
    ann.git(&["merge", "-q", "--no-edit", "aitask/t6_six"]);
    ann.git(&["push", "-q"]);
    ann.aitask(&["archive", "6"]).ok();
    assert_eq!(document(&ann.at("aiwork/t6_six"), "worktree prune")["cd"], *root.to_str().unwrap());
    assert!(document(&ann, "pick 5 --no-worktree").get("cd").is_none());
    assert!(document(&ann, "drop 5").get("cd").is_none());
}

#[test]
fn where_only_the_id_of_a_task_is_told_the_key_says_so() {
    let ann = World::new().initialised("ann");
    ann.task("One", &[]);
    for (line, at) in [
        ("lock 1", "/task_id"),
        ("locks", "/locks/0/task_id"),
        ("unlock 1", "/task_id"),
        ("worktree add 1", "/task_id"),
        ("worktree list", "/worktrees/0/task_id"),
        ("worktree path 1", "/task_id"),
        ("worktree remove 1", "/task_id"),
        ("log 1", "/events/0/task_ids/0"),
    ] {
        assert_eq!(document(&ann, line).pointer(at), Some(&"1".into()), "{line}");
    }
}
