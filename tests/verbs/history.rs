//! `git aitask doctor --history`: what happened is judged from the branches alone.

use super::init::{keys, local};
use crate::support::{Repo, Run, Running, World};
use predicates::str::contains;
use serde_json::Value;

/// Audits as a person who has nothing but the branches.
#[track_caller]
fn audit(world: &World, code: i32) -> (Run, Value) {
    let dir = format!("audit-{}", world.root().read_dir().unwrap().count());
    let eve = world.clone(&dir);
    let run = eve.aitask(&["doctor", "--history", "--json"]).fails(code);
    let json = run.json();
    (run, json)
}

fn kinds(json: &Value) -> Vec<&str> {
    let findings = json["findings"].as_array().unwrap().iter();
    findings.map(|finding| finding["kind"].as_str().unwrap()).collect()
}

/// Picks a task and commits work to its branch; answers its worktree.
fn work(who: &Repo, id: &str, steal: bool) -> Repo {
    let args = ["pick", id, "--json", "--steal"];
    let json = who.aitask(if steal { &args } else { &args[..3] }).ok().json();
    let there = who.at(json["worktree"]["path"].as_str().unwrap());
    there.write(&format!("{id}.txt"), "work\n");
    there.commit("work");
    there
}

/// What two people do with the verbs.
fn life(ann: &Repo, bob: &Repo) {
    for title in ["One", "Two", "Three", "Four", "Five"] {
        ann.task(title, &[]);
    }
    ann.aitask(&["new", "Child", "--parent", "5"]).ok();
    work(ann, "1", false);
    ann.aitask(&["finish", "1"]).ok();
    work(bob, "2", false);
    bob.aitask(&["drop", "2"]).ok();
    work(ann, "2", false);
    work(bob, "2", true);
    bob.aitask(&["finish", "2", "--squash"]).ok();
    ann.aitask(&["lock", "3"]).ok();
    bob.aitask(&["unlock", "3", "--force"]).ok();
    bob.aitask(&["lock", "3"]).ok();
    bob.aitask(&["unlock", "3"]).ok();
    bob.aitask(&["archive", "3"]).ok();
    work(bob, "4", false);
    bob.aitask(&["finish", "4", "--pr"]);
    ann.aitask(&["edit", "4", "--priority", "high"]);
    ann.aitask(&["pick", "5_1", "--no-worktree"]).ok();
    ann.aitask(&["archive", "5_1"]).ok();
    bob.aitask(&["sync"]).ok();
}

#[test]
fn what_the_verbs_did_is_clean() {
    for on_main in [false, true] {
        let world = World::new();
        let person = |name| if on_main { world.initialised_on_main(name) } else { world.initialised(name) };
        let (ann, bob) = (person("ann"), person("bob"));
        life(&ann, &bob);
        let (run, json) = audit(&world, 0);
        assert_eq!(keys(&json), "schema as_of branches findings unjudged figures");
        assert_eq!((kinds(&json), &json["unjudged"]), (vec![], &serde_json::json!([])), "{run}");
        let over: Vec<_> = json["figures"]["takeovers"].as_array().unwrap().iter().collect();
        let said = |it: &&Value| ["task_id", "from", "to"].map(|key| it[key].as_str().unwrap_or_default().to_owned());
        let said: Vec<_> = over.iter().map(said).collect();
        assert_eq!(said, [["2", "ann@example.com", "bob@example.com"], ["3", "ann@example.com", ""]]);
        let page = ann.aitask(&["doctor", "--history"]).ok();
        page.assert()
            .stdout(contains("nothing that must not be\nheld: "))
            .stdout(contains("\ntakeovers: 2, the last: t3 "));
    }
}

#[test]
fn what_the_scripts_did_is_clean() {
    let world = World::new();
    let (ann, bob) = (world.initialised_on_main("ann"), world.initialised_on_main("bob"));
    let lock = |who: &Repo, what: &str, id: &str, more: &[&str]| {
        drop(who.script("aitask_lock.sh", &[&[what, id], more].concat()).ok());
    };
    for title in ["One", "Two", "Three"] {
        ann.task(title, &[]);
    }
    ann.git(&["pull", "-q"]);
    ann.script("aitask_claim_id.sh", &["--claim"]).ok();
    lock(&ann, "--lock", "1", &["--email", "ann@example.com"]);
    lock(&ann, "--lock", "1", &["--email", "ann@example.com"]);
    lock(&bob, "--unlock", "1", &[]);
    bob.git(&["pull", "-q"]);
    bob.script("aitask_pick_own.sh", &["1", "--email", "bob@example.com"]).ok();
    ann.script("aitask_pick_own.sh", &["1", "--email", "ann@example.com", "--force"]).ok();
    ann.script("aitask_archive.sh", &["1"]).ok();
    ann.aitask(&["pick", "2", "--no-worktree"]).ok();
    bob.aitask(&["sync"]).ok();
    bob.script("aitask_archive.sh", &["2"]).ok();
    ann.aitask(&["sync"]).ok();
    bob.aitask(&["sync"]).ok();
    let (run, json) = audit(&world, 0);
    assert_eq!(kinds(&json), Vec::<&str>::new(), "{run}");
    assert!(run.stdout.contains("a script archived the task"), "{run}");
}

#[test]
fn without_a_remote_it_is_the_local_branches() {
    let ann = local();
    ann.task("One", &[]);
    ann.aitask(&["pick", "1", "--no-worktree"]).ok();
    ann.aitask(&["archive", "1"]).ok();
    let json = ann.aitask(&["doctor", "--history", "--json"]).ok().json();
    assert_eq!((kinds(&json), json["figures"]["held"]["count"].as_u64()), (vec![], Some(1)));
    let eve = World::new().clone("eve");
    assert_eq!(eve.aitask(&["doctor", "--history", "--json"]).fails(1).error()["error"]["kind"], "not_initialised");
}

#[test]
fn a_shallow_clone_says_what_it_cannot_judge() {
    let world = World::new();
    let (ann, bob) = (world.initialised("ann"), world.initialised("bob"));
    life(&ann, &bob);
    let origin = format!("file://{}", world.origin().display());
    world.git(&["clone", "-q", "--depth", "3", "--no-single-branch", &origin, "shallow"]);
    let run = ann.at(world.root().join("shallow")).aitask(&["doctor", "--history", "--json"]).ok();
    assert_eq!(kinds(&run.json()), Vec::<&str>::new(), "{run}");
    assert!(run.stdout.contains("what came before the first commit"), "{run}");
}

/// Commits to a branch of the remote as another program would: each file with its content, or without one to remove it.
fn plant(world: &World, branch: &str, who: &str, message: &str, files: &[(&str, Option<&str>)]) {
    const SCRIPT: &str = r#"
export GIT_DIR="$PWD" GIT_INDEX_FILE="$PWD/plant" GIT_AUTHOR_NAME=$2 GIT_AUTHOR_EMAIL=$2@example.com
export GIT_COMMITTER_NAME=$2 GIT_COMMITTER_EMAIL=$2@example.com
branch=refs/heads/$1 message=$3
shift 3
git read-tree "$branch"
while [ $# -gt 0 ]; do
    if [ "$2" = - ]; then
        printf '0 %s\t%s\n' 0000000000000000000000000000000000000000 "$1" | git update-index --index-info
    else
        git update-index --add --cacheinfo "100644,$(printf %s "$2" | git hash-object -w --stdin),$1"
    fi
    shift 2
done
git update-ref "$branch" "$(git commit-tree -p "$branch" -m "$message" "$(git write-tree)")"
rm "$GIT_INDEX_FILE"
"#;
    let mut command = world.command("sh", &world.origin());
    command.args(["-ec", SCRIPT, "sh", branch, who, message]);
    command.args(files.iter().flat_map(|(path, content)| [*path, content.unwrap_or("-")]));
    Running::start(command).wait().ok();
}

fn nonce(n: u32) -> String {
    format!("\n\nAitask-Nonce: {n:032x}")
}

/// Ann holds t1, t2 is free; both clones are up to date.
fn scene() -> (World, Repo) {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    ann.task("Two", &[]);
    ann.aitask(&["pick", "1", "--no-worktree"]).ok();
    (world, ann)
}

/// The kind of the violation; the branch, the message and the files of the commit that is planted.
type Plant<'a> = (&'a str, &'a str, String, Vec<(&'a str, Option<&'a str>)>);

#[test]
fn what_another_program_did_wrong_is_found() {
    let bobs = "task_id: 1\nlocked_by: bob@example.com\nlocked_at: 2026-01-02 03:04\nhostname: box\nnonce: 1\n";
    let plants: Vec<Plant<'_>> = vec![
        (
            "replaced_without_takeover",
            "aitask-locks",
            format!("ait: Lock task t1 for bob@example.com{}", nonce(1)),
            vec![("t1_lock.yaml", Some(bobs))],
        ),
        (
            "removed_by_another",
            "aitask-locks",
            format!("ait: Unlock task t1{}", nonce(1)),
            vec![("t1_lock.yaml", None)],
        ),
        ("dropped_unnamed", "aitask-locks", format!("ait: Unlock task t2{}", nonce(1)), vec![("t1_lock.yaml", None)]),
        ("foreign_file", "aitask-locks", "notes".to_owned(), vec![("README.md", Some("x"))]),
        // what a script does that read the counter before a verb moved it
        ("counter_stays", "aitask-ids", "ait: Claim task ID t2, advance counter to 3".to_owned(), vec![]),
        ("counter_went_back", "aitask-ids", "back".to_owned(), vec![("next_id.txt", Some("1\n"))]),
        ("two_files", "aitask-data", "copy".to_owned(), vec![("aitasks/t1_copy.md", Some("x"))]),
        ("id_never_given", "aitask-data", "mine".to_owned(), vec![("aitasks/t77_mine.md", Some("x"))]),
    ];
    for (kind, branch, message, files) in plants {
        let (world, _ann) = scene();
        plant(&world, branch, "bob", &message, &files);
        let (run, json) = audit(&world, 1);
        assert!(kinds(&json).iter().all(|found| *found == kind) && !kinds(&json).is_empty(), "{kind}: {run}");
        assert_eq!(json["findings"][0]["branch"], branch);
    }
}

#[test]
fn a_former_holder_that_finished_is_named_on_the_page() {
    let (world, ann) = scene();
    let bob = world.initialised("bob");
    bob.aitask(&["pick", "1", "--no-worktree", "--steal"]).ok();
    let nonce = nonce(7);
    let archive = format!("ait: Archive completed t1 task and plan files{nonce}");
    plant(
        &world,
        "aitask-data",
        "ann",
        &archive,
        &[("aitasks/t1_one.md", None), ("aitasks/archived/t1_one.md", Some("x"))],
    );
    plant(&world, "aitask-locks", "ann", &format!("ait: Unlock task t1{nonce}"), &[("t1_lock.yaml", None)]);
    ann.git(&["fetch", "-q"]);
    let run = ann.aitask(&["doctor", "--history"]).fails(1);
    run.assert()
        .stdout(contains("1 violation(s) of the rules\n  t1: it was archived while bob@example.com held it ("))
        .stdout(contains(" on aitask-locks, by ann@example.com)\n"));
}

#[test]
fn it_makes_no_connection_and_changes_nothing() {
    let (_world, ann) = scene();
    ann.count_connections();
    ann.connections();
    let before = super::init::everything(&ann);
    ann.aitask(&["doctor", "--history"]).ok();
    assert_eq!((ann.connections(), super::init::everything(&ann)), (vec![], before));
}
