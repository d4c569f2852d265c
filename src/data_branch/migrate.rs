//! Creating the data branch: empty, or with the task data of the code branch.
//!
//! Nothing that is published is overwritten: a second clone that still has the old layout, with old copies of the
//! files, must not replace newer task data. The data branch is created, and the files are removed from the code branch,
//! in one swap, so that no clone sees the task data twice or not at all. Where the server refuses pushes to the code
//! branch, the data branch is published first and the removal is committed locally: killed in between, the task data is
//! on both branches, and the same command continues after it has checked that the data branch had every version of
//! every file. The checkout changes last.

use crate::data_branch::attach::{self, KEPT_IN_DATA};
use crate::data_branch::carried::{self, Leftover, by_name, files_at};
use crate::data_branch::initial_files::INITIAL_FILES;
use crate::error::{Error, Hint, Kind, Result};
use crate::files::data_checkout;
use crate::git::objects::{self, Edit};
use crate::git::porcelain::ls_tree::TreeEntry;
use crate::git::porcelain::status::StatusEntry;
use crate::git::{AheadBehind, Branch, Freshness, Oid, merge, worktree};
use crate::ledger::plan::Step;
use crate::ledger::{Channel, DATA, Decision, Ledger, Plan, View, nonce};
use crate::project::context::Context;
use crate::project::data_state;
use crate::project::ignores::{bare_names, is_ignored, is_private, with_lines};
use crate::project::outcome::Notices;
use crate::task::paths;
use std::path::Path;

/// What the code branch ignores: the checkout, and the links into it. The links have no slash at the end, which would
/// match folders only.
pub(crate) const CODE_IGNORES: [&str; 3] = [".aitask-data/", paths::TASKS_DIR, paths::PLANS_DIR];
/// What the code branch of a project with the scripts ignores: in addition, the skills that the scripts generate there.
pub(crate) const FRAMEWORK_IGNORES: [&str; 9] = [
    CODE_IGNORES[0],
    CODE_IGNORES[1],
    CODE_IGNORES[2],
    ".claude/skills/*-/",
    ".agents/skills/*-/",
    ".opencode/skills/*-/",
    "!.claude/skills/*-remote-/",
    "!.agents/skills/*-remote-/",
    "!.opencode/skills/*-remote-/",
];
/// The subject of the commit on a code branch without task data.
pub(crate) const CONFIGURE: &str = "ait: Configure task data branch with worktree and symlinks";
/// The subject of the first commit of the data branch, which is empty.
pub(crate) const FIRST: &str = "ait: Initialize aitask-data branch";
/// The subject of the commit with the first files.
pub(crate) const INITIALISE: &str = "ait: Initialize task data structure";
/// What the data branch ignores: drafts, and files that belong to one user or one machine.
const DATA_IGNORES: [&str; 6] = [
    "aitasks/new/",
    "aitasks/metadata/userconfig.yaml",
    "aitasks/metadata/*.local.json",
    "aitasks/metadata/profiles/local/",
    "aitasks/metadata/chatlink_sessions/",
    "aitasks/metadata/applink_sessions/",
];

/// Whether the commit on the code branch is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CodeCommit {
    /// It is published in the same swap, unless the server refuses pushes to the code branch.
    Published,
    /// It stays local, as the scripts do it: the user reviews and publishes code.
    Stays,
}

impl CodeCommit {
    fn ignores(self) -> &'static [&'static str] {
        match self {
            Self::Published => &CODE_IGNORES,
            Self::Stays => &FRAMEWORK_IGNORES,
        }
    }
}

/// The result of [`move_to_data_branch`].
#[derive(Debug, Default)]
pub(crate) struct Migration {
    /// What was created, each in words.
    pub(crate) made: Vec<String>,
    /// Notes and the state of the checkouts.
    pub(crate) aside: Notices,
}

/// Creates the data branch where there is none, moves the task data there, and checks it out. Both branches change in
/// one swap.
///
/// # Errors
/// [`Kind::Dirty`] for task data that is not committed and published; [`Kind::Occupied`] where the code branch has task
/// data that the data branch never had.
pub(crate) fn move_to_data_branch(context: &Context, code_too: CodeCommit) -> Result<Migration> {
    let root = &context.repository.root;
    let data = Branch::parse(DATA)?;
    if data_checkout(root).is_some() && Leftover::find(context)?.is_none() {
        // An interrupted run may not have moved the folders yet.
        if !context.dry_run {
            attach::move_folders(context)?;
        }
        return Ok(Migration::default());
    }
    let was_attached = data_checkout(root).is_some();
    require_nothing_in_progress(root)?;
    let Some(code) = context.repository.root_branch.clone() else {
        let message = format!("{} is on no branch", root.display());
        let back = match context.known_default_branch() {
            Some(default) => command!["git switch", default],
            None => Hint::from("git switch <branch>"),
        };
        return Err(Error::new(Kind::DetachedHead, message).hint(back));
    };
    if let Some(home) = context.ledger().code_home.filter(|home| home.branch != code) {
        let message = format!("the tasks are on {}, and {} is on {code}", home.branch, root.display());
        return Err(Error::new(Kind::Occupied, message).hint(command!["git switch", home.branch].within(root)));
    }
    if !context.dry_run {
        // What a killed run has not brought to the checkout yet looks like changes.
        context.ledger().finish_checkout_updates()?;
    }
    require_committed(context)?;
    let ledger = Ledger { data_only_branch: None, ..context.ledger() };
    let both = [data.clone(), code.clone()];
    let mut all = carried::code_branches(context, &code);
    all.insert(0, data.clone());
    let tips = all.clone();
    if context.channel != Channel::Local {
        all.extend([Ledger::locks_branch()?, Ledger::ids_branch()?]);
    }
    let mut made = Vec::new();
    let mark = nonce()?;
    let data_branch_alone = || -> Result<_> {
        let landed = ledger.transact(&mark, &all, |view| decide(context, view, &data, &code, None))?;
        let here = Ledger { channel: Channel::Local, ..context.ledger() };
        let moved = ledger.view(std::slice::from_ref(&data), Freshness::AsKnown)?;
        let code_commit = here.transact(&mark, &both, |view| {
            let all = ledger.view(&tips, Freshness::AsKnown)?;
            match moved.base(&data) {
                Some(moved) if has_brought(context, &all, moved, &code)? => {}
                Some(moved) => require_kept(context, moved, &files_of(view, &code)?, &code)?,
                None => {}
            }
            let plan = remove_from_code(Plan::new(), view, &code, code_too)?;
            Ok(if plan.branches.is_empty() { Decision::NoChange(false) } else { Decision::Publish(plan, true) })
        })?;
        let mut aside = Notices::of(context, &landed);
        if code_commit.value && context.channel != Channel::Local {
            aside.notes.push(format!("the commit on {code} is not published; publish it as you publish code"));
        }
        Ok((landed.value, aside))
    };
    let refused = || {
        let view = ledger.view(&tips, Freshness::AsKnown)?;
        Ok(matches!(unpublished(context, &view, &code)?, Unpublished::Ours(_)))
    };
    let publish = || match code_too {
        CodeCommit::Stays => data_branch_alone(),
        // Local commits of task data on top of the published tip mean that the server refused to take them before.
        CodeCommit::Published if context.channel != Channel::Local && refused()? => data_branch_alone(),
        CodeCommit::Published => {
            match ledger.transact(&mark, &all, |view| decide(context, view, &data, &code, Some(code_too))) {
                Ok(landed) => Ok((landed.value, Notices::of(context, &landed))),
                Err(error) if error.is_denied_for(code.as_str()) => {
                    let (is_new, mut aside) = data_branch_alone()?;
                    aside.notes.insert(0, format!("the server refuses pushes to {code}"));
                    Ok((is_new, aside))
                }
                Err(error) => Err(error),
            }
        }
    };
    let (is_new, mut aside) = publish().map_err(|error| {
        // A conflict is resolved in the checkout of the tasks, and every other verb goes on with it meanwhile.
        let attached = (error.kind() == Kind::Conflict && !context.dry_run).then(|| attach::attach_known(context));
        match attached {
            Some(Err(other)) => other,
            _ => error,
        }
    })?;
    made.extend(is_new.then(|| format!("branch {data}")));
    if context.dry_run {
        if !was_attached {
            aside.would_run(format!("git worktree add {} {data}", paths::DATA_WORKTREE_DIR));
        }
        return Ok(Migration { made, aside });
    }
    if let Some(published) = remove_what_was_brought(context, &ledger, &tips, code_too)? {
        // It could not follow while it had them.
        aside.lagging.retain(|other| other.branch != code);
        aside.notes.push(describe_brought(context, &published, &data, &code)?);
    }
    require_removed(context, &code)?;
    // Files that git ignored are still in the folders: they are moved, and links replace the folders.
    let start = ledger.view(std::slice::from_ref(&data), Freshness::AsKnown)?.tip(&data);
    attach::make_checkout(context, &data, start.published.as_ref().filter(|_| start.local.is_none()))?;
    attach::move_folders(context)?;
    made.extend((!was_attached).then(|| format!("worktree {}", paths::DATA_WORKTREE_DIR)));
    Ok(Migration { made, aside })
}

fn describe_brought(context: &Context, published: &Oid, data: &Branch, code: &Branch) -> Result<String> {
    let brought = format!("what this clone had changed of the tasks and not published is on {data} now");
    if merge::is_in_head(&context.repository, published)? {
        return Ok(brought);
    }
    let from = context.channel.remote().map_or_else(String::new, |remote| format!("{remote}/"));
    Ok(format!("{brought}; git merge {from}{code} brings {code} up to date"))
}

/// Whether local commits of the code branch change task data, and the data branch has all of that.
fn has_brought(context: &Context, view: &View<'_>, data: &Oid, code: &Branch) -> Result<bool> {
    let (Unpublished::Ours(_) | Unpublished::Others(_)) = unpublished(context, view, code)? else { return Ok(false) };
    Ok(carried::missing(context, view, data, code)?.is_empty())
}

/// Removes the task data from a local code branch that could not follow the published one, since local commits change task
/// data, once the data branch has their changes; then the published tip. The user merges the published branch, as with any
/// other commits. `branches` are the data branch, the code branch and those that it is compared with.
fn remove_what_was_brought(
    context: &Context,
    ledger: &Ledger<'_>,
    branches: &[Branch],
    code_too: CodeCommit,
) -> Result<Option<Oid>> {
    let [data, code, ..] = branches else { return Ok(None) };
    let known = ledger.view(branches, Freshness::AsKnown)?;
    let (Some(moved), Some([local, published])) = (known.base(data), carried::tips_of_code(context, &known, code))
    else {
        return Ok(None);
    };
    if files_at(context, &local)?.is_empty() || !has_brought(context, &known, moved, code)? {
        return Ok(None);
    }
    let here = Ledger { channel: Channel::Local, ..context.ledger() };
    let removed = here.transact(&nonce()?, &branches[..2], |view| {
        if view.base(code) != Some(&local) {
            return Ok(Decision::NoChange(false));
        }
        Ok(Decision::Publish(remove_from_code(Plan::new(), view, code, code_too)?, true))
    });
    Ok(removed?.value.then_some(published))
}

/// Refuses a checkout in which a merge or the like is not finished, with the commands that finish it.
fn require_nothing_in_progress(root: &Path) -> Result<()> {
    let Some(what) = worktree::in_progress(root) else { return Ok(()) };
    let note = "where no file has conflict markers; this keeps your versions, and the same command again brings them";
    let hint = match what {
        "a merge" => command!["git add -u && git commit --no-edit"].note(note),
        "a rebase" => command!["git add -u && git rebase --continue"].note(note),
        _ => command!["git status"],
    };
    Err(Error::new(Kind::Dirty, format!("{} is in the middle of {what}", root.display())).hint(hint.within(root)))
}

/// Refuses task data that is not committed.
fn require_committed(context: &Context) -> Result<()> {
    let root = &context.repository.root;
    let folders = [paths::TASKS_DIR, paths::PLANS_DIR].map(|name| root.join(name));
    if folders.iter().all(|folder| !folder.is_dir()) {
        return Ok(());
    }
    let status = worktree::changes_below(&context.repository, root, &[paths::TASKS_DIR, paths::PLANS_DIR])?;
    // Private files are moved as they are; they are never committed.
    let counts = |entry: &&StatusEntry| entry.path.components().count() > 1 && !is_private(entry);
    let changed: Vec<_> = status.entries.iter().filter(counts).map(|entry| entry.path.display()).collect();
    let Some(first) = changed.first() else { return Ok(()) };
    let error = Error::new(Kind::Dirty, format!("task data is not committed: {first}"));
    if !context.has_data_branch() {
        return Err(error.hint("git aitask sync"));
    }
    // A sync looks at the branch of the tasks alone.
    let named = |hint: Hint| changed.iter().fold(hint, |hint, path| hint.word(path));
    let commit = named(named(command!["git add"]).text("&& git commit -m 'Task changes' --"));
    Err(error.hint(commit.within(root).note("then the same command again")))
}

/// Refuses a checkout whose code branch still has task data: it could not be fast-forwarded.
fn require_removed(context: &Context, code: &Branch) -> Result<()> {
    let ledger = Ledger { channel: Channel::Local, ..context.ledger() };
    let view = ledger.view(std::slice::from_ref(code), Freshness::AsKnown)?;
    let files = files_of(&view, code)?;
    let Some((first, _)) = files.first() else { return Ok(()) };
    let message = format!("{DATA} exists, but the local {code} still has task data: {first} and others");
    let upstream = context.channel.remote().map_or_else(String::new, |remote| format!("{remote}/"));
    Err(Error::new(Kind::Occupied, message)
        .hint(command!["git merge", format!("{upstream}{code}")].note("then run the same command again")))
}

/// Decides whether the data branch is created, and with which content; `with_code` removes the task data from the code
/// branch, too.
fn decide(
    context: &Context,
    view: &View<'_>,
    data: &Branch,
    code: &Branch,
    with_code: Option<CodeCommit>,
) -> Result<Decision<bool>> {
    let files = files_of(view, code)?;
    if let Some(moved) = view.base(data) {
        let missing = carried::missing(context, view, moved, code)?;
        if files.is_empty() && missing.is_empty() {
            return Ok(Decision::NoChange(false));
        }
        require_kept(context, moved, &files, code)?;
        require_free(context)?;
        // Another clone moved the task data, and its commit on the code branch was never published.
        let mut plan = Plan::new();
        if !missing.is_empty() {
            plan = plan.step(data, Step::edit(carried::SUBJECT, missing));
        }
        if let Some(code_commit) = with_code.filter(|_| !files.is_empty()) {
            plan = remove_from_code(plan, view, code, code_commit)?;
        }
        return Ok(if plan.branches.is_empty() { Decision::NoChange(false) } else { Decision::Publish(plan, false) });
    }
    require_free(context)?;
    let files = match unpublished(context, view, code)? {
        Unpublished::Nothing => files,
        // Local commits of task data that the server refused are migrated, too.
        Unpublished::Ours(local) if with_code.is_none() => files_at(context, &local)?,
        Unpublished::Ours(local) | Unpublished::Others(local)
            if with_code.is_none() && files_at(context, &local)? == files =>
        {
            files
        }
        Unpublished::Ours(_) | Unpublished::Others(_) if files.is_empty() => files,
        Unpublished::Ours(_) | Unpublished::Others(_) => {
            let message = format!("{code} has local commits that are not published and may contain task data");
            return Err(Error::new(Kind::Dirty, message).hint("git push"));
        }
    };
    let mut edits: Vec<_> = files
        .iter()
        .map(|(path, entry)| Edit::Take {
            path: path.clone(),
            mode: entry.mode.as_str().to_owned(),
            oid: entry.oid.clone(),
        })
        .collect();
    let mut fresh = vec![(".gitignore", with_lines(b"", &DATA_IGNORES))];
    if files.is_empty() {
        fresh.extend(INITIAL_FILES.map(|(path, content)| (path, content.into())));
    }
    edits.extend(fresh.into_iter().map(|(path, content)| Edit::Put { path: path.to_owned(), content }));
    let subject =
        if files.is_empty() { INITIALISE.to_owned() } else { format!("ait: Migrate task data from {code} branch") };
    let mut plan = Plan::new().step(data, Step::edit(FIRST, Vec::new()));
    plan = plan.step(data, Step::edit(subject, edits));
    if let Some(code_commit) = with_code {
        plan = remove_from_code(plan, view, code, code_commit)?;
    }
    // The code branch may stay as it is. A clone that has not heard of the move notices by these, which every command that
    // publishes task data on the code branch expects where they were.
    for branch in [Ledger::locks_branch()?, Ledger::ids_branch()?] {
        if view.tip(&branch).published.is_some() {
            plan = plan.moving(&branch, "the task data");
        }
    }
    Ok(Decision::Publish(plan, true))
}

/// The local commits of the code branch that are not published.
enum Unpublished {
    Nothing,
    /// Commits of task data only, on top of the published tip, such as a status that a protected branch refused.
    Ours(Oid),
    /// Other commits, which may contain task data.
    Others(Oid),
}

fn unpublished(context: &Context, view: &View<'_>, code: &Branch) -> Result<Unpublished> {
    let Some([local, theirs]) = carried::tips_of_code(context, view, code) else { return Ok(Unpublished::Nothing) };
    let AheadBehind { ahead, behind } = merge::ahead_behind(&context.repository, &local, &theirs)?;
    if ahead == 0 {
        return Ok(Unpublished::Nothing);
    }
    let subjects = merge::subjects(&context.repository, &theirs, &local)?;
    let ours = behind == 0 && subjects.iter().all(|subject| subject.starts_with("ait: "));
    Ok(if ours { Unpublished::Ours(local) } else { Unpublished::Others(local) })
}

/// Adds the step that removes the task data from the code branch, and ignores the links that replace it.
fn remove_from_code(plan: Plan, view: &View<'_>, code: &Branch, code_commit: CodeCommit) -> Result<Plan> {
    if view.base(code).is_none() {
        return Ok(plan);
    }
    let files = files_of(view, code)?;
    let before = view.document(code, ".gitignore")?.unwrap_or_default();
    let after = with_lines(&bare_names(&before), code_commit.ignores());
    let subject = if files.is_empty() { CONFIGURE } else { "ait: Migrate task data to aitask-data branch" };
    let mut edits: Vec<_> = files.into_iter().map(|(path, _)| Edit::Remove { path }).collect();
    if after != before {
        edits.push(Edit::Put { path: ".gitignore".to_owned(), content: after });
    }
    Ok(if edits.is_empty() { plan } else { plan.step(code, Step::edit(subject, edits)) })
}

/// The files of the task data on a code branch, with their paths.
fn files_of(view: &View<'_>, branch: &Branch) -> Result<Vec<(String, TreeEntry)>> {
    view.list(branch, &[paths::TASKS_DIR, paths::PLANS_DIR]).map(by_name)
}

/// Refuses to remove files from the code branch whose content the data branch never had: they would be lost to every
/// reader of the task data. One process.
fn require_kept(context: &Context, data: &Oid, files: &[(String, TreeEntry)], code: &Branch) -> Result<()> {
    let had = objects::names_reachable(&context.repository, data)?;
    let lost: Vec<_> =
        files.iter().filter(|(_, entry)| !had.contains(&entry.oid)).map(|(name, _)| name.as_str()).collect();
    if lost.is_empty() {
        return Ok(());
    }
    let message = format!("{DATA} exists, and {code} has task data that it never had: {}", lost.join(", "));
    Err(Error::new(Kind::Occupied, message).hint(match context.channel.remote() {
        Some(remote) => command!["git pull", remote, code].note("if the move was published"),
        None => command!["git rm -r", paths::TASKS_DIR, paths::PLANS_DIR],
    }))
}

/// Refuses obstacles to the checkout of the data branch, before anything is published.
fn require_free(context: &Context) -> Result<()> {
    let root = &context.repository.root;
    let place = root.join(paths::DATA_WORKTREE_DIR);
    let is_there = data_checkout(root).is_none() && place.symlink_metadata().is_ok();
    if is_there && !std::fs::read_dir(&place).is_ok_and(|mut files| files.next().is_none()) {
        let message = format!("{} exists, so the data branch cannot be checked out there", place.display());
        return Err(Error::new(Kind::Occupied, message).hint(command![
            "mv",
            paths::DATA_WORKTREE_DIR,
            format!("{}.old", paths::DATA_WORKTREE_DIR)
        ]));
    }
    require_clean(context, root)
}

/// Refuses a `.gitignore` with uncommitted changes in the checkout at `dir`.
pub(crate) fn require_clean(context: &Context, dir: &Path) -> Result<()> {
    let changed = worktree::changes_below(&context.repository, dir, &[".gitignore"])?;
    if changed.entries.is_empty() {
        return Ok(());
    }
    let below = dir.strip_prefix(&context.repository.root).ok().filter(|below| !below.as_os_str().is_empty());
    let commit = command!["git add .gitignore && git commit .gitignore"];
    Err(Error::new(Kind::Dirty, ".gitignore has uncommitted changes, and this command must change it").hint(
        match below {
            Some(below) => commit.within(below),
            None => commit,
        },
    ))
}

/// Adds the private paths to the `.gitignore` of the data branch, where another program or an older release created it
/// without them. `false` when there was nothing to do, which costs no connection.
///
/// # Errors
/// [`Kind::Dirty`] where the file has uncommitted changes.
pub(crate) fn ignore_private(context: &Context) -> Result<bool> {
    let Some(dir) = data_state::data_worktree(context) else { return Ok(false) };
    for line in DATA_IGNORES {
        crate::files::exclude(&context.repository.common_dir, &format!("/{line}"))?;
    }
    let (data, ledger) = (Branch::parse(DATA)?, context.ledger());
    if ignoring(&ledger.view(std::slice::from_ref(&data), Freshness::AsKnown)?, &data, &DATA_IGNORES)?.is_none() {
        return Ok(false);
    }
    require_clean(context, &dir)?;
    let landed = ledger.transact(&nonce()?, std::slice::from_ref(&data), |view| {
        Ok(match ignoring(view, &data, &DATA_IGNORES)? {
            Some(edit) => Decision::Publish(Plan::new().step(&data, Step::edit(INITIALISE, vec![edit])), true),
            None => Decision::NoChange(false),
        })
    })?;
    Ok(landed.value)
}

/// The edit that adds what the `.gitignore` of the data branch lacks: the private paths and, where the code branch does
/// not ignore the links, [`KEPT_IN_DATA`].
pub(crate) fn ignores_missing(context: &Context, view: &View<'_>, data: &Branch) -> Result<Option<Edit>> {
    let links = if is_ignored(&context.repository.root) { &[] } else { &KEPT_IN_DATA[..] };
    ignoring(view, data, &[&DATA_IGNORES, links].concat())
}

fn ignoring(view: &View<'_>, data: &Branch, lines: &[&str]) -> Result<Option<Edit>> {
    let before = view.document(data, ".gitignore")?.unwrap_or_default();
    let content = with_lines(&before, lines);
    Ok((content != before).then(|| Edit::Put { path: ".gitignore".to_owned(), content }))
}

#[cfg(test)]
mod tests;
