//! What does not match, from a snapshot. Pure.

use crate::coordination::LockEntry;
use crate::coordination::process::Liveness;
use crate::error::Hint;
use crate::files::records::Oddity;
use crate::git::Branch;
use crate::landing::landed::Landed;
use crate::ledger::{IDS, LOCKS};
use crate::ops::check::decide::Problem;
use crate::ops::dependencies::end_of_circle;
use crate::ops::doctor::finding::{Finding, Mend};
use crate::ops::doctor::snapshot::{DataCheckout, Folder, SeenBranch, SeenLock, SeenWorktree, Snapshot};
use crate::project::outcome::LocalBranch;
use crate::project::place::repair;
use crate::task::{ActiveTasks, Status, Task, TaskId, TaskName, paths};
use std::collections::{BTreeMap, BTreeSet};

/// All that does not match.
pub(crate) fn findings(seen: &Snapshot) -> Vec<Finding> {
    let mut found = Vec::new();
    locks(seen, &mut found);
    found.extend(seen.problems.iter().map(|problem| of_problem(seen, problem)));
    worktrees(seen, &mut found);
    for branch in &seen.branches {
        found.extend(of_branch(seen, branch));
    }
    records(seen, &mut found);
    found.extend(of_main_branch(seen));
    places(seen, &mut found);
    let (root, moved) = &seen.moved;
    if !moved.is_empty() {
        // All else that does not match there comes of it, or shows after that is mended.
        found.retain(|other| !["worktrees", "checkout"].contains(&other.about));
        let cause = "this clone was moved, and its worktrees expect it where it was";
        let finding = Finding::new("moved_clone", "worktrees", root.display(), cause).cure(repair(root, moved));
        found.push(finding.mend(Some(Mend::MovedClone(moved.clone()))));
    }
    found
}

/// Whether a command of this clone is taking a task just now.
fn is_being_taken(seen: &Snapshot, id: TaskId) -> bool {
    seen.held.iter().any(|record| record.task == id && record.is_taking)
}

/// Whether a task is over, as far as its files say.
fn has_ended(seen: &Snapshot, id: TaskId) -> bool {
    !seen.files.is_active(id) && seen.files.is_archived(id)
}

fn unlock(id: TaskId) -> Hint {
    command!["git aitask unlock", id, "--force"].note("if nobody works on it")
}

fn locks(seen: &Snapshot, found: &mut Vec<Finding>) {
    for lost in &seen.lost {
        let mut finding = Finding::new(lost.kind, "branches", &lost.branch, &lost.why);
        finding.cures.clone_from(&lost.cures);
        found.push(finding);
    }
    for name in &seen.no_locks {
        let cure = command!["git log -p", seen.published(LOCKS), "--", name].note("shows who put it there");
        found.push(Finding::new("foreign_file", "locks", name, "this file on aitask-locks is no lock").cure(cure));
    }
    let mut held: BTreeSet<TaskId> = BTreeSet::new();
    for lock in &seen.locks {
        held.insert(lock.entry.task);
        if !is_being_taken(seen, lock.entry.task) {
            found.extend(of_lock(seen, lock));
        }
    }
    let board = ActiveTasks::new(&seen.files.tasks);
    let is_free = |id| !held.contains(&id) && !is_being_taken(seen, id);
    let is_lost = |task: &&Task| task.status == Status::Implementing && is_free(task.id);
    // A parent may be in work by its children alone. Without a lock branch that is what is to be named.
    for task in seen.files.tasks.iter().filter(is_lost).filter(|task| !board.has_open_children(task)) {
        if seen.lost.iter().all(|lost| lost.branch.as_str() != LOCKS) {
            let cause = format!("{} is Implementing, and nobody holds its lock", task.id.prefixed());
            let take = command!["git aitask pick", task.id].note("takes it");
            let free = command!["git aitask edit", task.id, "--status Ready"].note("frees it");
            let finding = Finding::new("missing_lock", "locks", task.path.as_str(), &cause).of(task.id);
            found.push(finding.cure(take).cure(free));
        }
    }
}

/// The repair that releases the lock of an archived task.
fn release_of(seen: &Snapshot, lock: &SeenLock) -> Option<Mend> {
    let id = lock.entry.task;
    let is_left = has_ended(seen, id) && !is_being_taken(seen, id);
    lock.entry.token.clone().filter(|_| is_left).map(|token| Mend::Lock(id, token))
}

fn of_lock(seen: &Snapshot, lock: &SeenLock) -> Option<Finding> {
    let LockEntry { task: id, holder, host, since, .. } = &lock.entry;
    let (id, name) = (*id, id.prefixed());
    let finding = |kind, cause: &str| Finding::new(kind, "locks", LockEntry::path(id), cause).of(id);
    if lock.entry.is_lost && !has_ended(seen, id) {
        let finding =
            finding("unreadable_lock", "this clone is damaged: the file of this lock is missing or broken here");
        return Some(finding.cure(refetch()));
    }
    if [holder, host, since].iter().all(|text| *text == "unknown") && !has_ended(seen, id) {
        return Some(
            finding("unreadable_lock", "it cannot be read, so that an unknown holder has it").cure(unlock(id)),
        );
    }
    let Some(task) = seen.files.tasks.iter().find(|task| task.id == id) else {
        if seen.files.is_active(id) {
            return None;
        }
        if !seen.files.is_known(id) {
            let cause = format!("{holder} has a lock of {name}, and there is no such task");
            return Some(finding("lock_of_no_task", &cause).cure(unlock(id)));
        }
        let cause = format!("{name} is archived, and {holder} still has its lock");
        if !lock.is_ours {
            let open = command!["git aitask reopen", id].note("where its holder is at work on it");
            return Some(finding("lock_of_ended_task", &cause).cure(unlock(id)).cure(open));
        }
        return Some(finding("lock_of_ended_task", &cause).cure("git aitask sync").mend(release_of(seen, lock)));
    };
    match &task.status {
        status if status.is_closed() => {
            let cause = format!("{name} is {}, and {holder} still has its lock", status.as_str());
            Some(finding("lock_of_closed_task", &cause).cure(command!["git aitask archive", id]).cure(unlock(id)))
        }
        Status::Implementing => match &task.assigned_to {
            Some(other) if other != holder => {
                let cause = format!("{name} is assigned to {other}, and {holder} has its lock");
                Some(finding("other_assignee", &cause).cure(command!["git aitask show", id]))
            }
            _ if lock.liveness == Liveness::Dead => {
                let cause = format!("the session of {holder} that holds {name} has ended on this host");
                let go_on = command!["git aitask pick", id].note("goes on with it");
                Some(finding("dead_lock", &cause).cure(go_on).cure(unlock(id)))
            }
            _ => None,
        },
        Status::Unreadable | Status::Other(_) => None,
        status => {
            let cause = format!("{holder} has the lock of {name}, which is {}", status.as_str());
            Some(finding("lock_without_work", &cause).cure(command!["git aitask pick", id]).cure(unlock(id)))
        }
    }
}

/// What is wrong with a file, with the command that helps.
/// The command that brings objects which this clone lacks.
fn refetch() -> Hint {
    command!["git fetch --refetch --all"].note("brings what the remote has; git 2.36")
}

fn of_problem(seen: &Snapshot, problem: &Problem) -> Finding {
    let what = format!("{}:{}", problem.path, problem.line);
    let group = if problem.kind.ends_with("counter") || problem.kind == "counter_behind" { "ids" } else { "tasks" };
    let finding = Finding::new(problem.kind, group, what, &problem.message);
    let log = || command!["git log -p", seen.data, "--", problem.path];
    if matches!(problem.kind, "missing_object" | "missing_counter") {
        return problem.task_id.into_iter().fold(finding, Finding::of).cure(refetch());
    }
    let Some(id) = problem.task_id else {
        return match problem.kind {
            "counter_behind" => finding.cure("git aitask doctor --fix").mend(Some(Mend::Counter)),
            "unreadable_counter" => finding.cure(command!["git log -p", seen.published(IDS)]),
            "misnamed" => match paths::renamed_for_branch(&problem.path) {
                Some(new) => {
                    let rename = command!["git mv", problem.path, new].within(&seen.data_dir);
                    finding.cure(rename.note("then git aitask sync"))
                }
                None => finding.cure(log().note("shows where it comes from")),
            },
            _ => finding.cure(log().note("shows where it comes from")),
        };
    };
    let finding = finding.of(id);
    match problem.kind {
        "finished_child" => finding.cure("git aitask doctor --fix").mend(Some(Mend::Children(problem.path.clone()))),
        "unknown_status" => finding.cure(command!["git aitask edit", id, "--status Ready"]),
        "circle" | "unknown_dependency" | "unreadable_dependency" => finding.cure(end_of_circle(id)),
        "duplicate_id" | "no_parent" => finding.cure(
            command!["git-aitask compat aitask_claim_id.sh --claim"]
                .note(format!("gives a free number; then git mv {} to it, and git aitask sync", problem.path)),
        ),
        "plan_without_task" | "plan_of_ended_task" => {
            finding.cure(command!["git rm", problem.path].within(&seen.data_dir).note("if nobody needs it"))
        }
        _ => finding.cure(log().note("correct the file, then git aitask sync")),
    }
}

fn worktrees(seen: &Snapshot, found: &mut Vec<Finding>) {
    found.extend(seen.worktrees.iter().filter_map(|worktree| of_worktree(seen, worktree)));
    for (path, folder) in &seen.folders {
        let show = path.display();
        let new = |kind, cause: &str| Finding::new(kind, "worktrees", &show, cause);
        let away = || command!["mv", show, "<new-place>"];
        let foreign = || new("foreign_repository", "it is a repository of its own, in the folder of the worktrees");
        found.push(match folder {
            Folder::Empty => new("empty_folder", "this folder of a worktree is empty")
                .cure(command!["rmdir", show])
                .mend(Some(Mend::EmptyFolder(path.clone()))),
            Folder::Moved => new("moved_worktree", "it was moved by hand, and git expects it elsewhere")
                .cure(command!["git worktree repair", show])
                .mend(Some(Mend::Moved(path.clone()))),
            Folder::Broken => new("broken_worktree", "its file .git names a place that is not there").cure(away()),
            Folder::Forgotten(name) => {
                let new = new("forgotten_worktree", "git has forgotten this worktree").of(name.id());
                let branch = seen.branches.iter().find(|branch| branch.branch.as_str() == name.branch_name());
                let is_elsewhere = |branch: &Branch| seen.worktrees.iter().any(|it| it.branch.as_ref() == Some(branch));
                match branch.filter(|it| !is_elsewhere(&it.branch)) {
                    Some(SeenBranch { branch, local: Some(_), .. }) => {
                        let mend = Mend::Forgotten(path.clone(), branch.clone());
                        new.cure("git aitask doctor --fix").mend(Some(mend))
                    }
                    Some(SeenBranch { branch, .. }) => {
                        let publish = seen.published(branch);
                        let back = command!["git branch --no-track", branch, publish, "&& git aitask doctor --fix"];
                        new.cure(back.note("makes it a worktree again, with the files as they are"))
                    }
                    None => new.cure(away()),
                }
            }
            Folder::Foreign => foreign().cure(away()),
            Folder::Other => new("stray_folder", "it is in the folder of the worktrees, and is none").cure(away()),
        });
    }
}

fn of_worktree(seen: &Snapshot, worktree: &SeenWorktree) -> Option<Finding> {
    let (path, show) = (&worktree.path, worktree.path.display());
    let finding = |kind, cause: &str| Finding::new(kind, "worktrees", &show, cause);
    if worktree.is_left {
        let cure = command!["git worktree remove --force", show];
        let mend = worktree.is_gone.then(|| Mend::Scratch(path.clone()));
        return Some(finding("temporary_worktree", "no command uses this temporary worktree").cure(cure).mend(mend));
    }
    let of_task = worktree.branch.as_ref().and_then(|branch| TaskName::from_branch(branch.as_str()));
    let name = worktree.named.as_ref().or(of_task.as_ref())?;
    let finding = |kind, cause: &str| finding(kind, cause).of(name.id());
    if let Some(what) = worktree.interruption {
        let cause = format!("a command was killed while it was {}", what.name());
        let mend = worktree.branch.clone().map(|branch| Mend::Incomplete(path.clone(), branch));
        let cure = command!["git aitask worktree add", name.id()];
        return Some(finding("incomplete_worktree", &cause).cure(cure).mend(mend));
    }
    if worktree.is_gone {
        let is_moved = seen.folders.iter().any(|(_, folder)| *folder == Folder::Moved);
        let cause = "git has it registered, and it is not there";
        let moved = command!["git worktree repair <new-place>"].note("if it was moved");
        // A task that is held goes on in a new one.
        let gone = if seen.locks.iter().any(|lock| lock.entry.task == name.id()) && seen.files.is_active(name.id()) {
            command!["git worktree remove", show, "&& git aitask worktree add", name.id()]
        } else {
            command!["git worktree remove", show]
        };
        let gone = gone.note("if it was deleted");
        return (!is_moved).then(|| finding("missing_worktree", cause).cure(gone).cure(moved));
    }
    let (named, (what, cure)) = (worktree.named.as_ref()?, worktree.stray.clone()?);
    let cause = format!("the worktree of {} is {what}", named.id().prefixed());
    (!worktree.is_busy).then(|| finding("other_branch", &cause).cure(cure))
}

/// The branch of the main worktree, where it was renamed on the remote: from then on it is never updated.
fn of_main_branch(seen: &Snapshot) -> Option<Finding> {
    let (gone, next) = seen.renamed.as_ref()?;
    let cause = format!("it is gone from the remote, and {next} is the default branch there and continues it");
    let rename = command!["git branch -m", gone, next, "&& git branch -u", seen.published(next), next];
    Some(Finding::new("renamed_branch", "branches", gone, &cause).cure(rename.within(&seen.moved.0)))
}

fn of_branch(seen: &Snapshot, branch: &SeenBranch) -> Option<Finding> {
    let SeenBranch { branch: name, task: id, is_former, local, published, relation, landed } = branch;
    let (id, into) = (*id, landed.1.as_ref().map_or("the output branch", Branch::as_str));
    let finding = |kind, cause: &str| Finding::new(kind, "branches", name, cause).of(id);
    let shown = || command!["git log", if local.is_some() { name.to_string() } else { seen.published(name) }];
    if seen.files.is_active(id) {
        let task = seen.files.tasks.iter().find(|task| task.id == id)?;
        let present = task.name().branch_name();
        if name.as_str() != present && !is_former {
            // It has the number of the task, and is not its branch.
            return None;
        }
        if *relation == Some(LocalBranch::Diverged) {
            let cause = "here and on the remote it has commits that the other one lacks";
            let place =
                seen.worktrees.iter().find(|worktree| worktree.branch.as_ref() == Some(name) && !worktree.is_gone);
            let merge = command!["git merge", seen.published(name)];
            let merge = place.map_or(merge.clone(), |place| merge.within(&place.path));
            return Some(finding("diverged_branch", cause).cure(merge));
        }
        let is_there = |name: &str| seen.branches.iter().any(|branch| branch.branch.as_str() == name);
        // Without commits of its own it counts where it is checked out.
        let place = seen.worktrees.iter().any(|worktree| worktree.branch.as_ref() == Some(name));
        if name.as_str() != present
            && !is_there(&present)
            && (place || matches!(landed.0, Landed::No | Landed::TakenBack { .. }))
        {
            let cause = format!("{} was renamed, and its branch is now called {present}", id.prefixed());
            let rename = match local {
                Some(_) => command!["git branch -m", name, present],
                None => command!["git branch --no-track", present, seen.published(name)],
            };
            return Some(finding("former_branch", &cause).cure(rename));
        }
        let has_landed = matches!(landed.0, Landed::At(_)) && task.status == Status::Implementing;
        // A branch without work counts as landed unless the record tells where it was cut.
        let is_told = seen.needed.iter().all(|(_, task)| *task != id);
        return (has_landed && is_told).then(|| {
            let cause = format!("its work is in {into}, and {} is Implementing", id.prefixed());
            finding("landed_task", &cause).cure(command!["git aitask finish", id])
        });
    }
    if !seen.files.is_known(id) {
        return Some(finding("branch_of_no_task", &format!("there is no task {}", id.prefixed())).cure(shown()));
    }
    // While a lock is there, the branch stays; a repair releases it first.
    let mut locks = seen.locks.iter().filter(|lock| lock.entry.task == id);
    if !has_ended(seen, id) || locks.any(|lock| release_of(seen, lock).is_none()) {
        return None;
    }
    let worktree = seen.worktrees.iter().find(|worktree| worktree.branch.as_ref() == Some(name) && !worktree.is_gone);
    if let Some(worktree) = worktree.filter(|worktree| worktree.is_dirty) {
        let cause = format!("{} is archived, and its worktree has uncommitted work", id.prefixed());
        let cure = Hint::from("git status").within(&worktree.path);
        return Some(finding("dirty_worktree", &cause).cure(cure));
    }
    if let (Landed::At(_), Some(worktree)) = (&landed.0, worktree.filter(|worktree| worktree.ignored > 0)) {
        let files = many(worktree.ignored, "file");
        let cause =
            format!("{} is archived, its work is in {into}, and git ignores {files} in its worktree", id.prefixed());
        let status = Hint::from("git status --ignored").within(&worktree.path);
        let prune = Hint::from("git aitask worktree prune").note("removes the worktree with them");
        return Some(finding("ignored_files", &cause).cure(status).cure(prune));
    }
    if let (Landed::At(_), true) = (&landed.0, seen.root_branch.as_ref() == Some(name)) {
        let cause =
            format!("{} is archived, its work is in {into}, and the main checkout is still on it", id.prefixed());
        let switch = command!["git switch", into].within(&seen.moved.0);
        return Some(finding("branch_of_ended_task", &cause).cure(switch));
    }
    Some(match (&landed.0, worktree.is_some(), local.is_some(), published.is_some()) {
        (Landed::At(_), is_checked_out, is_here, _) => {
            let kind = match (is_checked_out, is_here) {
                (true, _) => "worktree_of_ended_task",
                (false, true) => "branch_of_ended_task",
                (false, false) => "published_branch_of_ended_task",
            };
            let cause = format!("{} is archived, and its work is in {into}", id.prefixed());
            finding(kind, &cause).cure("git aitask worktree prune").mend(Some(Mend::Prune(name.clone())))
        }
        (Landed::Unknown, ..) => {
            let cause = format!("{} is archived; whether its work is in {into} cannot be told", id.prefixed());
            finding("work_of_ended_task", &cause).cure(command!["git aitask worktree remove", id])
        }
        _ => {
            let cause = format!("{} is archived, and its work is not in {into}", id.prefixed());
            finding("lost_work", &cause).cure(shown())
        }
    })
}

/// Whether a worktree is of this task, by its folder or its branch.
fn is_of(worktree: &SeenWorktree, id: TaskId) -> bool {
    let of_branch = worktree.branch.as_ref().and_then(|branch| TaskName::from_branch(branch.as_str()));
    worktree.named.iter().chain(&of_branch).any(|name| name.id() == id)
}

fn many(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn records(seen: &Snapshot, found: &mut Vec<Finding>) {
    let locks: BTreeMap<TaskId, &SeenLock> = seen.locks.iter().map(|lock| (lock.entry.task, lock)).collect();
    // While the locks themselves are lost, nothing is said of what should have one.
    let are_lost = seen.lost.iter().any(|lost| lost.branch.as_str() == LOCKS);
    for record in seen.held.iter().filter(|_| !are_lost) {
        let id = record.task;
        let new =
            |kind, cause: &str| Finding::new(kind, "records", format!("held/{}.json", id.prefixed()), cause).of(id);
        let name = id.prefixed();
        match locks.get(&id) {
            Some(lock) if record.is_of_other_lock && !record.is_taking => {
                let cause = format!("this clone took {name}, and {} has another lock of it now", lock.entry.holder);
                // The record tells whether there is work in the worktree and on the branch, and a session that lives that
                // the task is no longer its own.
                let has_branch = seen.branches.iter().any(|branch| branch.task == id && branch.local.is_some());
                let has_place = has_branch || seen.worktrees.iter().any(|worktree| is_of(worktree, id));
                let is_used = record.is_of_living || has_place;
                // With the lock of a task that is over the record goes, too.
                let mend = match release_of(seen, lock) {
                    Some(_) => Some(Mend::Record(id)),
                    None => (!is_used).then_some(Mend::Displaced(id)),
                };
                let finding = new("record_of_other_lock", &cause).cure(command!["git aitask show", id]);
                found.push(finding.mend(mend));
            }
            None if has_ended(seen, id) => {
                let cause = format!("{name} is archived, and this clone still has a record of taking it");
                let finding = new("record_of_ended_task", &cause).cure("git aitask doctor --fix");
                found.push(finding.mend(Some(Mend::Record(id))));
            }
            None if !record.is_taking => {
                let cause = format!("this clone took {name}, and its lock is gone");
                found.push(new("record_without_lock", &cause).cure(command!["git aitask pick", id]));
            }
            _ => {}
        }
    }
    for (path, oddity) in &seen.oddities {
        let show = path.display();
        let new = |kind, cause: &str| Finding::new(kind, "records", &show, cause);
        let rm = || command!["rm", show];
        found.push(match oddity {
            Oddity::Newer => new("newer_record", "a newer version wrote it, and only that can use it")
                .cure(Hint::advice("install the newer version")),
            Oddity::Folder => new("folder_for_record", "a folder is where a record would be written")
                .cure(command!["rm -r", show].note("if nobody needs what is in it")),
            Oddity::Unreadable => match seen.needed.iter().find(|(at, id)| at == path && !has_ended(seen, *id)) {
                // Without it the holder would be locked out, and only a takeover writes it anew.
                Some((_, id)) => new("unreadable_record", "it cannot be read, and a lock of this clone needs it")
                    .of(*id)
                    .cure(command!["git aitask pick", id, "--steal"].note("takes the task again")),
                None => new("unreadable_record", "it cannot be read, and counts as missing")
                    .cure(rm())
                    .mend(Some(Mend::File(path.clone()))),
            },
            Oddity::Temporary => new("temporary_file", "a command was killed while it wrote this file")
                .cure(rm())
                .mend(Some(Mend::File(path.clone()))),
        });
    }
    for path in &seen.lock_files {
        let cause = "no process of git has to do with this lock file, and git refuses to work while it is there";
        found.push(Finding::new("lock_file", "records", path.display(), cause).cure(command!["rm", path.display()]));
    }
    for name in &seen.refs {
        let cause = "it keeps what was known of a remote that is not configured any more";
        found.push(Finding::new("ref_of_no_remote", "records", name, cause).cure(command!["git update-ref -d", name]));
    }
}

fn places(seen: &Snapshot, found: &mut Vec<Finding>) {
    found.extend(seen.checkout.iter().flat_map(of_checkout));
    // The folders of a code branch that has tasks come back with every checkout of it.
    for (checkout, (name, count)) in
        seen.checkout.iter().flat_map(|it| it.folders.iter().map(move |folder| (it, folder)))
    {
        if seen.second_home.is_none() && checkout.left.is_none() {
            let files = if *count == 1 { "1 file in it is".to_owned() } else { format!("{count} files in it are") };
            let cause = format!("it is not the link into the checkout of the tasks, and {files} seen by nobody");
            let (from, to) = (*name, format!("{name}.old"));
            let cure =
                command!["mv", from, to, "&& git aitask init"].within(checkout.path.parent().unwrap_or(&checkout.path));
            found.push(Finding::new("data_folder_is_not_a_link", "checkout", name, &cause).cure(cure));
        }
    }
    for (checkout, unseen) in seen.checkout.iter().filter_map(|it| Some((it, it.left.as_ref()?))) {
        let named = if unseen.is_empty() { String::new() } else { format!(", with changes: {}", unseen.join(", ")) };
        let cause = format!("task files are left there from before they were moved, and nobody sees them{named}");
        let cure = command!["git aitask init --data-branch"].within(checkout.path.parent().unwrap_or(&checkout.path));
        let what = paths::TASKS_DIR;
        found.push(Finding::new("data_folder_is_not_a_link", "checkout", what, &cause).cure(cure));
    }
    if let Some(branch) = &seen.second_home {
        let cause = "it has tasks, and the tasks have a branch of their own, which alone counts";
        let cure = Hint::from("git rm -r aitasks aiplans").note("on that branch, once nothing of it is missed");
        found.push(Finding::new("second_home", "checkout", branch, cause).cure(cure));
    }
    for (key, branch) in &seen.settings {
        let cause = format!("it names the branch {branch}, which is neither here nor on the remote");
        found.push(
            Finding::new("setting_without_branch", "settings", key, &cause).cure(command!["git config --unset", key]),
        );
    }
}

fn of_checkout(checkout: &DataCheckout) -> Vec<Finding> {
    let new = |kind, what: &dyn std::fmt::Display, cause: &str| Finding::new(kind, "checkout", what, cause);
    let (path, show) = (&checkout.path, checkout.path.display());
    if checkout.is_missing {
        let finding = new("missing_checkout", &show, "the tasks are not checked out here");
        return vec![finding.cure("git aitask init").mend(Some(Mend::Attach))];
    }
    let mut found = Vec::new();
    if let Some(what) = checkout.unfinished {
        let cause = format!("{what} is in progress in the checkout of the tasks");
        found.push(new("unfinished_checkout", &show, &cause).cure(Hint::from("git status").within(path)));
    } else if let Some(other) = &checkout.other {
        let cause = format!("the checkout of the tasks has {other} checked out");
        found.push(new("other_checkout", &show, &cause).cure(Hint::from("git switch aitask-data").within(path)));
    } else if checkout.has_diverged {
        let cause = "here and on the remote there are task changes that the other side lacks";
        found.push(new("diverged_tasks", &"aitask-data", cause).cure("git aitask sync"));
    }
    for name in &checkout.broken_links {
        let cause = "this link into the checkout of the tasks is missing or leads nowhere";
        found.push(new("broken_link", name, cause).cure("git aitask init").mend(Some(Mend::Attach)));
    }
    for (name, to) in &checkout.other_links {
        let cause = format!("it leads to {} and not into the checkout of the tasks", to.display());
        found.push(
            new("other_link", name, &cause)
                .cure(command!["rm", path.with_file_name(name).display()].note("then git aitask init")),
        );
    }
    found
}

#[cfg(test)]
mod tests;
