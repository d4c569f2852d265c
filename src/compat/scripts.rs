//! The names of the scripts that this program stands in for.

/// The scripts that this program stands in for; shims and `argv[0]` use these names.
pub(crate) const SCRIPTS: [&str; 25] = [
    "aitask_lock.sh",
    "aitask_lock_diag.sh",
    "aitask_claim_id.sh",
    "aitask_pick_own.sh",
    "aitask_own.sh",
    "aitask_create.sh",
    "aitask_update.sh",
    "aitask_labels.sh",
    "aitask_find_by_file.sh",
    "aitask_board_column.sh",
    "aitask_ls.sh",
    "aitask_query_files.sh",
    "aitask_archive.sh",
    "aitask_zip_old.sh",
    "aitask_find_files.sh",
    "aitask_stats.sh",
    "aitask_changelog.sh",
    "aitask_sync.sh",
    "ait",
    "aitask_setup.sh",
    "aitask_plan_externalize.sh",
    "aitask_remote_drift_check.sh",
    "aitask_web_merge.sh",
    "aitask_init_data.sh",
    "aitask_task_worktree.sh",
];

/// The scripts that are files in the folder `.aitask-scripts`: all but the dispatcher `ait`, which lies in the root.
pub(crate) fn files() -> Vec<&'static str> {
    SCRIPTS.into_iter().filter(|script| *script != "ait").collect()
}
