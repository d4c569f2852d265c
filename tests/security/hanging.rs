//! What somebody put in the place of a file makes nobody wait, and fills nobody's memory.

use super::scene;
use crate::support::{Repo, share};
use std::time::{Duration, Instant};

/// As much memory as the largest thing may take that is read from a repository, and what the program itself needs.
const MEMORY: &str = "ulimit -v 1000000; exec \"$@\"";

/// Every command that reads who the user is ends at once, with an error that names the file.
#[track_caller]
fn ends(ann: &Repo, what: &str) {
    for args in [&["whoami"][..], &["status"], &["pick", "1"], &["lock", "1"]] {
        let binary = env!("CARGO_BIN_EXE_git-aitask");
        let began = Instant::now();
        // standard input is a pipe that nobody closes
        let script = format!("mkfifo ../tmp/pipe 2>/dev/null; exec 0<>../tmp/pipe; {MEMORY}");
        let run = ann.run("sh", &[&["-c", &script, "sh", binary], args].concat());
        assert!(began.elapsed() < Duration::from_secs(20), "{run}");
        // who looks at the tasks alone need not know who is asking
        let asks = args[0] != "status";
        assert!(!asks || run.code != 0 && run.stderr.contains("userconfig.yaml") && run.stderr.contains(what), "{run}");
    }
}

#[test]
fn a_link_to_standard_input_in_the_place_of_the_users_settings() {
    let (_world, ann) = scene();
    std::os::unix::fs::symlink("/dev/stdin", ann.path("aitasks/metadata/userconfig.yaml")).unwrap();
    ends(&ann, "symbolic link");
}

#[test]
fn a_link_to_an_endless_device_in_the_place_of_the_users_settings() {
    let (_world, ann) = scene();
    std::os::unix::fs::symlink("/dev/zero", ann.path("aitasks/metadata/userconfig.yaml")).unwrap();
    ends(&ann, "symbolic link");
}

#[test]
fn a_pipe_in_the_place_of_the_users_settings() {
    let (_world, ann) = scene();
    ann.run("mkfifo", &["aitasks/metadata/userconfig.yaml"]).ok();
    ends(&ann, "regular file");
}

#[test]
fn settings_of_the_user_that_are_too_large() {
    let (_world, ann) = scene();
    ann.run("truncate", &["-s", "1G", "aitasks/metadata/userconfig.yaml"]).ok();
    ends(&ann, "larger than");
}

#[test]
fn pipes_and_endless_files_in_the_place_of_everything_else() {
    let (_world, ann) = scene();
    ann.run("sh", &["-ec", "
        mkdir -p aitasks/archived/_b0 aitasks/new aiplans aitasks/metadata/profiles
        rm -f aitasks/metadata/*.txt
        for file in aitasks/t3_pipe.md aitasks/archived/t4_pipe.md aitasks/archived/old.tar.gz aitasks/new/draft_x.md \\
            aiplans/p1_first.md aitasks/metadata/labels.txt aitasks/metadata/emails.txt aitasks/metadata/task_types.txt \\
            aitasks/metadata/board_config.json aitasks/metadata/profiles/fast.yaml CHANGELOG.md; do rm -f $file; mkfifo $file; done
        truncate -s 2G aitasks/t5_large.md aitasks/archived/t6_large.md aitasks/archived/_b0/old0.tar.zst
    "]).ok();
    let limited = |args: &[&str]| {
        let mut all = vec!["-c", MEMORY, "sh", env!("CARGO_BIN_EXE_git-aitask")];
        all.extend(args);
        let began = Instant::now();
        let run = ann.run("sh", &all);
        assert!(began.elapsed() < Duration::from_secs(30), "{run}");
        run
    };
    for args in share([
        &["compat", "aitask_ls.sh", "10"][..],
        &["compat", "aitask_ls.sh", "--all-levels", "10"],
        &["compat", "aitask_labels.sh", "list"],
        &["compat", "aitask_update.sh", "--batch", "3", "--priority", "high"],
        &["compat", "aitask_update.sh", "--batch", "5", "--priority", "high"],
        &["compat", "aitask_update.sh", "--batch", "1", "--labels", "x"],
        &["compat", "aitask_create.sh", "--batch", "--name", "x", "--desc", "d", "--labels", "y"],
        &["compat", "aitask_create.sh", "--batch", "--finalize", "draft_x.md"],
        &["compat", "aitask_stats.sh"],
        &["compat", "aitask_zip_old.sh"],
        &["compat", "aitask_zip_old.sh", "unpack", "6"],
        &["compat", "aitask_changelog.sh", "--check-version", "1"],
        &["compat", "aitask_query_files.sh", "resolve", "3"],
        &["compat", "aitask_query_files.sh", "archived-task", "9"],
        &["compat", "aitask_board_column.sh", "list-columns"],
        &["compat", "aitask_find_by_file.sh", "README.md"],
        &["compat", "aitask_claim_id.sh", "--peek"],
        &["compat", "aitask_remote_drift_check.sh", "--unsynced", "main", "aiplans/p1_first.md"],
        &["compat", "aitask_archive.sh", "5"],
        &["compat", "aitask_lock.sh", "--lock", "1"],
        &["list"],
        &["new", "--publish", "draft_x.md"],
        &["pick", "1"],
        &["sync"],
    ]) {
        limited(args);
    }
    let listed = limited(&["compat", "aitask_ls.sh", "10"]);
    assert!(listed.stdout.contains("t1_first.md"), "{listed}");
}

#[test]
fn an_object_that_is_too_large_is_named() {
    let (world, ann) = scene();
    let origin = world.origin().display().to_string();
    // as somebody else would push it; made of zeros, it costs little to pack
    let push = r#"
        blob=$(head -c 100000000 /dev/zero | git hash-object -w --stdin)
        git read-tree HEAD && git update-index --add --cacheinfo "100644,$blob,aitasks/t2_large.md"
        git update-ref refs/heads/main "$(git commit-tree -p HEAD -m large "$(git write-tree)")"
        echo "$blob""#;
    let other = ann.at(&origin);
    let blob =
        other.env("GIT_INDEX_FILE", format!("{origin}/x")).env("GIT_AUTHOR_NAME", "x").env("GIT_AUTHOR_EMAIL", "x");
    let blob =
        blob.env("GIT_COMMITTER_NAME", "x").env("GIT_COMMITTER_EMAIL", "x").run("sh", &["-ec", push]).ok().stdout;
    ann.git(&["fetch", "-q"]);
    for args in share([&["list", "--fetch"][..], &["show", "2"], &["pick", "2"]]) {
        let script = "ulimit -v 1000000; exec \"$@\"";
        let run = ann.run("sh", &[&["-c", script, "sh", env!("CARGO_BIN_EXE_git-aitask")], args].concat());
        assert!(
            run.code == 1 && run.stderr.contains(blob.trim()) && run.stderr.contains("larger than 64 MiB"),
            "{run}"
        );
    }
}
