//! What somebody else may put into a repository: whatever is done in it then, no command of theirs is run, and nothing is
//! written or removed beside the repository. The tests in `security` and `bad_input` have more of what is answered to it.

use super::invocations::files;
use crate::support::{Proof, Repo, Rounds, Sleeper, World, day};

/// What is in the repository, and the script that puts it there: in the clone of somebody who holds the task 1, with the
/// folder of the world in `$1`. A command of the attacker makes the file `hit` in it.
const ATTACKS: [(&str, &str); 14] = [
    (
        "committed configuration, hooks and attributes",
        "mkdir -p .githooks hooks
        printf '[core]\\n\\tfsmonitor = touch %s/hit\\n\\thooksPath = .githooks\\n[alias]\\n\\tstatus = !touch %s/hit\\n' \"$1\" \"$1\" >.gitconfig
        cp .gitconfig config
        printf '* filter=evil diff=evil merge=evil text eol=crlf\\n' >.gitattributes
        for hook in pre-commit post-checkout reference-transaction pre-push; do
            printf '#!/bin/sh\\ntouch %s/hit\\n' \"$1\" >.githooks/$hook; chmod +x .githooks/$hook; cp .githooks/$hook hooks
        done
        git add -A && git commit -qm x && git push -q",
    ),
    (
        "a submodule whose address and update are commands",
        "printf '[submodule \"a\"]\\n\\tpath = a\\n\\turl = ext::sh -c touch%% %s/hit\\n\\tupdate = !touch %s/hit\\n' \"$1\" \"$1\" >.gitmodules
        git add -A && git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),a && git commit -qm x && git push -q",
    ),
    (
        "a submodule whose address is an option",
        "printf '[submodule \"-x\"]\\n\\tpath = -x\\n\\turl = --upload-pack=touch %s/hit\\n' \"$1\" >.gitmodules
        git add -A && git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),-x && git commit -qm x && git push -q",
    ),
    (
        "a worktree whose `.git` leads to another repository",
        "echo \"gitdir: $1/canary/.git\" >aiwork/t1_one/.git",
    ),
    (
        "a worktree whose `.git` leads to a repository with a command in its configuration",
        "git init -q \"$1/evil\" && git -C \"$1/evil\" config core.fsmonitor \"touch $1/hit\"
        echo \"gitdir: $1/evil/.git\" >aiwork/t1_one/.git",
    ),
    (
        "a repository with a command in its configuration, unpacked into a folder that is ignored",
        "echo /vendor >>.git/info/exclude
        git clone -q \"$1/origin.git\" aiwork/t1_one/vendor
        git -C aiwork/t1_one/vendor config core.fsmonitor \"touch $1/hit\"",
    ),
    (
        "the same with a filter",
        "echo /vendor >>.git/info/exclude
        git clone -q \"$1/origin.git\" aiwork/t1_one/vendor && cd aiwork/t1_one/vendor
        git config filter.x.clean \"touch $1/hit; cat\" && echo '* filter=x' >.git/info/attributes
        sleep 0.01; touch README.md",
    ),
    (
        "a default branch that is an option",
        "git -C \"$1/origin.git\" update-ref \"refs/heads/--output=$1/hit\" main
        git -C \"$1/origin.git\" symbolic-ref HEAD \"refs/heads/--output=$1/hit\"
        git fetch -q && git remote set-head origin --auto >/dev/null",
    ),
    (
        "a plan whose branches are options",
        "printf -- '---\\nBase branch: --output=%s/hit\\nOutput branch: --upload-pack=touch %s/hit\\n---\\n' \"$1\" \"$1\" >aiplans/p2_two.md
        cp aiplans/p2_two.md aiplans/p1_one.md
        cd aiplans && git add -A . && git commit -qm x && git push -q",
    ),
    (
        "a lock whose folder and base are elsewhere",
        "git fetch -q && export GIT_INDEX_FILE=\"$1/index\" && git read-tree origin/aitask-locks
        for task in 1 2; do
            blob=$(printf 'task_id: %s\\nlocked_by: eve@example.com\\nlocked_at: 2026-01-02 03:04\\nhostname: h\\nnonce: x\\nfolder: %s/canary\\nbase: --output=%s/hit\\n' $task \"$1\" \"$1\" | git hash-object -w --stdin)
            git update-index --add --cacheinfo 100644,$blob,t${task}_lock.yaml
        done
        commit=$(git commit-tree -p origin/aitask-locks -m x $(git write-tree)) && rm \"$1/index\"
        git push -q origin $commit:refs/heads/aitask-locks",
    ),
    (
        "a remote whose name is an option",
        "git config \"remote.--upload-pack=touch $1/hit.url\" \"$1/origin.git\"
        git config aitask.remote \"--upload-pack=touch $1/hit\"",
    ),
    (
        "a remote whose address is an option",
        "git config remote.origin.url \"--upload-pack=touch $1/hit\"",
    ),
    (
        "a bundle that leads out of its folder",
        "mkdir -p \"$1/tmp/b/t9\" && cd \"$1/tmp/b\" && echo x >t9_nine.md && ln -s \"$1/canary\" t8_eight.md && echo y >t9/t9_1_x.md
        tar -cf \"$1/tmp/b.tar\" -P --transform 's,^t9_,../../../../canary/t9_,' t9_nine.md t8_eight.md t9
        cd \"$OLDPWD/aitasks\" && mkdir -p archived/_b0 && zstd -q \"$1/tmp/b.tar\" -o archived/_b0/old0.tar.zst && rm -r \"$1\"/tmp/b*
        git add -A . && git commit -qm x && git push -q",
    ),
    (
        "links in the place of what is written",
        "for file in AGENTS.md CLAUDE.md .gitignore .worktreeinclude; do rm -f $file; ln -s \"$1/canary/file\" $file; done
        for folder in .claude .codex .agents .aitask-scripts; do ln -s \"$1/canary\" $folder; done
        git add -A && git commit -qm x && git push -q",
    ),
];

/// What is done then, from the top of the clone.
const CALLS: [&str; 34] = [
    "status --fetch",
    "list --all --json",
    "show 1",
    "show 9",
    "log --json",
    "locks",
    "check --fetch",
    "worktree list",
    "pick 2",
    "pick 2 --steal",
    "sync",
    "sync 1",
    "new Another",
    "edit 2 --priority low",
    "reopen 9",
    "reopen 8",
    "compat aitask_zip_old.sh unpack 9",
    "compat aitask_zip_old.sh",
    "compat aitask_query_files.sh archived-task 9",
    "compat aitask_sync.sh --batch",
    "agents install --hooks",
    "shim install .aitask-scripts",
    "init",
    "doctor --fix",
    "explore -- true",
    "drop 1",
    "worktree remove 1",
    "pick 1",
    "finish 2",
    "drop 2 --discard",
    "finish 1",
    "compat aitask_task_worktree.sh remove t1_one --force",
    "worktree remove 1 --discard",
    "worktree prune",
];

fn scene(session: &Sleeper) -> (World, Repo) {
    let world = World::new();
    let ann = world.initialised("ann").env("AIT_AGENT_PID", session.pid()).env("GIT_AITASK_TIMEOUT", "5s");
    for title in ["One", "Two", "Three"] {
        ann.task(title, &[]);
    }
    ann.aitask(&["archive", "3"]).ok();
    ann.aitask(&["pick", "1"]).ok();
    let there = ann.at("aiwork/t1_one");
    there.write("work.txt", "work\n");
    there.commit("work");
    ann.at("..").write("canary/file", "sings\n");
    let canary = ann.at("../canary");
    canary.git(&["init", "-q"]);
    canary.git(&["config", "user.name", "x"]);
    canary.commit("x");
    (world, ann)
}

#[test]
fn attacks_run_nothing_and_reach_nothing_else() {
    let rounds = Rounds { ordinary: 2, short: 5, long: ATTACKS.len() };
    let property = "What others put into a repository runs no command, and reaches nothing beside it";
    let mut proof = Proof::new("12d", property, "calls", rounds);
    let session = Sleeper::new();
    let only = std::env::var("AITASK_SEED").ok().and_then(|seed| seed.parse::<usize>().ok());
    while let Some(n) = proof.next_round() {
        let (name, script) = ATTACKS[only.unwrap_or(n + day() * 5) % ATTACKS.len()];
        let (world, ann) = scene(&session);
        let root = world.root().to_str().unwrap();
        ann.run("sh", &["-ec", script, "sh", root]).ok();
        let _ = std::fs::remove_file(world.root().join("hit"));
        let beside = || files(&world.root().join("canary"));
        let before = beside();
        for line in CALLS {
            let run = ann.aitask(&line.split(' ').collect::<Vec<_>>());
            let is_hit = std::fs::remove_file(world.root().join("hit")).is_ok();
            let is_bug = run.code == 70 || run.signal.is_some();
            let is_reached = beside() != before;
            proof.tried(1);
            proof.check(!is_hit, || format!("{name}: a command of theirs was run\n{run}"));
            proof.check(!is_bug, || format!("{name}: a bug\n{run}"));
            proof.check(!is_reached, || format!("{name}: it reached the repository beside\n{run}"));
            if is_hit || is_bug || is_reached {
                break;
            }
        }
    }
    proof.end();
}
