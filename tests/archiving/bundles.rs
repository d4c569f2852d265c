//! `aitask_zip_old.sh`, and looking things up in bundles.

use super::{alone, last_commit, script, task};
use crate::support::World;
use std::io::Write as _;

const ZIP: &str = "aitask_zip_old.sh";
const QUERY: &str = "aitask_query_files.sh";

/// A bundle as the original's programs make it, with members in this order.
fn bundle(path: &std::path::Path, members: &[(&str, &str)], gzip: bool) {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, text) in members {
        let mut header = tar::Header::new_ustar();
        header.set_mode(0o644);
        header.set_size(text.len() as u64);
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        builder.append(&header, text.as_bytes()).unwrap();
    }
    let tar = builder.into_inner().unwrap();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let bytes = if gzip {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&tar).unwrap();
        encoder.finish().unwrap()
    } else {
        zstd::encode_all(tar.as_slice(), 3).unwrap()
    };
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn every_archived_task_is_found_before_and_after_and_comes_back_whole() {
    let world = World::new();
    let ann = alone(&world);
    let ids = ["5", "7", "7_1", "100", "12345", "12345_2"];
    let path = |id: &str| match id.split_once('_') {
        Some((parent, _)) => format!("aitasks/archived/t{parent}/t{id}_x.md"),
        None => format!("aitasks/archived/t{id}_x.md"),
    };
    for id in ids {
        ann.write(&path(id), &format!("---\nstatus: Done\n---\ntext of {id} \u{1f980}\n"));
    }
    ann.commit("tasks");
    let all_are_done = || {
        for id in ids {
            assert_eq!(script(&ann, QUERY, &["task-status", id]).ok().stdout, "STATUS:Done\n", "{id}");
        }
    };
    all_are_done();
    script(&ann, ZIP, &[]).ok();
    assert_eq!(ann.git(&["ls-files", "*.md"]), "README.md\n");
    all_are_done();
    for number in ["5", "7", "100", "12345"] {
        script(&ann, ZIP, &["unpack", number]).ok();
    }
    for id in ids {
        assert_eq!(ann.read(&path(id)), format!("---\nstatus: Done\n---\ntext of {id} \u{1f980}\n"));
    }
    assert!(!ann.path("aitasks/archived/_b0").exists());
}

#[test]
fn an_unreadable_bundle_stops_the_run_before_anything_is_touched() {
    let world = World::new();
    let ann = alone(&world);
    for path in ["aitasks/archived/t5_x.md", "aitasks/archived/t100_x.md"] {
        task(&ann, path, "");
    }
    ann.write("aitasks/archived/_b0/old1.tar.zst", "broken\n");
    ann.commit("tasks");
    let head = ann.git(&["rev-parse", "HEAD"]);
    for args in [&[][..], &["--no-commit"]] {
        let run = script(&ann, ZIP, args).fails(1);
        assert!(run.stderr.contains("old1.tar.zst cannot be read"), "{run}");
    }
    assert_eq!((ann.git(&["rev-parse", "HEAD"]), ann.git(&["status", "--porcelain"])), (head, String::new()));
    assert!(script(&ann, QUERY, &["task-status", "150"]).ok().stderr.contains("cannot be read"));
}

#[test]
fn a_parent_is_not_taken_for_its_child_whatever_the_order() {
    let world = World::new();
    let ann = alone(&world);
    let members = [("./t150/t150_1_c.md", "c"), ("t150_p.md", "p"), ("./t151/t151_1_c.md", "c")];
    bundle(&ann.path("aitasks/archived/_b0/old1.tar.zst"), &members, false);
    for (id, answer) in [
        ("150", "ARCHIVED_TASK_ARCHIVE:aitasks/archived/_b0/old1.tar.zst:t150_p.md\n"),
        ("150_1", "ARCHIVED_TASK_ARCHIVE:aitasks/archived/_b0/old1.tar.zst:./t150/t150_1_c.md\n"),
        ("151", "NOT_FOUND\n"),
        ("0150", "NOT_FOUND\n"),
        ("99999999999999999999", "NOT_FOUND\n"),
    ] {
        assert_eq!(script(&ann, QUERY, &["archived-task", id]).ok().stdout, answer);
    }
}

#[test]
fn bundles_of_gzip_are_merged_and_replaced() {
    let world = World::new();
    let ann = alone(&world);
    bundle(&ann.path("aitasks/archived/_b0/old0.tar.gz"), &[("./t5_old.md", "five")], true);
    task(&ann, "aitasks/archived/t6_x.md", "");
    ann.commit("tasks");
    script(&ann, ZIP, &[]).ok();
    assert_eq!(
        last_commit(&ann),
        "ait: Archive old files to numbered bundles\n\nD\taitasks/archived/_b0/old0.tar.gz\nA\taitasks/archived/_b0/old0.tar.zst\nD\taitasks/archived/t6_x.md\n"
    );
    assert_eq!(script(&ann, ZIP, &["unpack", "5"]).ok().stdout, "UNPACKED_TASK:aitasks/archived/t5_old.md\n");
    assert_eq!(ann.read("aitasks/archived/t5_old.md"), "five");
}

#[test]
fn unpacking_never_overwrites_another_file() {
    let world = World::new();
    let ann = alone(&world);
    let path = ann.path("aitasks/archived/_b0/old0.tar.zst");
    bundle(&path, &[("./t5_x.md", "old"), ("./t5/t5_1_x.md", "child")], false);
    ann.write("aitasks/archived/t5_x.md", "newer");
    let run = script(&ann, ZIP, &["unpack", "5"]).ok();
    assert_eq!(run.stdout, "UNPACKED_TASK:aitasks/archived/t5/t5_1_x.md\n");
    assert!(run.stderr.contains("t5_x.md exists with other content"), "{run}");
    assert_eq!(ann.read("aitasks/archived/t5_x.md"), "newer");
    assert!(path.exists());
}

#[test]
fn what_an_interrupted_run_left_is_committed_by_the_next() {
    let world = World::new();
    let ann = alone(&world);
    task(&ann, "aitasks/archived/t5_x.md", "");
    task(&ann, "aitasks/archived/t105_x.md", "");
    ann.write("aiplans/p9_other.md", "plan\n");
    ann.commit("tasks");
    script(&ann, ZIP, &["--no-commit"]).ok();
    // deleted by somebody, and in no bundle
    std::fs::remove_file(ann.path("aiplans/p9_other.md")).unwrap();
    assert!(script(&ann, ZIP, &[]).ok().stdout.contains("Task files archived: 2\n"));
    assert_eq!(ann.git(&["status", "--porcelain"]), " D aiplans/p9_other.md\n");
}

#[test]
fn bundling_beside_archiving_loses_nothing() {
    let world = World::new();
    let ann = alone(&world);
    for n in 1..=8 {
        task(&ann, &format!("aitasks/t{n}_x.md"), "");
        task(&ann, &format!("aitasks/archived/t{}_x.md", n + 100), "");
    }
    ann.commit("tasks");
    let mut started: Vec<_> = (1..=8).map(|n| ann.start(&["compat", "aitask_archive.sh", &n.to_string()])).collect();
    started.extend((0..3).map(|_| ann.start(&["compat", ZIP])));
    for run in started {
        run.wait().ok();
    }
    script(&ann, ZIP, &[]).ok();
    assert_eq!(ann.git(&["status", "--porcelain"]), "");
    for n in (1..=8).chain(101..=108) {
        assert_eq!(script(&ann, QUERY, &["task-status", &n.to_string()]).ok().stdout, "STATUS:Done\n", "{n}");
    }
    assert_eq!(ann.git(&["ls-files", "*.md"]), "README.md\n");
}

#[test]
fn a_full_disk_while_unpacking_leaves_no_half_file() {
    let world = World::new();
    let ann = alone(&world);
    let path = ann.path("aitasks/archived/_b0/old0.tar.zst");
    let text = "precious\n".repeat(20_000);
    bundle(&path, &[("./t5_x.md", &text)], false);
    let unpack = "trap '' XFSZ; ulimit -f 16; exec \"$0\" compat aitask_zip_old.sh unpack 5";
    ann.run("bash", &["-c", unpack, env!("CARGO_BIN_EXE_git-aitask")]).fails(1);
    assert_eq!(std::fs::read_dir(ann.path("aitasks/archived")).unwrap().count(), 1);
    script(&ann, ZIP, &["unpack", "5"]).ok();
    assert_eq!(ann.read("aitasks/archived/t5_x.md"), text);
}

#[test]
fn a_bundled_file_is_not_replaced_by_another_text_of_its_name() {
    let world = World::new();
    let ann = alone(&world);
    let path = ann.path("aitasks/archived/_b0/old0.tar.zst");
    bundle(&path, &[("./t5_x.md", "the whole text")], false);
    ann.write("aitasks/archived/t5_x.md", "the who");
    ann.commit("tasks");
    for args in [&[][..], &["--no-commit"]] {
        let run = script(&ann, ZIP, args).fails(1);
        assert!(run.stderr.contains("aitasks/archived/t5_x.md") && run.stderr.contains("other content"), "{run}");
    }
    assert_eq!(ann.git(&["status", "--porcelain"]), "");
    ann.write("aitasks/archived/t5_x.md", "the whole text");
    script(&ann, ZIP, &[]).ok();
}

#[test]
fn a_link_in_the_archive_publishes_nothing_from_elsewhere() {
    let world = World::new();
    let ann = alone(&world);
    let key = world.root().join("key");
    std::fs::write(&key, "SECRET").unwrap();
    std::fs::create_dir_all(ann.path("aitasks/archived")).unwrap();
    std::os::unix::fs::symlink(&key, ann.path("aitasks/archived/t5_x.md")).unwrap();
    ann.commit("tasks");
    for args in [&[][..], &["--no-commit"]] {
        let run = script(&ann, ZIP, args).fails(1);
        assert!(run.stderr.contains("t5_x.md is a symbolic link"), "{run}");
    }
    assert_eq!(ann.git(&["status", "--porcelain"]), "");
}

#[test]
fn unpacking_writes_through_no_link() {
    let world = World::new();
    let ann = alone(&world);
    let path = ann.path("aitasks/archived/_b0/old0.tar.zst");
    bundle(&path, &[("./t5_x.md", "five"), ("./t8/t8_1_x.md", "eight")], false);
    let out = world.root().join("out");
    std::fs::create_dir(&out).unwrap();
    std::os::unix::fs::symlink(out.join("new"), ann.path("aitasks/archived/t5_x.md")).unwrap();
    std::os::unix::fs::symlink(&out, ann.path("aitasks/archived/t8")).unwrap();
    let before = std::fs::read(&path).unwrap();
    for number in ["5", "8"] {
        let run = script(&ann, ZIP, &["unpack", number]).fails(1);
        assert!(run.stderr.contains("is a symbolic link"), "{run}");
    }
    assert_eq!((std::fs::read_dir(&out).unwrap().count(), std::fs::read(&path).unwrap()), (0, before));
}

#[test]
fn what_a_killed_run_wrote_beside_a_bundle_is_cleaned_and_never_committed() {
    let world = World::new();
    let ann = alone(&world);
    task(&ann, "aitasks/archived/t5_x.md", "");
    ann.commit("tasks");
    ann.write("aitasks/archived/_b0/.oldAbC123", "half a bundle");
    script(&ann, ZIP, &[]).ok();
    assert!(!ann.path("aitasks/archived/_b0/.oldAbC123").exists());
    ann.write("aitasks/archived/_b0/.oldXyZ789", "half a bundle");
    assert_eq!(ann.git(&["status", "--porcelain"]), "");
}

#[test]
fn what_is_kept_loose_is_told_to_whoever_asks() {
    let world = World::new();
    let ann = alone(&world);
    for name in ["archived/t1_a", "archived/t5/t5_1_k", "archived/t9/t9_1_k", "t5/t5_2_k"] {
        task(&ann, &format!("aitasks/{name}.md"), "");
    }
    task(&ann, "aitasks/t3_c.md", "depends: [1,\n  t9_1]\n");
    let run = script(&ann, ZIP, &["-v", "--dry-run"]).ok();
    assert_eq!(run.stdout.lines().count(), 2, "{run}");
    for words in [
        "Active parents: 5\n",
        "Dependency IDs: 1 9_1\n",
        "Skipping (active siblings)",
        "Skipping (dependency of active task): aitasks/archived/t1_a.md\n",
        "Skipping (dependency of active task): aitasks/archived/t9/t9_1_k.md\n",
    ] {
        assert!(run.stderr.contains(&format!("[verbose] {words}")), "{words} in\n{run}");
    }
    assert_eq!(script(&ann, ZIP, &["-n"]).ok().stderr, "");
}
