//! The canonical order of the keys. The scripts and the board write files in this order, so another one would make
//! every change of theirs a large diff.

use super::dialect::FrontmatterEntry;

/// The keys in the order in which they are written, with the two of drafts and the two that archiving adds.
pub(super) const KEYS: [&str; 42] = [
    "priority",
    "risk_code_health",
    "risk_goal_achievement",
    "effort",
    "depends",
    "xdeps",
    "xdeprepo",
    "issue_type",
    "status",
    "archived_reason",
    "labels",
    "gates",
    "also_blocks_dependents",
    "active_gates",
    "active_gates_filtered",
    "active_gates_profile",
    "active_gates_digest",
    "verifies",
    "verification_baseline",
    "risk_mitigation_tasks",
    "file_references",
    "draft",
    "children_to_implement",
    "folded_tasks",
    "folded_into",
    "assigned_to",
    "anchor",
    "followup_kind",
    "issue",
    "pull_request",
    "contributor",
    "contributor_email",
    "implemented_with",
    "parent",
    "attachments",
    "artifacts",
    "created_at",
    "updated_at",
    "completed_at",
    "boardcol",
    "boardidx",
    "boardgroup",
];

/// The position of a key in the canonical order.
pub(super) fn rank(key: &str) -> Option<usize> {
    KEYS.iter().position(|known| *known == key)
}

/// The group of a key: the task's own keys, the timestamps, or those of the board. A new key is placed within its
/// group; unknown keys are between the groups.
fn group(rank: usize) -> std::ops::Range<usize> {
    let (times, board) = (KEYS.len() - 6, KEYS.len() - 3);
    if rank < times {
        0..times
    } else if rank < board {
        times..board
    } else {
        board..KEYS.len()
    }
}

/// Where a new key is inserted among the entries: directly after the nearest key before it in the canonical order, else
/// directly before the nearest after it; an unknown key before the timestamps.
pub(super) fn place(entries: &[FrontmatterEntry], key: &str) -> usize {
    let ranked = || entries.iter().enumerate().filter_map(|(at, entry)| Some((rank(entry.key()?)?, at)));
    let before_rank = |limit: usize| ranked().find(|(other, _)| *other >= limit).map_or(entries.len(), |(_, at)| at);
    let Some(rank) = rank(key) else { return before_rank(KEYS.len() - 6) };
    let group = group(rank);
    let peers = || ranked().filter(|(other, _)| group.contains(other));
    let before = peers().filter(|(other, _)| *other < rank).max();
    let after = peers().filter(|(other, _)| *other > rank).min();
    match (before, after) {
        (Some((_, at)), _) => at + 1,
        (None, Some((_, at))) => at,
        (None, None) => before_rank(group.end),
    }
}
