//! The verbs and scripts that `verbs` leaves out; `scripts/prove` and `cargo test killed -- --ignored` kill them.

use super::{Mode, Scene, sweep};

/// A test for each command: its name, the scene, and the words.
macro_rules! killed {
    ($($name:ident: $scene:expr, $args:expr;)*) => {
        $(
            #[test]
            #[ignore = "a long sweep, of what shares its code with others"]
            fn $name() {
                sweep(&$scene, &$args);
            }
        )*
    };
}

killed! {
    lock: tasks(Mode::Remote), ["lock", "1"];
    unlock: locked(), ["unlock", "1"];
    edit: tasks(Mode::Remote), ["edit", "1", "--priority", "low", "--label", "x"];
    edit_of_a_held_task: picked(Mode::DataBranch), ["edit", "1", "--status", "Postponed"];
    new_with_dependency: tasks(Mode::Remote), ["new", "Third", "--depends", "2"];
    pick_next: tasks(Mode::Remote), ["pick", "--next"];
    pick_of_the_task_of_another: of_another(), ["pick", "1", "--steal"];
    pick_of_work_that_was_handed_over: handed_over(), ["pick", "1"];
    drop_with_commits: Scene::with_work(Mode::Remote, true, true), ["drop", "1"];
    drop_with_uncommitted_work: uncommitted(), ["drop", "1", "--discard"];
    finish_for_a_pull_request: Scene::with_work(Mode::Remote, true, true), ["finish", "1", "--no-push"];
    finish_squashed_on_a_data_branch: Scene::with_work(Mode::DataBranch, true, true), ["finish", "1", "--squash"];
    sync_of_task_data: both_changed(Mode::Remote), ["sync"];
    sync_of_a_data_branch: both_changed(Mode::DataBranch), ["sync"];
    sync_of_a_task: Scene::with_work(Mode::Remote, true, true), ["sync", "1"];
    worktree_add: locked(), ["worktree", "add", "1"];
    worktree_remove: picked(Mode::Remote), ["worktree", "remove", "1"];
    init_that_moves_the_tasks: tasks(Mode::Remote), ["init", "--data-branch"];
    lock_script: tasks(Mode::Remote), ["compat", "aitask_lock.sh", "--lock", "1", "--email", "ann@example.com"];
    unlock_script: locked(), ["compat", "aitask_lock.sh", "--unlock", "1"];
    pick_script: tasks(Mode::DataBranch), ["compat", "aitask_pick_own.sh", "1", "--email", "ann@example.com"];
    pick_script_on_the_code_branch: tasks(Mode::Remote), ["compat", "aitask_pick_own.sh", "1", "--email", "ann@example.com"];
    update_script: tasks(Mode::DataBranch), ["compat", "aitask_update.sh", "--batch", "1", "--commit", "--priority", "low"];
    rename_script: tasks(Mode::DataBranch), ["compat", "aitask_update.sh", "--batch", "1", "--commit", "--name", "other"];
    archive_script_on_the_code_branch: tasks(Mode::Remote), ["compat", "aitask_archive.sh", "1"];
    sync_script: both_changed(Mode::DataBranch), ["compat", "aitask_sync.sh", "--batch"];
    init_data_script: Scene::bare(Mode::DataBranch, false), ["compat", "aitask_init_data.sh"];
    column_script: tasks(Mode::DataBranch), ["compat", "aitask_board_column.sh", "move", "--root", ".", "--task", "1", "--column", "now"];
    unpack_script: bundled(), ["compat", "aitask_zip_old.sh", "unpack", "1"];
}

fn tasks(mode: Mode) -> Scene {
    Scene::with_tasks(mode, true)
}

fn locked() -> Scene {
    let scene = tasks(Mode::Remote);
    scene.ann.aitask(&["lock", "1"]).ok();
    scene
}

fn picked(mode: Mode) -> Scene {
    let scene = tasks(mode);
    scene.ann.aitask(&["pick", "1"]).ok();
    scene
}

fn uncommitted() -> Scene {
    let scene = Scene::with_work(Mode::Remote, true, true);
    scene.ann.at("aiwork/t1_add_login").write("more.txt", "not committed\n");
    scene
}

/// Bob has the task, and has published work.
fn of_another() -> Scene {
    let scene = tasks(Mode::Remote);
    let bob = scene.world.clone("bob");
    bob.aitask(&["pick", "1"]).ok();
    let there = bob.at("aiwork/t1_add_login");
    there.write("login.txt", "name\n");
    there.commit("login");
    bob.aitask(&["sync", "1"]).ok();
    scene
}

fn handed_over() -> Scene {
    let scene = of_another();
    scene.world.clone("zoe").aitask(&["pick", "1", "--steal"]).ok();
    scene.world.clone("yan").aitask(&["pick", "1", "--steal"]).ok();
    let yan = scene.world.clone("yan2");
    yan.aitask(&["unlock", "1", "--force"]).ok();
    yan.aitask(&["edit", "1", "--status", "Ready"]).ok();
    scene
}

/// Both sides have changed task data.
fn both_changed(mode: Mode) -> Scene {
    let scene = tasks(mode);
    let bob = scene.world.clone("bob");
    bob.aitask(&["edit", "1", "--priority", "low"]).ok();
    bob.aitask(&["new", "Theirs"]).ok();
    let data = scene.ann.at(if mode == Mode::DataBranch { ".aitask-data" } else { "." });
    let text = data.read("aitasks/t2_mend_the_report.md").replace("effort: medium", "effort: high");
    data.write("aitasks/t2_mend_the_report.md", &text);
    data.write("aiplans/p2_mend_the_report.md", "Not committed.\n");
    scene
}

fn bundled() -> Scene {
    let scene = tasks(Mode::DataBranch);
    for id in ["1", "2"] {
        scene.ann.aitask(&["archive", id]).ok();
    }
    scene.ann.script("aitask_zip_old.sh", &[]).ok();
    scene
}
