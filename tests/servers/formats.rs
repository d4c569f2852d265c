//! Other kinds of repositories: SHA-256 names, refs in tables.

use super::{run, work_on};
use crate::support::{World, share};

/// The life of a task in a world whose remote was made with `option`; `remote` is whether the clone keeps it.
fn life(world: &World, remote: bool) {
    let ann = world.clone("ann");
    if !remote {
        ann.git(&["remote", "remove", "origin"]);
    }
    run(&ann, "init").ok();
    assert_eq!(run(&ann, "new job1 --json").ok().json()["task"]["id"], "1");
    work_on(&ann, 1);
    run(&ann, "finish 1").ok();
    run(&ann, "new job2").ok();
    run(&ann, "pick 2").ok();
    run(&ann, "drop 2").ok();
    assert_eq!(ann.git(&["status", "--porcelain"]), "");
    assert_eq!(ann.read("work/1"), "done\n");
    assert!(ann.path("aitasks/archived/t1_job1.md").is_file());
    if remote {
        assert_eq!(world.locks(), Vec::<String>::new());
        let (bob, carl) = (world.clone("bob"), world.clone("carl"));
        run(&bob, "pick 2").ok();
        assert_eq!(run(&carl, "pick 2 --json").fails(1).error()["error"]["kind"], "held");
        run(&carl, "new job3").ok();
    }
}

fn remade(option: &str) -> World {
    let world = World::new();
    std::fs::remove_dir_all(world.origin()).unwrap();
    world.git(&["init", "--quiet", "--bare", option, "origin.git"]);
    world
}

#[test]
fn sha256() {
    for remote in share([true, false]) {
        let world = remade("--object-format=sha256");
        life(&world, remote);
        let oid = world.clone("zoe").git(&["rev-parse", "HEAD"]);
        assert_eq!(oid.trim().len(), 64);
    }
}

#[test]
fn reftable() {
    let world = World::new();
    if !world.has_git((2, 45), "reftable") {
        return;
    }
    for remote in share([true, false]) {
        let world = remade("--ref-format=reftable");
        world.git(&["config", "--global", "init.defaultRefFormat", "reftable"]);
        life(&world, remote);
        assert_eq!(world.clone("zoe").git(&["rev-parse", "--show-ref-format"]).trim(), "reftable");
    }
}
