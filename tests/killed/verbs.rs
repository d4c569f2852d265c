//! The verbs.

use super::{Mode, Scene, sweep, sweep_once};

/// A test for each mode, so that they run beside each other; those that say so only with `cargo test killed -- --ignored`.
macro_rules! in_every_mode {
    ($name:ident $(, $remote:meta)? $(; $local:meta)?) => {
        mod $name {
            use super::Mode;

            #[test]
            $(#[$remote])?
            fn with_a_remote() {
                super::$name(Mode::Remote);
            }

            #[test]
            $(#[$remote])?
            $(#[$local])?
            fn without_a_remote() {
                super::$name(Mode::Local);
            }

            #[test]
            $(#[$remote])?
            $(#[$local])?
            fn with_a_data_branch() {
                super::$name(Mode::DataBranch);
            }
        }
    };
}

in_every_mode!(init);
in_every_mode!(new; ignore = "as with a remote, but for where the branches are");
in_every_mode!(pick; ignore = "as with a remote, but for where the branches are");
in_every_mode!(pick_without_session, ignore = "pick but for who asks");
in_every_mode!(drop_task; ignore = "as with a remote, but for where the branches are");
in_every_mode!(finish_merge);
in_every_mode!(finish_squash, ignore = "finish_merge but for the merge itself");
in_every_mode!(finish_ff, ignore = "finish_merge but for the merge itself");
in_every_mode!(reopen; ignore = "as with a remote, but for where the branches are");
in_every_mode!(archive; ignore = "as with a remote, but for where the branches are");

fn init(mode: Mode) {
    sweep(&Scene::bare(mode, false), &["init"]);
}

fn new(mode: Mode) {
    let args = ["new", "Write it down", "--label", "docs", "-m", "All of it."];
    sweep(&Scene::with_tasks(mode, false), &args);
}

#[test]
fn new_child() {
    sweep(&Scene::with_tasks(Mode::Remote, false), &["new", "A part", "--parent", "2"]);
}

fn pick(mode: Mode) {
    sweep(&Scene::with_tasks(mode, true), &["pick", "1"]);
}

fn pick_without_session(mode: Mode) {
    sweep(&Scene::with_tasks(mode, false), &["pick", "1"]);
}

fn drop_task(mode: Mode) {
    let scene = Scene::with_tasks(mode, true);
    scene.ann.aitask(&["pick", "1"]).ok();
    sweep(&scene, &["drop", "1"]);
}

fn finish_merge(mode: Mode) {
    sweep(&Scene::with_work(mode, true, true), &["finish", "1", "--merge"]);
}

fn finish_squash(mode: Mode) {
    sweep(&Scene::with_work(mode, true, true), &["finish", "1", "--squash"]);
}

fn finish_ff(mode: Mode) {
    sweep(&Scene::with_work(mode, true, false), &["finish", "1", "--ff"]);
}

#[test]
#[ignore = "finish_merge but for the commit, which is made before anything else"]
fn finish_by_the_rules_of_the_user() {
    let scene = Scene::with_work(Mode::Remote, true, true);
    let ann = &scene.ann;
    ann.sign_and_show_it();
    ann.world().script(&ann.path(".git/hooks/commit-msg"), "#!/bin/sh\necho 'Told-by: me' >>\"$1\"\n");
    sweep(&scene, &["finish", "1", "--merge"]);
}

#[test]
#[ignore = "finish_merge but for the archive"]
fn finish_unarchived() {
    sweep(&Scene::with_work(Mode::Remote, true, true), &["finish", "1", "--no-archive"]);
}

#[test]
#[ignore = "finish_merge but for the check, in a worktree of its own"]
fn finish_checked() {
    sweep(&Scene::with_work(Mode::Local, true, true), &["finish", "1", "--check", "test -e login.txt"]);
}

#[test]
fn worktree_prune() {
    let scene = Scene::with_work(Mode::Remote, true, true);
    let ann = &scene.ann;
    ann.at("aiwork/t1_add_login").git(&["push", "-q", "origin", "HEAD"]);
    ann.git(&["merge", "-q", "--squash", "aitask/t1_add_login"]);
    ann.git(&["commit", "-qm", "Add login (#7)"]);
    ann.git(&["push", "-q"]);
    ann.aitask(&["archive", "1"]).ok();
    sweep(&scene, &["worktree", "prune"]);
}

#[test]
fn edit_text() {
    let args = ["edit", "1", "--append", "-m", "More of it.", "--note", "The cause is\nthe cache."];
    sweep(&Scene::with_tasks(Mode::Remote, false), &args);
}

fn archive(mode: Mode) {
    let scene = Scene::with_tasks(mode, true);
    scene.ann.aitask(&["pick", "1", "--no-worktree"]).ok();
    sweep(&scene, &["archive", "1"]);
}

fn reopen(mode: Mode) {
    let scene = Scene::with_work(mode, true, true);
    scene.ann.aitask(&["finish", "1", "--merge"]).ok();
    sweep(&scene, &["reopen", "1"]);
}

#[test]
fn archive_script() {
    let scene = Scene::with_tasks(Mode::DataBranch, true);
    scene.ann.aitask(&["pick", "1", "--no-worktree"]).ok();
    let data = scene.ann.at(".aitask-data");
    let text = data.read("aitasks/t1_add_login.md").replace("labels:", "folded_tasks: [2]\nlabels:");
    data.write("aitasks/t1_add_login.md", &text);
    data.commit("folded");
    // part of what is archived, and somebody else's
    data.write("aiplans/p1_add_login.md", "Second, think again.\n");
    data.write("aiplans/p9_other.md", "a draft\n");
    sweep_once(&scene, &["compat", "aitask_archive.sh", "1"]);
}

#[test]
fn zip_script() {
    let scene = Scene::with_tasks(Mode::Local, true);
    scene.ann.aitask(&["archive", "1"]).ok();
    sweep_once(&scene, &["compat", "aitask_zip_old.sh"]);
}
