//! The git commands of each verb, word for word: whoever adds one sees it here.

use crate::support::{Repo, World};

/// What every verb begins with: what is configured. Where the repository is is told by its files.
const OPEN: [&str; 1] = [
    r"config -z --get-regexp ^(aitask|remote|branch|url|user|author|committer|extensions)\.|^(core\.(sshcommand|hookspath|bare|worktree|repositoryformatversion)|ssh\.variant|trace2\.perftarget|commit\.gpgsign|color\.ui|init\.defaultbranch|push\.(default|gpgsign))$|^pager\.aitask(\.|$)",
];
/// The commits of a plan are made. git tells meanwhile what is in the places of its files.
const BUILD: [&str; 1] = ["fast-import --quiet --done --date-format=raw"];

/// A merge of two commits where `merge-tree --write-tree` is not known.
const MERGED_IN_A_WORKTREE: [&str; 5] = [
    "worktree add --quiet --detach -- <dir>/tmp/<random>/merge <oid>",
    "merge --no-commit --no-ff --quiet --no-autostash <oid>",
    "diff --name-only --diff-filter=U -z",
    "write-tree",
    "worktree remove --force -- <dir>/tmp/<random>/merge",
];

/// A list of commands, written shorter: `open` and `build` are the ones above; `read` reads objects, and goes on until the
/// verb ends; `push REF...` pushes with leases, `create:REF` one that is new; `forward` follows; `since COMMIT` reads what came
/// after it; `history OPTIONS` the whole history of a branch; `status` is that of a worktree, its submodules included, and
/// `ignored` looks for what git ignores. Refs, the index and where the repository is are told by files.
///
/// A git before 2.36 knows no `-z` for a list of worktrees, one before 2.38 merges in a temporary worktree: with these there is
/// the call that was refused, and then what is done instead.
fn spelled_out(text: &str, git: (u32, u32)) -> Vec<String> {
    let mut commands = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "open" => commands.extend(OPEN.map(Into::into)),
            "build" => commands.extend(BUILD.map(Into::into)),
            "status" => {
                let options = "--porcelain=v2 --branch -z --untracked-files=normal --ignore-submodules=none";
                commands.push(format!("status {options}"));
            }
            "ignored" => commands.push("ls-files -z --others --ignored --exclude-standard --".into()),
            "read" => commands.push("cat-file --batch".into()),
            "forward" => {
                let options = "--ff-only --quiet --no-autostash --no-verify-signatures --no-overwrite-ignore";
                commands.push(format!("merge {options} <oid>"));
            }
            "since" => {
                let options = "--diff-merges=first-parent --raw --no-abbrev --no-renames --ignore-submodules=none";
                let format = "--encoding=UTF-8 --format=%x01%H%x00%P%x00%an <%ae> %at%x00%B";
                commands.push(format!("log -z --first-parent {options} {format} <oid> --not {rest} --"));
            }
            "history" => {
                let options = "--topo-order --raw --no-abbrev --no-renames --ignore-submodules=none --encoding=UTF-8";
                // a pattern of `--grep` ends with a blank
                let rest = if rest.ends_with(':') { format!("{rest} ") } else { rest.to_owned() };
                commands.push(format!("log -z {options} {rest} --format=%x01%H%x00%P%x00%ae %cI%x00%B <oid> --"));
            }
            "push" => commands.push(push(rest)),
            "ask" => {
                let names = rest.split(' ').map(|name| format!(" +refs/heads/{name}:refs/remotes/origin/{name}"));
                let options = "--quiet --prune --no-tags --no-write-fetch-head --no-recurse-submodules";
                let coordination = "+refs/heads/aitask-*:refs/remotes/origin/aitask-*";
                let map = "--refmap=+refs/heads/aitask-*:refs/aitask/known/origin/aitask-*";
                let tasks = "+refs/heads/aitask/*:refs/remotes/origin/aitask/*";
                let names: String = names.collect();
                commands.push(format!("fetch {options} {map} -- origin {coordination} {tasks}{names}"));
            }
            "worktree" if rest == "list --porcelain -z" && git < (2, 36) => {
                commands.extend([line.to_owned(), "worktree list --porcelain".into()]);
            }
            "merge-tree" if git < (2, 38) => {
                commands.push(line.to_owned());
                commands.extend(MERGED_IN_A_WORKTREE.map(Into::into));
            }
            _ => commands.push(line.into()),
        }
    }
    commands
}

fn push(refs: &str) -> String {
    // what a swap only guards runs no hooks
    let hooks = refs.split(' ').any(|name| name == "main" || name.ends_with("aitask-data"));
    let refs: Vec<(&str, &str)> = refs
        .split(' ')
        .map(|name| name.strip_prefix("guard:").unwrap_or(name))
        .map(|name| name.strip_prefix("create:").map_or((name, "<oid>"), |name| (name, "")))
        .collect();
    let options = [(refs.len() > 1, " --atomic"), (!hooks, " --no-verify")];
    let options: String = options.iter().filter(|(on, _)| *on).map(|(_, option)| *option).collect();
    let leases: String =
        refs.iter().flat_map(|(name, old)| [" --force-with-lease=refs/heads/", name, ":", old]).collect();
    let targets: String = refs.iter().flat_map(|(name, _)| [" <oid>:refs/heads/", name]).collect();
    format!("push --porcelain --no-follow-tags --recurse-submodules=no{options}{leases} -- origin{targets}")
}

/// Runs a command line, which must succeed with exactly these commands.
#[track_caller]
fn expect(repo: &Repo, line: &str, expected: &str) {
    let (run, commands) = repo.git_commands(&line.split(' ').collect::<Vec<_>>());
    let run = run.ok();
    for command in &commands {
        assert!(command.starts_with(|c: char| c.is_ascii_lowercase()), "the subcommand is not first: {command}");
    }
    let expected = spelled_out(expected, repo.world().git_version());
    assert_eq!(commands, expected, "{line}\n{commands:#?}\ninstead of\n{expected:#?}\n{run}");
    assert!(!repo.path(".git/FETCH_HEAD").exists(), "{line} wrote FETCH_HEAD");
}

#[test]
fn on_a_remote() {
    let world = World::new();
    let ann = world.clone("ann");
    expect(
        &ann,
        "init --on main",
        "open\n ls-remote --symref -- origin HEAD refs/heads/*
        read\n build\n push create:aitask-locks create:aitask-ids main\n forward",
    );
    let new = "open\n read\n build\n push aitask-ids main\n update-ref --stdin -z\n forward";
    expect(&ann, "new one", new);
    expect(&ann, "new two", new);
    expect(
        &ann,
        "pick 1",
        "open\n read\n worktree list --porcelain -z\n build\n push aitask-locks main\n forward
        worktree add --quiet --no-track -b aitask/t1_one -- <dir>/ann/aiwork/t1_one <oid>",
    );
    expect(&ann, "pick 2 --no-worktree", "open\n read\n build\n push aitask-locks main\n forward");
    expect(
        &ann,
        "drop 2",
        "open\n read\n worktree list --porcelain -z\n build\n push main aitask-locks\n forward
        worktree list --porcelain -z",
    );
    expect(&ann, "lock 2", "open\n read\n build\n push aitask-locks guard:main");
    expect(&ann, "unlock 2", "open\n read\n build\n push aitask-locks");
    let there = ann.at("aiwork/t1_one");
    there.write("work", "done\n");
    there.commit("work");
    expect(
        &ann,
        "finish 1",
        "open\n read\n ask main\n worktree list --porcelain -z\n status\n merge-base <oid> <oid>\n since <oid>
        merge-tree --write-tree -z --name-only --no-messages <oid> <oid>\n build\n push main aitask-locks\n forward
        worktree list --porcelain -z\n status\n ignored\n worktree remove -- <dir>/ann/aiwork/t1_one
        update-ref -m aitask: finished --create-reflog --stdin -z",
    );
    expect(&ann, "archive 2", "open\n read\n build\n push aitask-locks main\n forward");
    expect(
        &ann,
        "reopen 1",
        "open\n ask main\n read\n worktree list --porcelain -z
        log -1 --diff-filter=AR --format=%B <oid> -- aitasks/archived/t1_one.md
        log -z --first-parent --merges --fixed-strings --grep=aitask/t1_one --grep=Aitask-Nonce: <random> \
        --encoding=UTF-8 --format=%P%x1f%B <oid> --
        build\n push aitask-locks create:aitask/t1_one main\n forward",
    );
    ann.task("three", &[]);
    ann.task("four", &[]);
    for line in ["edit 3 --priority high", "edit 3 --append -m more --note why", "edit 3 --depends 4"] {
        expect(&ann, line, "open\n read\n build\n push aitask-locks main\n forward");
    }
}

#[test]
fn of_readers() {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.task("one", &[]);
    ann.task("two", &[]);
    ann.aitask(&["pick", "1"]).ok();
    let state = "status
        rev-list --left-right --count <oid>...<oid> --";
    let worktree = format!("worktree list --porcelain -z\n {state}");
    // The first reads the tasks and the locks.
    expect(&ann, "list", &format!("open\n read\n {worktree}"));
    expect(&ann, "list", &format!("open\n {worktree}"));
    expect(&ann, "show 1", &format!("open\n worktree list --porcelain -z\n read\n {state}"));
    expect(&ann, "status", &format!("open\n {worktree}"));
    expect(&ann, "status --line", "open");
    expect(&ann, "whoami", "open");
    expect(&ann, "check", "open\n read");
    expect(&ann, "doctor", "open\n ask main\n read\n worktree list --porcelain -z");
    expect(&ann, "agents install --dry-run", "open");
    expect(&ann, "brief", &format!("open\n {worktree}"));
    expect(
        &ann,
        "doctor --history",
        "open
        history --first-parent --diff-merges=first-parent
        history --first-parent --diff-merges=first-parent
        history --basic-regexp --grep=^ait:  --grep=^Aitask-Nonce:
        read",
    );
    expect(&ann, "worktree list", &format!("open\n worktree list --porcelain -z\n {state}"));
    expect(&ann, "worktree path 1", "open\n worktree list --porcelain -z");
    ann.aitask(&["pick", "2"]).ok();
    let status = state.lines().next().unwrap();
    let both =
        "for-each-ref --format=%(objectname) %(ahead-behind:<oid>) refs/heads/aitask/t1_one refs/heads/aitask/t2_two";
    // Before git 2.41 each is counted by itself; which status ends first is left open.
    if world.git_version() >= (2, 41) {
        expect(&ann, "worktree list", &format!("open\n worktree list --porcelain -z\n {both}\n {status}\n {status}"));
    }
    expect(
        &ann,
        "locks",
        "open
        fetch --quiet --prune --no-tags --no-write-fetch-head --no-recurse-submodules \
        --refmap=+refs/heads/aitask-*:refs/aitask/known/origin/aitask-* -- origin \
        +refs/heads/aitask-*:refs/remotes/origin/aitask-* +refs/heads/aitask/*:refs/remotes/origin/aitask/*
        read",
    );
}

#[test]
fn with_the_tasks_on_their_own_branch() {
    let world = World::new();
    let ann = world.clone("ann");
    let attach = "worktree list --porcelain -z\n worktree list --porcelain -z
        worktree add --quiet --no-track -b aitask-data -- <dir>/NAME/.aitask-data <oid>
        config branch.aitask-data.remote origin\n config branch.aitask-data.merge refs/heads/aitask-data";
    let init = "open\n ls-remote --symref -- origin HEAD refs/heads/*\n read\n open\n build
        push create:aitask-locks create:aitask-ids create:aitask-data";
    expect(&ann, "init", &format!("{init}\n {}", attach.replace("NAME", "ann")));
    expect(&ann, "new one", "open\n read\n build\n push aitask-ids aitask-data\n update-ref --stdin -z\n forward");
    let bob = world.clone("bob");
    expect(&bob, "list", "open\n read");
    // The list has kept which files there are.
    let edit = "open\n read\n worktree list --porcelain -z\n build\n push aitask-data\n open";
    expect(&bob, "edit 1 --priority high", &format!("{edit}\n {}", attach.replace("NAME", "bob")));
    expect(&bob, "pick 1 --no-worktree", "open\n read\n build\n push aitask-locks aitask-data\n forward");
}

#[test]
fn without_a_remote() {
    let world = World::new();
    let ann = world.clone("ann");
    ann.git(&["remote", "remove", "origin"]);
    ann.aitask(&["init", "--on", "main"]).ok();
    let swap = |subject: &str| {
        format!(
            "build\n read-tree -n -m -u <oid> <oid>
            update-ref -m {subject} --create-reflog --stdin -z\n read-tree -m -u <oid> <oid>"
        )
    };
    let claim = swap("ait: Claim task ID t1, advance counter to 2");
    expect(&ann, "new one", &format!("open\n read\n {claim}"));
    // where something stands in the place of a file that is written, and where a whole tree is taken
    let question = "build\n diff-tree -r -z --name-only --no-renames --diff-filter=A <oid> <oid>\n";
    let looked = |subject: &str| swap(subject).replace("build\n", question);
    let lock = looked("ait: Lock task t1 for ann@example.com");
    expect(
        &ann,
        "pick 1",
        &format!(
            "open\n read\n worktree list --porcelain -z\n {lock}
            worktree add --quiet --no-track -b aitask/t1_one -- <dir>/ann/aiwork/t1_one <oid>"
        ),
    );
    let there = ann.at("aiwork/t1_one");
    there.write("work", "done\n");
    there.commit("work");
    let merge = looked("Merge branch 'aitask/t1_one' into main");
    expect(
        &ann,
        "finish 1",
        &format!(
            "open\n read\n worktree list --porcelain -z\n status
            {merge}\n worktree list --porcelain -z\n status\n ignored
            worktree remove -- <dir>/ann/aiwork/t1_one
            update-ref -m aitask: finished --create-reflog --stdin -z"
        ),
    );
}
