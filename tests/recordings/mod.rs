//! Recorded conversations: each plays again with our scripts, and nothing a caller reads may differ.
//!
//! `fixtures/recordings/NAME.case` holds the steps, `NAME.recorded` what was printed, how it exited and what it left
//! behind. A case is one line in [`recordings`]; [`play`] says what its steps mean.

mod diff;
mod normal;
mod play;
mod state;
mod words;

use std::path::{Path, PathBuf};

macro_rules! recordings {
    ($($(#[$attribute:meta])* $name:ident)*) => {
        const LISTED: &[&str] = &[$(stringify!($name)),*];
        $($(#[$attribute])* #[test] fn $name() { compare(&stringify!($name).replace('_', "-")); })*
    };
}

recordings! {
    archive_child_of_renamed
    archive_children
    archive_folded
    archive_options
    archive_parent
    archive_two_clones
    archive_unreachable
    auto_merge_nested
    child_at_once
    child_lock_left_behind
    child_numbering
    claim_after_rename
    create_anchor
    create_committed
    create_data_branch
    create_no_remote
    create_refused
    create_stuck
    create_two_clones
    draft_all_options
    draft_finalize
    drift_check
    externalize_branches
    git_dispatch
    git_gateway
    git_guard
    ids_faults
    ids_no_remote
    ids_two_clones
    initdata_clone
    initdata_modes
    labels_vocabulary
    lock_cleanup
    lock_email_and_ids
    lock_sessions
    lock_two_clones
    lockdiag_states
    ls_levels
    ls_order_and_columns
    ls_refused
    ls_sibling_project
    pick_no_remote
    pick_own
    pick_reclaim
    query_active
    query_archived
    query_by_file
    query_refused
    sync_automerge
    sync_conflict
    sync_legacy
    sync_trouble
    sync_two_clones
    update_body_and_name
    update_canonical
    update_children
    update_committed
    update_cross_repo_lock
    update_data_branch
    update_fields
    update_further_keys
    update_refused
    verification_deferred
    webmerge_scan
    worktree_kept
    worktree_names
    worktree_remove
    worktree_resolve
    worktree_whole_life
    zip_again
    zip_run
    zip_unpack
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/recordings")
}

#[track_caller]
fn read(name: &str) -> String {
    let path = folder().join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[track_caller]
fn compare(name: &str) {
    let played = play::play(name, &read(&format!("{name}.case")));
    let recorded = read(&format!("{name}.recorded"));
    let (recorded, played) = (comparable(&recorded), comparable(&played));
    let diff = diff::unified(&recorded, &played);
    assert!(diff.is_empty(), "{name}: - recorded, + ours\n{diff}");
}

/// The lines without the bodies of stderr, which are there to be read.
fn comparable(text: &str) -> Vec<&str> {
    let mut skipping = false;
    let kept = text.split('\n').filter(|line| {
        skipping = *line == "stderr" || skipping && (line.starts_with("  ") || line.is_empty());
        !skipping
    });
    kept.collect()
}

#[test]
fn every_recording_is_listed_above() {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut found: Vec<_> =
        files.filter_map(|file| file.strip_suffix(".case").map(|name| name.replace('-', "_"))).collect();
    found.sort();
    assert_eq!(found, LISTED, "the list is in alphabetical order");
}

#[test]
fn a_difference_is_one() {
    let recorded = "$ a: x.sh\nexit 0\nstdout\n  one\n  two\nstderr\n  why\n\nlog main\n  first";
    assert_eq!(comparable(recorded).len(), 7);
    let other = comparable(recorded).join("\n").replace("two", "2");
    let diff = diff::unified(&comparable(recorded), &comparable(&other));
    assert_eq!(diff, "@@ 3 @@\n stdout\n   one\n-  two\n+  2\n log main\n   first\n");
}
