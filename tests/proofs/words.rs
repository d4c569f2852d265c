//! Words for calls by chance: the options that there are, with values that mean harm.

use crate::support::Chance;

/// A verb, then its options; one that ends with `=` has a value. Left out is what is made to run a command or to wait
/// without end.
pub(super) const VERBS: [&str; 40] = [
    "",
    "init --data-branch --on= --dry-run",
    "new -m= -F= --priority= --effort= --type= --label= --depends= --parent= --no-sibling-dep --edit --draft --publish= --dry-run",
    "list --status= --mine --ready --tree --archived --max= --fetch --label= --type= --priority= --effort= --parent= --all",
    "ls -n= --parent=",
    "show --fetch",
    "edit --status= --priority= --effort= --type= --label= --depends= --assign= --title= -m= -F= --append --note= --check= --uncheck= --dry-run",
    "log -n=",
    "pick --next --max= --wait=1s --no-worktree --worktree --base= --email= --steal --ignore-blocked --dry-run --label= --type= --parent=",
    "pick --base= --steal --no-worktree",
    "drop --status= --discard --email= --dry-run",
    "finish --into= --merge --squash --ff -m= --check=true --check=false --no-archive --no-push --pr --override-gates --carry-over --email= --dry-run",
    "finish --into= --no-push",
    "archive --override-gates --carry-over --dry-run",
    "reopen --dry-run",
    "lock --email= --dry-run",
    "unlock --force --email= --dry-run",
    "locks",
    "worktree",
    "worktree add --base= --dry-run",
    "worktree list",
    "worktree remove --discard --dry-run",
    "worktree prune --dry-run",
    "worktree path",
    "sync --dry-run",
    "status --fetch --line --watch",
    "check --fetch --strict",
    "doctor --fix --offline --dry-run",
    "explore --at=",
    "whoami",
    "brief",
    "demo --agents=0 --tasks=0 --clones=x",
    "setup --uninstall --dry-run",
    "agents install --for= --hooks --worktree-hooks --user --dry-run",
    "agents remove --user --dry-run",
    "agents print",
    "hook session-start --from=",
    "hook pre-tool-use --from=",
    "shim install --dry-run",
    "help",
];

/// Options of every verb.
const COMMON: [&str; 12] = [
    "--remote=",
    "--remote=",
    "--timeout=",
    "-C=",
    "--color=",
    "-q",
    "-v",
    "--schema",
    "-h",
    "--help",
    "--json",
    "--version",
];

/// A script, its options and words.
pub(super) const SCRIPTS: [&str; 37] = [
    "compat aitask_lock.sh --lock --unlock --check --list --cleanup --init --email= --help",
    "compat aitask_lock.sh --lock --email=",
    "compat aitask_lock.sh --unlock",
    "compat aitask_lock.sh --check",
    "compat aitask_lock_diag.sh",
    "compat aitask_claim_id.sh --claim --peek --init --resync",
    "compat aitask_pick_own.sh --email= --force --sync",
    "compat aitask_own.sh --email= --force --sync",
    "compat aitask_create.sh --batch --name= --desc= --desc-file= --priority= --effort= --labels= --deps= --type= --status= --parent= --commit --silent --file-ref= --anchor= --gates= --verifies= --issue=",
    "compat aitask_create.sh --batch --commit --name= --desc= --followup-of= --followup-kind= --assigned-to= --xdeps= --xdeprepo= --contributor= --pull-request=",
    "compat aitask_create.sh --batch --finalize= --finalize-all --project= --no-auto-merge",
    "compat aitask_update.sh --batch 1 --status= --priority= --labels= --add-label= --remove-label= --deps= --name= --assigned-to= --commit --silent --desc= --desc-file=",
    "compat aitask_update.sh --batch 1 --active-gates= --add-child= --remove-child= --children= --folded-into= --folded-tasks= --file-ref= --remove-file-ref= --boardcol= --boardidx= --gates=",
    "compat aitask_labels.sh list add remove",
    "compat aitask_find_by_file.sh",
    "compat aitask_board_column.sh list-columns --include-unordered --root= --task-dir=",
    "compat aitask_board_column.sh current-column --task= --root= --task-dir=",
    "compat aitask_board_column.sh move --task= --column= --root= --task-dir=",
    "compat aitask_board_column.sh create --title= --color= --root= --task-dir=",
    "compat aitask_ls.sh -v -s= -l= -c= --type= --followup-kind= --no-followup-kind --all-levels --tree 15",
    "compat aitask_query_files.sh task-file resolve has-children child-file active-children plan-file archived-task task-status",
    "compat aitask_query_files.sh recent-archived inflight all-children sibling-context",
    "compat aitask_archive.sh --dry-run --ignore-gates --no-commit --superseded --with-deferred-carryover",
    "compat aitask_archive.sh 1",
    "compat aitask_zip_old.sh --dry-run --no-commit --verbose",
    "compat aitask_find_files.sh --keywords= --names= --max-results=",
    "compat aitask_stats.sh --days= --week-start= --verbose --csv=",
    "compat aitask_changelog.sh --gather --from-tag= --check-version=",
    "compat aitask_sync.sh --batch",
    "compat ait ls create update sync lock zip-old stats changelog help git-health nothing",
    "compat aitask_setup.sh",
    "compat aitask_plan_externalize.sh --internal= --force --profile= --base-branch= --output-branch= --worktree= --no-worktree --base-branch-file=",
    "compat aitask_remote_drift_check.sh --timeout=1 --unsynced --debug",
    "compat aitask_web_merge.sh --fetch --profile=",
    "compat aitask_init_data.sh",
    "compat aitask_task_worktree.sh resolve remove --force --strict",
    "compat",
];

/// Values that mean harm, among some that mean something; `{root}` is the folder of the world, and NUL stands for bytes
/// that are no UTF-8.
const VALUES: [&str; 67] = [
    "1",
    "2",
    "2_1",
    "3",
    "t1",
    "4",
    "99",
    "1",
    "2",
    "Ready",
    "high",
    "main",
    "ui",
    "bug",
    "t1_one",
    "",
    " ",
    "-",
    "--",
    "-1",
    "0",
    "00000000000000000001",
    "18446744073709551616",
    "-x",
    "--help=x",
    "--upload-pack=touch {root}/hit",
    "--receive-pack=touch {root}/hit",
    "--exec=touch {root}/hit",
    "--output={root}/hit",
    "-c core.fsmonitor=touch {root}/hit",
    "-ocore.pager=touch {root}/hit",
    "ext::sh -c touch% {root}/hit",
    "ext::sh -c touch% {root}/hit% #",
    "file://{root}/origin.git",
    "{root}/origin.git",
    "$(touch {root}/hit)",
    "`touch {root}/hit`",
    "; touch {root}/hit #",
    "| touch {root}/hit",
    "' ; touch {root}/hit ; '",
    "../..",
    "../../..",
    "../../canary/file",
    "{root}/canary/file",
    "{root}/canary",
    "/dev/null",
    "/dev/zero",
    "/",
    "/proc/self/mem",
    "~",
    ".",
    ".git",
    ".git/config",
    "aitasks/t1_one.md",
    "@{-1}",
    "HEAD",
    "HEAD~1",
    "refs/heads/main",
    "refs/heads/x",
    ":/one",
    "main:README.md",
    "*",
    "[a-z]*",
    "two\nlines: x\n---\n",
    "\u{1b}]0;title\u{7}\r\u{202e}abc",
    "a\0b",
    "LONG",
];

fn value(chance: &Chance) -> String {
    match *chance.of(&VALUES) {
        "LONG" => "é".repeat(1 << chance.below(15)),
        value => value.to_owned(),
    }
}

/// A call of one of these, by chance.
pub(super) fn any_call(targets: &[&str], chance: &Chance) -> Vec<String> {
    let listed: Vec<_> = chance.of(targets).split(' ').filter(|word| !word.is_empty()).collect();
    let is_verb = listed.first() != Some(&"compat");
    let is_option = |word: &&&str| word.starts_with('-');
    let (options, mut fixed): (Vec<&str>, Vec<&str>) = listed.iter().partition(is_option);
    if !is_verb && fixed.len() > 2 {
        // the first words that a script knows, of which it gets one
        let first = fixed.split_off(2);
        fixed.extend((chance.below(4) > 0).then(|| *chance.of(&first)));
    }
    let mut words: Vec<String> = Vec::new();
    if is_verb && chance.below(2) == 0 {
        words.push("--json".to_owned());
    }
    words.extend(fixed.into_iter().map(str::to_owned));
    for _ in 0..chance.below(5) {
        let is_common = is_verb && chance.below(6) == 0;
        let known: &[&str] = if is_common { &COMMON } else { &options };
        if known.is_empty() || chance.below(4) == 0 {
            words.push(value(chance));
            continue;
        }
        let option = *chance.of(known);
        let (name, given) = option.split_once('=').map_or((option, None), |(name, given)| (name, Some(given)));
        let given = given.map(|given| if given.is_empty() { value(chance) } else { given.to_owned() });
        match given {
            // a script knows no other form, and `--wait` knows this one alone
            Some(given) if name == "--wait" || (is_verb && name.starts_with("--") && chance.below(2) == 0) => {
                words.push(format!("{name}={given}"));
            }
            given => words.extend(std::iter::once(name.to_owned()).chain(given)),
        }
    }
    words
}
