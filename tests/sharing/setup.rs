//! `aitask_setup.sh` where something is there already, in the way, or refused.

use super::{sync, two};
use crate::support::{Repo, World, share};

const PRIVATE: &str = "aitasks/new/\naitasks/metadata/userconfig.yaml\naitasks/metadata/*.local.json\n\
                       aitasks/metadata/profiles/local/\naitasks/metadata/chatlink_sessions/\n\
                       aitasks/metadata/applink_sessions/\n";

fn setup(repo: &Repo) -> String {
    repo.script("aitask_setup.sh", &[]).ok().stdout
}

#[track_caller]
fn says(said: &str, words: &[&str]) {
    for words in words {
        assert!(said.contains(words), "{words:?} is not said:\n{said}");
    }
}

fn subjects(repo: &Repo, branch: &str) -> String {
    repo.git(&["log", "--format=%s", branch])
}

/// A clone whose data branch somebody made by hand, without a list of what git ignores there.
fn by_hand() -> (World, Repo) {
    let world = World::new();
    let ann = world.clone("ann");
    ann.give_data_a_branch();
    (world, ann)
}

#[test]
fn drafts_on_a_data_branch_that_ignores_nothing_are_not_published() {
    for is_script in share([true, false]) {
        let (world, ann) = by_hand();
        ann.write(".aitask-data/.gitignore", "*.swp\naitasks/new/\n");
        let data = ann.at(".aitask-data");
        data.commit("ait: half a list");
        data.git(&["push", "-q"]);
        if is_script {
            setup(&ann);
        } else {
            ann.aitask(&["init"]).ok();
        }
        let list = world.remote_file("aitask-data", ".gitignore").unwrap();
        assert_eq!(list, format!("*.swp\naitasks/new/\n{}", PRIVATE.replace("aitasks/new/\n", "")));
        assert_eq!(data.git(&["status", "--porcelain", ".gitignore"]), "");
        ann.write("aitasks/new/draft_x.md", "draft\n");
        ann.write("aitasks/metadata/profiles/local/mine.yaml", "name: mine\n");
        ann.write("aitasks/t1_a.md", "a\n");
        assert_eq!(sync(&ann), "PUSHED");
        let files = world.remote_files("aitask-data").join(" ");
        assert!(!files.contains("draft") && !files.contains("mine") && !files.contains("userconfig"), "{files}");
        let before = subjects(&ann, "aitask-data");
        setup(&ann);
        assert_eq!(subjects(&ann, "aitask-data"), before);
    }
}

#[test]
fn settings_of_the_user_that_are_there_already_are_not_committed() {
    let world = World::new();
    let ann = world.clone("ann");
    ann.write("aitasks/metadata/userconfig.yaml", "email: ann@example.com\n");
    setup(&ann);
    assert_eq!(ann.read(".aitask-data/aitasks/metadata/userconfig.yaml"), "email: ann@example.com\n");
    let (world, ann) = by_hand();
    world.protect("aitask-data");
    ann.write("aitasks/metadata/userconfig.yaml", "email: ann@example.com\n");
    setup(&ann);
    let files = ann.git(&["ls-tree", "-r", "--name-only", "aitask-data"]);
    assert!(!files.contains("userconfig"), "{files}");
}

#[test]
fn what_somebody_is_at_work_on_in_the_data_checkout_is_left_alone() {
    let (_world, ann, _bob) = two();
    setup(&ann);
    ann.write("aitasks/metadata/labels.txt", "mine\n");
    ann.write("aitasks/metadata/project_config.yaml", "mine: 1\n");
    let before = subjects(&ann, "aitask-data");
    let said = setup(&ann);
    says(
        &said,
        &["left alone", "aitasks/metadata/labels.txt", "aitasks/metadata/project_config.yaml", "already committed"],
    );
    assert_eq!(subjects(&ann, "aitask-data"), before);
    let status = ann.at(".aitask-data").git(&["status", "--porcelain"]);
    assert_eq!(status, " M aitasks/metadata/labels.txt\n?? aitasks/metadata/project_config.yaml\n");
}

#[test]
fn files_of_the_framework_are_counted_and_committed_once() {
    let world = World::new();
    let ann = world.clone("ann");
    ann.write(".aitask-scripts/VERSION", "1\n");
    ann.write("bitbucket-pipelines.yml", "x\n");
    says(&setup(&ann), &["First-time framework tracking", "READY TO COMMIT 2 FRAMEWORK FILES"]);
    assert_eq!(
        ann.git(&["show", "--format=%s", "--name-only"]),
        "ait: Add aitask framework\n\n.aitask-scripts/VERSION\nbitbucket-pipelines.yml\n"
    );
    for folder in ["aitasks/new", "aitasks/archived", "aiplans/archived"] {
        assert!(ann.path(".aitask-data").join(folder).is_dir(), "{folder}");
    }
    let before = (subjects(&ann, "main"), subjects(&ann, "aitask-data"));
    let said = setup(&ann);
    says(&said, &["already committed"]);
    assert!(!said.contains("First-time") && !said.contains("READY"), "{said}");
    assert_eq!((subjects(&ann, "main"), subjects(&ann, "aitask-data")), before);
}

#[test]
fn folders_that_were_ignored_are_ignored_as_links() {
    let world = World::new();
    let ann = world.clone("ann");
    ann.write(".gitignore", "target/\naitasks/\naiplans/\n/aitasks/x/\n");
    ann.commit("ignored");
    setup(&ann);
    let list = ann.read(".gitignore");
    assert!(list.starts_with("target/\naitasks\naiplans\n/aitasks/x/\n.aitask-data/\n.claude/skills/*-/\n"), "{list}");
    assert_eq!(ann.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_remote_that_came_later_gets_the_data_branch() {
    let world = World::new();
    let ann = world.clone("ann");
    ann.git(&["remote", "remove", "origin"]);
    setup(&ann);
    ann.write("aitasks/t1_a.md", "a\n");
    ann.at(".aitask-data").commit("ait: a task");
    ann.git(&["remote", "add", "origin", world.origin().to_str().unwrap()]);
    says(&setup(&ann), &["already configured", "was published"]);
    assert_eq!(ann.at(".aitask-data").git(&["rev-parse", "--abbrev-ref", "@{u}"]), "origin/aitask-data\n");
    assert!(world.remote_files("aitask-data").contains(&"aitasks/t1_a.md".to_owned()));
    assert!(world.remote_branch("aitask-ids").is_some());
    assert_eq!(sync(&ann), "NOTHING");
    assert!(!setup(&ann).contains("is published"));
}

/// What setup says, where the data branch cannot be set up; the project stays without, and nothing is made in its place.
#[track_caller]
fn goes_on(repo: &Repo, words: &[&str]) -> String {
    let said = setup(repo);
    says(&said, &["[ait] Warning: "]);
    says(&said, words);
    assert!(!repo.path(".aitask-data/.git").exists() && !repo.path("aitasks").exists(), "{said}");
    said
}

#[test]
fn a_data_branch_that_cannot_be_set_up_does_not_end_setup() {
    let world = World::new();
    let ann = world.clone("ann");
    ann.write(".aitask-scripts/VERSION", "1\n");
    ann.commit("the framework");
    ann.git(&["push", "-q"]);
    ann.write(".aitask-data/x", "in the way\n");
    goes_on(&ann, &[".aitask-data exists, so the data branch cannot be checked out there", "try: mv .aitask-data"]);
    assert!(world.remote_branch("aitask-ids").is_some() && world.remote_branch("aitask-locks").is_some());
    assert_eq!(
        ann.git(&["log", "-1", "--format=%s"]),
        "ait: Add .aitask-shadow/ to .gitignore (shadow rejection store)\n"
    );
    std::fs::remove_dir_all(ann.path(".aitask-data")).unwrap();
    let bob = world.clone("bob");
    bob.git(&["switch", "-q", "--detach"]);
    let before = subjects(&bob, "HEAD");
    goes_on(&bob, &["is on no branch", "git switch main", "no branch is checked out"]);
    assert_eq!(subjects(&bob, "HEAD"), before);
    bob.git(&["switch", "-q", "main"]);
    bob.write(".gitignore", "mine\n");
    goes_on(&bob, &[".gitignore has uncommitted changes"]);
    assert_eq!((bob.read(".gitignore").as_str(), subjects(&bob, "HEAD")), ("mine\n", before));
    std::fs::remove_file(bob.path(".gitignore")).unwrap();
    world.protect("aitask-data");
    goes_on(&bob, &["protected"]);
    std::fs::remove_file(world.origin().join("hooks/update")).unwrap();
    says(&setup(&ann), &["branch aitask-data"]);
    assert_eq!(sync(&ann), "NOTHING");
}

#[test]
fn a_remote_that_is_away_does_not_end_setup() {
    let world = World::new();
    let ann = world.clone("ann");
    ann.git(&["remote", "set-url", "origin", "../nowhere.git"]);
    goes_on(&ann, &["ids and locks are not set up"]);
    ann.git(&["remote", "set-url", "origin", world.origin().to_str().unwrap()]);
    setup(&ann);
    assert_eq!(sync(&ann), "NOTHING");
}

#[test]
fn the_counter_does_not_start_before_the_tasks_can_be_counted() {
    let (world, ann) = by_hand();
    ann.write("aitasks/t41_a.md", "a\n");
    ann.at(".aitask-data").commit("ait: a task");
    ann.at(".aitask-data").git(&["push", "-q"]);
    let bob = world.clone("bob");
    bob.git(&["worktree", "add", "-q", "../elsewhere", "aitask-data"]);
    goes_on(&bob, &["Failed to create worktree", "once the data branch is checked out"]);
    assert!(world.remote_branch("aitask-ids").is_none() && world.remote_branch("aitask-locks").is_some());
    bob.git(&["worktree", "remove", "../elsewhere"]);
    setup(&bob);
    assert_eq!(world.remote_file("aitask-ids", "next_id.txt").as_deref().map(str::trim), Some("42"));
}

#[test]
fn a_list_whose_commit_is_refused_is_as_it_was() {
    for before in share([None, Some("target/\n")]) {
        let world = World::new();
        let ann = world.clone("ann");
        if let Some(text) = before {
            ann.write(".gitignore", text);
            ann.git(&["add", ".gitignore"]);
            ann.git(&["commit", "-q", "--no-verify", "-m", "a list"]);
        }
        world.script(&ann.path(".git/hooks/pre-commit"), "#!/bin/sh\necho no commits today >&2\nexit 1\n");
        let (said, read) = (setup(&ann), std::fs::read_to_string(ann.path(".gitignore")).ok());
        says(&said, &["[ait] Warning: ", "no commits today"]);
        assert_eq!(said.matches("no commits today").count(), 1, "{said}");
        let read = read.unwrap_or_default();
        assert!(!read.contains("aitasks/new/") && read.starts_with(before.unwrap_or_default()), "{read}");
        assert_eq!(ann.git(&["status", "--porcelain"]), "");
        assert_eq!(sync(&ann), "NOTHING");
    }
}

#[test]
fn the_original_does_the_rest_after_everything_of_git() {
    let world = World::new();
    let ann = world.clone("ann");
    let original = "#!/bin/sh\ngit log -1 --format=%s\necho \"rest: $*\"\nexit 7\n";
    world.script(&ann.path(".aitask-scripts/aitask_setup.sh.original"), original);
    ann.write(".aitask-scripts/VERSION", "1\n");
    for option in ["-h", "--help"] {
        let run = ann.script("aitask_setup.sh", &["--with-dev", option]).ok();
        assert!(run.stdout.starts_with("Usage: ") && !ann.path(".aitask-data").exists(), "{run}");
    }
    let run = ann.script("aitask_setup.sh", &["--with-pypy", "what else"]).fails(7);
    assert!(run.stdout.ends_with("\nait: Add aitask framework\nrest: --with-pypy what else\n"), "{run}");
    ann.at(ann.path("aiplans")).script("aitask_setup.sh", &[]).fails(1);
}

#[test]
fn each_question_that_nobody_can_answer_says_that_its_default_counts() {
    let world = World::new();
    let ann = world.clone("ann");
    let said = setup(&ann);
    assert_eq!(said.matches("auto-accepting").count(), 2, "{said}");
    says(&said, &["(auto-accepting the default: yes)", "(auto-accepting the default: ann@example.com)"]);
    assert_eq!(
        ann.read("aitasks/metadata/userconfig.yaml").lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>(),
        ["email: ann@example.com", "shortcut_label_case: preserve"]
    );
    assert!(!setup(&ann).contains("auto-accepting"));
}

#[test]
fn a_commit_that_waits_to_be_published_is_told_of_only_where_there_is_one() {
    let waits = "is not published; publish it";
    let world = World::new();
    let ann = world.clone("ann");
    let said = setup(&ann);
    assert!(said.contains(waits) && !said.contains("removes the task data"), "{said}");
    ann.git(&["push", "-q"]);
    let bob = world.clone("bob");
    bob.git(&["pull", "-q"]);
    assert!(!setup(&bob).contains(waits));
    let alone = World::new().clone("eve");
    alone.git(&["remote", "remove", "origin"]);
    assert!(!setup(&alone).contains(waits));
}

#[test]
fn every_file_of_the_framework_is_committed_and_no_other() {
    let world = World::new();
    let ann = world.clone("ann");
    let files = [
        ".agents/skills/x/SKILL.md",
        ".aitask-scripts/VERSION",
        ".aitask-scripts/lib/x.sh",
        ".claude/skills/x/SKILL.md",
        ".codex/config.toml",
        ".github/workflows/x.yml",
        ".gitlab-ci.yml",
        ".opencode/x.json",
        "AGENTS.md",
        "CLAUDE.md",
        "aireviewguides/x.md",
        "ait",
        "bitbucket-pipelines.yml",
        "install.sh",
        "opencode.json",
    ];
    let others = [
        ".aitask-scripts/lib/__pycache__/x.txt",
        ".aitask-scripts/lib/x.pyc",
        ".claude/settings.json",
        ".claude/skills/rendered-/SKILL.md",
        ".github/x.md",
        "README.md",
    ];
    files.iter().chain(&others).for_each(|file| ann.write(file, "x\n"));
    ann.git(&["add", "README.md"]);
    says(&setup(&ann), &[&format!("READY TO COMMIT {} FRAMEWORK FILES", files.len())]);
    let commit = ann.git(&["show", "--format=%s", "--name-only"]);
    assert_eq!(commit, format!("ait: Add aitask framework\n\n{}\n", files.join("\n")));
    let status = ann.git(&["status", "--porcelain"]);
    assert!(status.starts_with("M  README.md\n"), "{status}");
    // and once the data branch is there, what comes to its own folders
    let data = ann.at(".aitask-data");
    data.write("aireviewguides/y.md", "y\n");
    data.write("aitasks/metadata/profiles/fast.yaml", "name: fast\n");
    let said = setup(&ann);
    says(&said, &["left alone", "aireviewguides/y.md"]);
    assert_eq!(subjects(&ann, "aitask-data").lines().count(), 2, "{said}");
}

#[test]
fn what_a_moved_project_lacks_is_committed_on_the_data_branch_and_not_published() {
    let world = World::new();
    let ann = world.clone("ann");
    ann.write("aitasks/t1_a.md", "a\n");
    ann.write("aiplans/p1_a.md", "plan\n");
    ann.commit("a task");
    ann.git(&["push", "-q"]);
    setup(&ann);
    let made = "ait: Add aitask framework data\n\nA\taitasks/metadata/labels.txt\nA\taitasks/metadata/task_types.txt\n";
    assert_eq!(ann.git(&["show", "--format=%s", "--name-status", "aitask-data"]), made);
    let moved = "ait: Migrate task data from main branch\nait: Initialize aitask-data branch\n";
    assert_eq!(subjects(&ann, "origin/aitask-data"), moved);
    let gone = "ait: Migrate task data to aitask-data branch\n\n.gitignore\naiplans/p1_a.md\naitasks/t1_a.md\n";
    assert_eq!(ann.git(&["show", "--format=%s", "--name-only", "main~4"]), gone);
    for (link, target) in [("aitasks", ".aitask-data/aitasks"), ("aiplans", ".aitask-data/aiplans")] {
        assert_eq!(std::fs::read_link(ann.path(link)).unwrap().to_str(), Some(target));
    }
}
