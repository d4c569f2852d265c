//! Jobs of CI: the action and the recipes of `scripts/action` do in a job's clone what they say.

mod runner;

use crate::support::{Repo, World, can_run, program};
use crate::verbs::init::on_data_branch;
use runner::{Job, read, yaml};
use serde_json::{Value, json};
use std::path::Path;

/// The folder of the program, before the usual ones.
fn with_program(world: &World) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_git-aitask")).parent().unwrap().display();
    format!("{}:{program}:{}", world.root().join("programs").display(), std::env::var("PATH").unwrap())
}

/// A job in a clone as it gets one: one commit of one branch, and no branch checked out.
fn job(ann: &Repo, name: &str, branch: &str, values: &[(&str, &str)]) -> Job {
    let world = ann.world();
    let url = format!("file://{}", world.origin().display());
    world.git(&["clone", "-q", "--depth", "1", "--single-branch", "--branch", branch, &url, name]);
    let folder = world.root().join(name);
    ann.at(&folder).git(&["checkout", "-q", "--detach"]);
    Job::new(ann, &folder, with_program(world), values)
}

/// The job of the recipe that is the workflow of this name.
fn recipe(workflow: &str, job: &str) -> Value {
    let page = read("scripts/action/README.md");
    let (_, text) = page.split_once(&format!("```yaml\n# .github/workflows/{workflow}.yml\n")).unwrap();
    yaml(text.split_once("\n```").unwrap().0)["jobs"][job].clone()
}

#[test]
fn the_gate_passes_well_formed_task_files_and_names_the_line_of_others() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.task("One", &[]);
    ann.git(&["pull", "-q"]);
    let gate = recipe("tasks", "check");
    let mut good = job(&ann, "good", "main", &[]);
    assert!(good.run(&gate), "{:?}", good.said);
    ann.git(&["switch", "-qc", "topic"]);
    ann.write("aitasks/t1_one.md", "---\nstatus: Ready\npriority: urgent\n---\n");
    ann.commit("a warning");
    ann.git(&["push", "-q", "origin", "topic"]);
    let mut bad = job(&ann, "bad", "topic", &[]);
    assert!(!bad.run(&gate), "{:?}", bad.said);
    let said = &bad.said("Check the task files").unwrap().stdout;
    assert!(said.contains("::warning file=aitasks/t1_one.md,line=3::"), "{said}");
    let summary = std::fs::read_to_string(bad.summary()).unwrap();
    assert!(summary.starts_with("### git aitask check: 0 errors, 1 warning in 1 active task\n"), "{summary}");
}

#[test]
fn the_gate_for_tasks_on_a_branch_of_their_own_finds_what_no_pull_request_shows() {
    let world = World::new();
    let ann = on_data_branch(&world, "ann");
    ann.task("One", &[]);
    let gate = recipe("task-data", "check");
    let mut good = job(&ann, "good", "main", &[]);
    assert!(good.run(&gate), "{:?}", good.said);
    ann.at(".aitask-data").write("aitasks/t1_one.md", "---\nstatus: Bogus\n---\n");
    ann.aitask(&["sync"]).ok();
    let mut bad = job(&ann, "bad", "main", &[]);
    assert!(!bad.run(&gate), "{:?}", bad.said);
    let said = &bad.said("Check the task files").unwrap().stdout;
    assert!(said.contains("aitasks/t1_one.md:2: the status \"Bogus\" is not known"), "{said}");
}

#[test]
fn the_action_installs_from_an_archive_whose_checksum_is_right_else_from_its_sources() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    let folder = world.root().join("git-aitask-1.2.3-linux");
    let said = "#!/bin/sh\necho git-aitask of the archive\n";
    world.script(&folder.join("git-aitask"), said);
    let archive = world.root().join("it's an archive.tar.gz").display().to_string();
    ann.run("tar", &["-czf", &archive, "-C", world.root().to_str().unwrap(), "git-aitask-1.2.3-linux"]).ok();
    let sum = ann.run("sha256sum", &["--", &archive]).ok().stdout.trim_start_matches('\\')[..64].to_owned();
    let elsewhere = std::env::var("PATH").unwrap();
    let installed = ann.top().with_extension("temp").join("git-aitask");
    for (name, archive, sum, is_good) in [
        ("by path", archive.clone(), sum.as_str(), true),
        ("by address", format!("file://{}", archive.replace(' ', "%20")), &sum, true),
        ("changed", archive.clone(), &"0".repeat(64), false),
    ] {
        let mut job = Job::new(&ann, ann.top(), elsewhere.clone(), &[]);
        let inputs = json!({"archive": archive, "sha256": sum, "check": "false"});
        std::fs::remove_dir_all(&installed).ok();
        assert_eq!(job.action(&inputs, &[]), is_good, "{name}: {:?}", job.said);
        let run = job.said("Find or install git-aitask").unwrap();
        assert_eq!(run.stdout.contains("git-aitask of the archive"), is_good, "{run}");
    }
    // cargo is asked to build the project that the action is a part of
    let cargo = "#!/bin/sh\nwhile [ \"$1\" != --path ]; do shift; done\ntest -f \"$2/Cargo.toml\" || exit 9\n\
        printf '#!/bin/sh\\necho git-aitask of cargo\\n' >\"$4/bin/git-aitask\"; chmod 755 \"$4/bin/git-aitask\"\n";
    world.script(&world.root().join("cargo/cargo"), cargo);
    let path = format!("{}:{elsewhere}", world.root().join("cargo").display());
    std::fs::remove_dir_all(&installed).ok();
    let mut job = Job::new(&ann, ann.top(), path, &[]);
    assert!(job.action(&json!({"check": "false"}), &[]), "{:?}", job.said);
    assert_eq!(job.said[0].1.stdout, "git-aitask of cargo\n");
}

#[test]
fn the_job_of_gitlab_installs_and_checks() {
    let world = World::new();
    let ann = on_data_branch(&world, "ann");
    ann.task("One", &[]);
    let of_gitlab = yaml(&read("scripts/action/gitlab.yml"))["git-aitask-check"].clone();
    let lines = ["before_script", "script"].map(|key| of_gitlab[key].as_array().unwrap().clone()).concat();
    let script = lines.iter().map(|line| line.as_str().unwrap()).collect::<Vec<_>>().join("\n");
    let clone = ann.at(job(&ann, "ci", "main", &[]).folder);
    let folder = world.root().join("git-aitask-1.2.3-linux");
    world.script(
        &folder.join("git-aitask"),
        &format!("#!/bin/sh\nexec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_git-aitask")),
    );
    let archive = world.root().join("archive.tar.gz").display().to_string();
    clone.run("tar", &["-czf", &archive, "-C", world.root().to_str().unwrap(), "git-aitask-1.2.3-linux"]).ok();
    let sum = clone.run("sha256sum", &[&archive]).ok().stdout[..64].to_owned();
    let clone = clone.env("AITASK_ARCHIVE", format!("file://{archive}"));
    for shell in ["bash", "sh"] {
        let run = clone.env("AITASK_SHA256", &sum).run(shell, &["-e", "-c", &script]).ok();
        assert_eq!(run.stdout, "0 errors, 0 warnings in 1 active task\n");
        assert_ne!(clone.env("AITASK_SHA256", "0".repeat(64)).run(shell, &["-e", "-c", &script]).code, 0);
    }
}

/// The nightly agent with this program as the agent, and what its expressions mean.
fn night(ann: &Repo, name: &str, agent: &str) -> Job {
    let world = ann.world();
    world.script(&world.root().join("programs/claude"), agent);
    world.script(
        &world.root().join("programs/gh"),
        "#!/bin/sh\n[ \"$GH_TOKEN $1 $2\" = 'secret pr create' ] && echo https://github.com/ann/project/pull/7\n",
    );
    let job = job(ann, name, "main", &[("github.token", "secret")]);
    let (clone, url) = (ann.at(&job.folder), "https://github.com/ann/project");
    clone.git(&["config", &format!("url.{}.insteadOf", world.origin().display()), url]);
    clone.git(&["remote", "set-url", "origin", url]);
    job
}

#[test]
fn the_nightly_agent_takes_the_next_task_and_opens_a_pull_request_which_ends_it_once_it_is_merged() {
    if can_run("the nightly agent", program("jq")).is_none() {
        return;
    }
    let world = World::new();
    let ann = on_data_branch(&world, "ann");
    let (work, end) = (recipe("nightly", "work"), recipe("landed", "end"));
    let mut empty = night(&ann, "empty", "#!/bin/sh\nexit 9\n");
    assert!(empty.run(&work) && empty.said.last().unwrap().1.stdout == "no task is ready\n", "{:?}", empty.said);
    ann.task("Add login", &[]);
    ann.task("Add logout", &[]);

    let mut first = night(&ann, "first", "#!/bin/sh\ncat >login.txt\n");
    assert!(first.run(&work), "{:?}", first.said);
    assert!(first.said("Give the task back").is_none());
    assert_eq!(world.locks(), ["t1_lock.yaml"]);
    assert!(world.remote_file("aitask/t1_add_login", "login.txt").unwrap().contains("Add login"));
    let opened = "gh opened the pull request https://github.com/ann/project/pull/7";
    assert!(std::fs::read_to_string(first.summary()).unwrap().contains(opened), "{:?}", first.said);

    // an agent that fails leaves its commits, and the task to others
    let mut second = night(&ann, "second", "#!/bin/sh\necho half >logout.txt\nexit 7\n");
    assert!(!second.run(&work), "{:?}", second.said);
    assert!(second.said("Open a pull request").is_none() && second.said("Give the task back").is_some());
    assert_eq!(world.locks(), ["t1_lock.yaml"], "{:?}", second.said);
    assert_eq!(world.remote_file("aitask/t2_add_logout", "logout.txt").unwrap(), "half\n");

    // the branch goes on from an older commit than the one that this clone has
    ann.write("meanwhile.txt", "more\n");
    ann.commit("meanwhile");
    ann.git(&["push", "-q"]);
    let mut third = night(&ann, "third", "#!/bin/sh\necho whole >>logout.txt\n");
    assert!(third.run(&work), "{:?}", third.said);
    assert_eq!(world.remote_file("aitask/t2_add_logout", "logout.txt").unwrap(), "half\nwhole\n");

    // where no program can open the request, the job is red, and the task is given back with its commits
    ann.task("Add help", &[]);
    let mut fourth = night(&ann, "fourth", "#!/bin/sh\necho help >help.txt\n");
    ann.at(&fourth.folder).git(&["remote", "set-url", "origin", &world.origin().display().to_string()]);
    assert!(!fourth.run(&work), "{:?}", fourth.said);
    assert!(fourth.said("Give the task back").is_some(), "{:?}", fourth.said);
    assert_eq!(world.locks(), ["t1_lock.yaml", "t2_lock.yaml"]);
    assert_eq!(world.remote_file("aitask/t3_add_help", "help.txt").as_deref(), Some("help\n"));
    let told = std::fs::read_to_string(fourth.summary()).unwrap();
    assert!(told.contains("was pushed, but no pull request was opened"), "{told}");

    // one that a person holds, whoever has opened its pull request
    ann.task("Add profile", &[]);
    ann.aitask(&["pick", "4"]).ok();
    ann.at("aiwork/t4_add_profile").write("profile.txt", "x\n");
    ann.at("aiwork/t4_add_profile").commit("profile");
    ann.aitask(&["finish", "4", "--no-push"]).ok();

    ann.git(&["fetch", "-q"]);
    ann.git(&["merge", "-q", "--squash", "origin/aitask/t1_add_login"]);
    ann.git(&["commit", "-qm", "Add login (#1)"]);
    ann.git(&["push", "-q"]);
    for (n, branch, merged) in [
        ("4", "aitask/t1_add_login", "true"),
        ("5", "aitask/t2_add_logout", "false"),
        ("6", "aitask/t4_add_profile", "false"),
    ] {
        let head = world.remote_branch(branch).unwrap();
        let values = [
            ("github.head_ref", branch),
            ("github.event.pull_request.head.sha", &head),
            ("github.event.pull_request.merged", merged),
            ("github.event.pull_request.user.login", "github-actions[bot]"),
        ];
        let mut job = job(&ann, &format!("run-{n}"), "main", &values);
        assert!(job.run(&end), "{:?}", job.said);
        let left = "t4_add_profile is held by ann@example.com and not by nightly@example.com, so it is left as it is\n";
        assert_eq!(job.said.last().unwrap().1.stdout.contains(left), n == "6", "{:?}", job.said);
    }
    assert_eq!(world.locks(), ["t4_lock.yaml"]);
    assert_eq!(world.remote_branch("aitask/t1_add_login"), None);
    let status = |id| ann.aitask(&["show", id, "--json"]).ok().json()["task"]["status"].clone();
    ann.aitask(&["sync"]).ok();
    assert_eq!((status("1"), status("2")), ("Done".into(), "Postponed".into()));
    ann.git(&["fetch", "-q", "--prune"]);
    ann.aitask(&["doctor"]).ok();
}

#[test]
fn a_job_whose_clone_has_one_commit_and_no_configuration_merges_its_work() {
    let world = World::new();
    let ann = on_data_branch(&world, "ann");
    ann.write("more.txt", "more\n");
    ann.commit("more");
    ann.git(&["push", "-q"]);
    let clone = job(&ann, "ci", "main", &[]).folder;
    let script = "git aitask new 'From CI' -q && git aitask pick --next -q && cd aiwork/* && echo work >work.txt && \
        git add . && GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x@example.com git commit -qm work && git aitask finish";
    let nobody = ["-u", "HOME", "-u", "XDG_CONFIG_HOME", "bash", "-e", "-c", script];
    let summary = world.root().join("summary.md");
    let bot = ann.at(clone).env("PATH", with_program(&world)).env("GITHUB_STEP_SUMMARY", summary.display());
    let bot = bot.env("GIT_COMMITTER_NAME", "bot").env("GIT_COMMITTER_EMAIL", "bot@example.com");
    bot.run("env", &nobody).ok();
    assert_eq!(world.remote_file("main", "work.txt").as_deref(), Some("work\n"));
    assert_eq!(world.locks(), Vec::<String>::new());
    let who = world.git(&["--git-dir=origin.git", "log", "-1", "--format=%an <%ae> %cn <%ce>", "main"]);
    assert_eq!(who, "bot <bot@example.com> bot <bot@example.com>\n");
    let text = std::fs::read_to_string(&summary).unwrap();
    assert!(text.starts_with("### git aitask finish\n\n    1  From CI  (finished)\n    "), "{text}");
    // a branch that was cut before the commit of the clone needs the history, and that is said
    ann.task("Two", &[]);
    ann.aitask(&["pick", "2", "-q"]).ok();
    let worktree = ann.at("aiwork/t2_two");
    worktree.write("two.txt", "two\n");
    worktree.commit("two");
    ann.aitask(&["finish", "2", "--no-push"]).ok();
    ann.git(&["pull", "-q"]);
    ann.write("even more.txt", "more\n");
    ann.commit("even more");
    ann.git(&["push", "-q"]);
    let late = ann.at(job(&ann, "late", "main", &[]).folder);
    let picked = late.aitask(&["pick", "2", "--steal", "--json"]).ok().json();
    assert!(picked["worktree"]["ahead"].is_null() && picked["task"]["worktree"]["ahead"].is_null(), "{picked:#}");
    assert!(picked["worktree"]["published"]["commits"].is_null(), "{picked:#}");
    let refused = late.aitask(&["finish", "2", "--json"]).fails(128);
    assert_eq!(refused.hints(), ["git fetch --unshallow"]);
    late.git(&["fetch", "-q", "--unshallow"]);
    late.aitask(&["finish", "2"]).ok();
    assert_eq!(world.remote_file("main", "two.txt").as_deref(), Some("two\n"));
    // a finish that is refused says so in the summary, too
    bot.run("env", &["-u", "HOME", env!("CARGO_BIN_EXE_git-aitask"), "finish", "7"]).fails(1);
    let text = std::fs::read_to_string(&summary).unwrap();
    assert!(text.contains("\n### git aitask finish\n\n    error: there is no task t7"), "{text}");
}
