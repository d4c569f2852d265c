//! Links that somebody committed lead nowhere: not for writing, not for reading.

use crate::support::{Repo, Run, World, share};
use std::path::PathBuf;

/// A project with two tasks and a folder beside it, into which nothing may be written and from which nothing may be read.
struct Scene {
    world: World,
    ann: Repo,
    outside: PathBuf,
}

const SECRET: &str = "---\nstatus: Ready\nlabels: [secret]\n---\nSECRET\n";

impl Scene {
    /// What `setup`, a script, does to the checkout is committed, as another clone would bring it.
    fn new(setup: &str) -> Self {
        let world = World::new();
        let ann = world.initialised_on_main("ann");
        ann.task("First", &[]);
        ann.task("Second", &[]);
        ann.git(&["pull", "-q"]);
        let outside = world.root().join("outside");
        std::fs::create_dir_all(outside.join("metadata")).unwrap();
        for file in ["private.md", "t9_private.md", "metadata/labels.txt", "metadata/userconfig.yaml"] {
            std::fs::write(outside.join(file), SECRET).unwrap();
        }
        ann.run("sh", &["-ec", setup]).ok();
        ann.git(&["add", "-f", "-A"]);
        ann.git(&["commit", "-q", "-m", "links"]);
        ann.git(&["push", "-q"]);
        Self { world, ann, outside }
    }

    /// Everything outside.
    fn beside(&self) -> String {
        self.ann
            .run(
                "sh",
                &[
                    "-c",
                    "cd \"$1\" && find . | sort && cat private.md t9_private.md */*",
                    "sh",
                    self.outside.to_str().unwrap(),
                ],
            )
            .stdout
    }

    /// Runs it; whatever comes of it, nothing was written outside, and nothing was read there.
    #[track_caller]
    fn leads_nowhere(&self, run: impl FnOnce(&Repo) -> Run) -> Run {
        let before = self.beside();
        let run = run(&self.ann);
        assert_eq!(self.beside(), before, "written outside\n{run}");
        assert!(!run.stdout.contains("SECRET") && !run.stderr.contains("SECRET"), "read outside\n{run}");
        let log = self.ann.git(&["log", "--all", "-p", "--format=%s"]);
        assert!(!log.contains("SECRET"), "published\n{run}");
        run
    }
}

/// Fails with the name of what is in the way.
#[track_caller]
fn names(run: &Run, what: &str) {
    assert!(run.code != 0 && run.stderr.contains(what) && run.stderr.contains("symbolic link"), "{run}");
}

#[test]
fn a_link_in_the_place_of_the_labels_is_not_written_through() {
    let scene = Scene::new("ln -sfn ../../../outside/private.md aitasks/metadata/labels.txt");
    let update = |ann: &Repo| ann.script("aitask_update.sh", &["--batch", "1", "--labels", "foo"]);
    names(&scene.leads_nowhere(update), "labels.txt");
    scene.leads_nowhere(|ann| ann.script("aitask_labels.sh", &["list"]));
    scene.leads_nowhere(|ann| {
        ann.script("aitask_create.sh", &["--batch", "--name", "x", "--desc", "d", "--labels", "foo", "--commit"])
    });
}

#[test]
fn a_link_in_the_place_of_the_addresses_is_not_written_through() {
    let scene = Scene::new("ln -sfn ../../../outside/private.md aitasks/metadata/emails.txt");
    let claim = |ann: &Repo| ann.script("aitask_pick_own.sh", &["1", "--email", "new@example.com"]);
    scene.leads_nowhere(claim);
}

#[test]
fn a_link_in_the_place_of_a_task_is_named_and_not_followed() {
    let scene = Scene::new("ln -s ../../outside/t9_private.md aitasks/t9_private.md");
    let script =
        |name: &'static str, args: &'static [&'static str]| scene.leads_nowhere(move |ann| ann.script(name, args));
    names(&script("aitask_update.sh", &["--batch", "9", "--priority", "high"]), "t9_private.md");
    names(&script("aitask_update.sh", &["--batch", "9", "--name", "other"]), "t9_private.md");
    names(&script("aitask_archive.sh", &["9"]), "t9_private.md");
    script("aitask_board_column.sh", &["move", "--task", "9", "--column", "now"]);
    script("aitask_board_column.sh", &["current-column", "--task", "9"]);
    script("aitask_query_files.sh", &["task-file", "9"]);
    script("aitask_query_files.sh", &["resolve", "9"]);
    script("aitask_find_by_file.sh", &["README.md"]);
    script("aitask_pick_own.sh", &["9", "--email", "new@example.com"]);
    // the others are listed
    let listed = script("aitask_ls.sh", &["--all-levels", "10"]).ok();
    assert!(listed.stdout.contains("t1_first.md") && !listed.stdout.contains("secret"), "{listed}");
    for args in
        share([&["list"][..], &["show", "9"], &["status"], &["pick", "9"], &["edit", "9", "--status", "Editing"]])
    {
        scene.leads_nowhere(|ann| ann.aitask(args));
    }
}

#[test]
fn a_link_in_the_place_of_the_folder_of_children_is_not_followed() {
    let scene = Scene::new("ln -s ../../outside aitasks/t2");
    let child = |ann: &Repo| {
        ann.script("aitask_create.sh", &["--batch", "--name", "kid", "--desc", "d", "--parent", "2", "--commit"])
    };
    names(&scene.leads_nowhere(child), "aitasks/t2");
    scene.leads_nowhere(|ann| ann.script("aitask_ls.sh", &["--tree", "10"])).ok();
    scene.leads_nowhere(|ann| ann.script("aitask_query_files.sh", &["children", "2"]));
    scene.leads_nowhere(|ann| ann.aitask(&["new", "Kid", "--parent", "2"]));
    scene.leads_nowhere(|ann| ann.script("aitask_archive.sh", &["2"]));
}

#[test]
fn a_link_in_the_place_of_all_tasks_is_not_followed() {
    let scene = Scene::new("rm -rf aitasks; ln -s ../outside aitasks");
    names(&scene.leads_nowhere(|ann| ann.aitask(&["new", "--draft", "A draft"])), "aitasks");
    let draft = |ann: &Repo| ann.script("aitask_create.sh", &["--batch", "--name", "x", "--desc", "d"]);
    names(&scene.leads_nowhere(draft), "aitasks");
    for (script, args) in share([
        ("aitask_ls.sh", &["10"][..]),
        ("aitask_stats.sh", &[]),
        ("aitask_labels.sh", &["list"]),
        ("aitask_zip_old.sh", &[]),
        ("aitask_update.sh", &["--batch", "9", "--priority", "high"]),
        ("aitask_archive.sh", &["9"]),
        ("aitask_board_column.sh", &["list-columns"]),
        ("aitask_board_column.sh", &["create-column", "--title", "X"]),
        ("aitask_query_files.sh", &["task-file", "9"]),
        ("aitask_sync.sh", &["--batch"]),
        ("aitask_setup.sh", &[]),
        ("aitask_init_data.sh", &[]),
    ]) {
        scene.leads_nowhere(|ann| ann.script(script, args));
    }
    for args in share([&["init"][..], &["list"], &["status"], &["whoami"], &["pick", "1"], &["sync"]]) {
        scene.leads_nowhere(|ann| ann.aitask(args));
    }
}

#[test]
fn a_link_in_the_place_of_the_plans_is_not_followed() {
    let scene = Scene::new("mkdir -p aiplans; rm -rf aiplans; ln -s ../outside aiplans; echo plan >plan.md");
    let externalize =
        |ann: &Repo| ann.script("aitask_plan_externalize.sh", &["1", "--internal", "plan.md", "--no-worktree"]);
    names(&scene.leads_nowhere(externalize), "aiplans");
    scene.leads_nowhere(|ann| ann.aitask(&["pick", "1"]));
    scene.leads_nowhere(|ann| ann.script("aitask_archive.sh", &["1"]));
}

#[test]
fn a_link_in_the_place_of_the_archive_is_not_followed() {
    let scene = Scene::new("rm -rf aitasks/archived; ln -s ../../outside aitasks/archived");
    scene.leads_nowhere(|ann| ann.script("aitask_archive.sh", &["1"]));
    scene.leads_nowhere(|ann| ann.script("aitask_zip_old.sh", &[]));
    scene.leads_nowhere(|ann| ann.script("aitask_zip_old.sh", &["unpack", "9"]));
    scene.leads_nowhere(|ann| ann.script("aitask_stats.sh", &[]));
    scene.leads_nowhere(|ann| ann.script("aitask_changelog.sh", &["--gather"]));
}

#[test]
fn links_to_files_that_are_written_unnamed_are_not_written_through() {
    let scene = Scene::new(
        "ln -s ../outside/private.md aitask_stats.csv; ln -sfn ../outside/private.md .gitignore; mkdir -p aitasks/archived; \
         printf -- '---\\nstatus: Done\\ncompleted_at: 2026-01-01 10:00\\n---\\n' >aitasks/archived/t7_x.md",
    );
    names(&scene.leads_nowhere(|ann| ann.script("aitask_stats.sh", &["--csv"])), "aitask_stats.csv");
    scene.leads_nowhere(|ann| ann.aitask(&["init", "--data-branch"]));
    scene.leads_nowhere(|ann| ann.script("aitask_setup.sh", &[]));
}

#[test]
fn the_checkout_of_the_data_branch_is_a_folder_of_the_project() {
    let scene = Scene::new("git init -q ../outside; ln -s ../outside .aitask-data");
    for args in
        share([&["new", "--draft", "A draft"][..], &["status"], &["list"], &["sync"], &["pick", "1"], &["init"]])
    {
        scene.leads_nowhere(|ann| ann.aitask(args));
    }
    scene.leads_nowhere(|ann| ann.script("ait", &["git", "commit", "--allow-empty", "-m", "x"]));
    scene.leads_nowhere(|ann| ann.script("aitask_create.sh", &["--batch", "--name", "x", "--desc", "d"]));
    assert!(!scene.outside.join(".git/refs/heads/main").exists());
}

#[test]
fn a_link_on_the_data_branch_is_not_followed_either() {
    let (world, ann) = (World::new(), "ann");
    let ann = world.clone(ann);
    ann.aitask(&["init", "--data-branch"]).ok();
    ann.task("First", &[]);
    let outside = world.root().join("outside");
    std::fs::create_dir(&outside).unwrap();
    let data = ann.at(ann.path(".aitask-data"));
    data.git(&["pull", "-q", "origin", "aitask-data"]);
    std::fs::remove_dir_all(ann.path(".aitask-data/aitasks/metadata")).unwrap();
    std::os::unix::fs::symlink(&outside, ann.path(".aitask-data/aitasks/metadata")).unwrap();
    std::os::unix::fs::symlink(&outside, ann.path(".aitask-data/aitasks/new")).unwrap();
    data.git(&["add", "-f", "-A"]);
    data.git(&["commit", "-q", "-m", "links"]);
    let run = ann.script("aitask_update.sh", &["--batch", "1", "--labels", "foo"]);
    names(&run, "aitasks/metadata");
    names(&ann.aitask(&["new", "--draft", "A draft"]), "aitasks/new");
    ann.script("aitask_create.sh", &["--batch", "--name", "x", "--desc", "d", "--labels", "foo"]);
    ann.script("aitask_init_data.sh", &[]);
    ann.aitask(&["init"]);
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
}

#[test]
fn copies_into_a_worktree_go_through_no_link_and_over_nothing() {
    let scene = Scene::new(
        "ln -s ../outside/private.md .env.aitask-part; ln -s ../outside cache; echo .env >.gitignore; echo cache2 >>.gitignore",
    );
    let ann = &scene.ann;
    ann.git(&["config", "aitask.worktreeCopy", ".env cache/**"]);
    ann.write(".env", "KEY\n");
    scene.leads_nowhere(|ann| ann.aitask(&["pick", "1"])).ok();
    assert_eq!(ann.read("aiwork/t1_first/.env"), "KEY\n");
    assert!(scene.world.root().join("outside/private.md").exists());
}
