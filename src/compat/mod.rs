//! The scripts' face: `git aitask compat SCRIPT` and the shims stand in for the original scripts, one file a script.
//! It promises their arguments, result lines, streams and exit codes, since agents, skills and CI jobs read them.
//! What only the scripts do lives here: the modules below know nothing of it, and no other module calls this one.
//! Only `lib.rs` may call it. Inside, `locks`, `tasks`, `listing`, `archive`, `sync` and `worktrees` hold the scripts;
//! the files beside them are what several scripts share.

mod ait;
mod archive;
pub(crate) mod console;
pub(crate) mod exec;
pub(crate) mod folders;
pub(crate) mod invocation;
pub(crate) mod listing;
pub(crate) mod locks;
pub(crate) mod numbers;
mod options;
mod other_project;
pub(crate) mod projects;
mod record;
pub(crate) mod scripts;
mod sync;
pub(crate) mod tasks;
pub(crate) mod worktrees;

pub(crate) use crate::compat::scripts::{SCRIPTS, files};
use crate::project::leftovers::is_exploring;
use crate::settings::Environment;
use archive::{archive_task, zip_old};
use console::{Console, plain};
use invocation::Invocation;
use listing::{changelog, find_files, ls, query_files, stats};
use locks::{claim_id, lock, lock_diag, pick_own};
use std::path::Path;
use sync::{desync_state, drift_check, git, init_data, merge, setup, sync_data, web_merge};
use tasks::{board_column, create, find_by_file, labels, update};
use worktrees::{plan_externalize, task_worktree};

/// Whether a call changes code or takes a task. These calls are refused inside an explore worktree, which is read-only.
fn is_work(script: &str, args: &[String]) -> bool {
    let first = args.first().map_or("", String::as_str);
    match script {
        "aitask_lock.sh" => !["--check", "check", "--list", "list", "--help", "-h"].contains(&first),
        "aitask_task_worktree.sh" => first != "resolve",
        "ait" => first == "git" && !git::reads_only(args.get(1..).unwrap_or_default()),
        "aitask_claim_id.sh" => !["--peek", "peek", "--help", "-h"].contains(&first),
        "aitask_zip_old.sh"
        | "aitask_pick_own.sh"
        | "aitask_own.sh"
        | "aitask_sync.sh"
        | "aitask_archive.sh"
        | "aitask_init_data.sh"
        | "aitask_setup.sh" => true,
        _ => false,
    }
}

/// The scripts that find the project's root themselves, or need none: `run` leaves the directory as the caller has it.
const ANYWHERE: [&str; 4] = ["ait", "aitask_setup.sh", "aitask_merge.py", "aitask_task_worktree.sh"];

/// Runs a script that was called by its own name, as a program on the PATH. `ait` refuses to run outside of a project.
pub(crate) fn run_by_name(script: &str, args: &[String], environment: &Environment, dir: &Path) -> u8 {
    let (environment, from) = (environment.clone(), dir.to_owned());
    let invocation = Invocation { environment, dir: from.clone(), from, console: Console, notice: plain, debug: false };
    let refused = if script == "ait" { ait::refuse_outside(&invocation, args) } else { None };
    refused.unwrap_or_else(|| run(script, args, &invocation.environment, dir))
}

/// Runs a script by its name; gives its exit code.
pub(crate) fn run(script: &str, args: &[String], environment: &Environment, dir: &Path) -> u8 {
    let (environment, from) = (environment.clone(), dir.to_owned());
    let mut invocation =
        Invocation { environment, dir: from.clone(), from, console: Console, notice: plain, debug: false };
    if !ANYWHERE.contains(&script) {
        invocation.dir = invocation.home().unwrap_or(invocation.dir);
    }
    let args = invocation.take_leading_debug(args);
    if is_work(script, args) && is_exploring(&invocation.environment, dir) {
        invocation.console.error(&format!("{script}: an explore worktree is read-only; run this in another worktree"));
        return 1;
    }
    let code = match script {
        "aitask_lock.sh" => lock::run(&invocation, args),
        "aitask_lock_diag.sh" => lock_diag::run(&invocation),
        "aitask_claim_id.sh" => claim_id::run(&invocation, args),
        "aitask_pick_own.sh" => pick_own::run(&invocation, args),
        "aitask_own.sh" => pick_own::run_older(&invocation, args),
        "aitask_create.sh" => create::run(&invocation, args),
        "aitask_update.sh" => update::run(&invocation, args),
        "aitask_labels.sh" => labels::run(&invocation, args),
        "aitask_find_by_file.sh" => find_by_file::run(&invocation, args),
        "aitask_board_column.sh" => board_column::run(&invocation, args),
        "aitask_archive.sh" => archive_task::run(&invocation, args, claim_id::claim),
        "aitask_zip_old.sh" => zip_old::run(&invocation, args),
        "aitask_find_files.sh" => find_files::run(&invocation, args),
        "aitask_stats.sh" => stats::run(&invocation, args),
        "aitask_changelog.sh" => changelog::run(&invocation, args),
        "aitask_ls.sh" => ls::run(&invocation, args),
        "aitask_query_files.sh" => query_files::run(&invocation, args),
        "ait" => ait::run(&invocation, args),
        "aitask_init_data.sh" => init_data::run(&invocation, args),
        "aitask_task_worktree.sh" => task_worktree::run(&invocation, args),
        "aitask_remote_drift_check.sh" => drift_check::run(&invocation, args),
        "aitask_web_merge.sh" => web_merge::run(&invocation, args),
        "aitask_plan_externalize.sh" => plan_externalize::run(&invocation, args),
        "desync_state.py" => desync_state::run(&invocation, args),
        "aitask_merge.py" => merge::run(&invocation, args),
        "aitask_setup.sh" => setup::run(&invocation, args),
        "aitask_sync.sh" => sync_data::run(&invocation, args),
        _ => {
            invocation
                .console
                .error(&format!("unknown script {script}: this program stands in for {}", SCRIPTS.join(", ")));
            2
        }
    };
    if code == 0 && invocation.console.has_lost_output() { 1 } else { code }
}
