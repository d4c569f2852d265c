//! Giving the task data a branch of its own (specification 40, sections 2 and 9): from nothing, or from the code branch
//! it lived on. Nothing that is published is ever overwritten (verdict P1).

use super::context::Context;
use super::data_branch;
use super::init::TYPES;
use super::outcome::Aside;
use crate::error::{Error, Kind, Result};
use crate::git::objects::Edit;
use crate::git::{Branch, merge, worktree};
use crate::ledger::transaction::Step;
use crate::ledger::{Channel, DATA, Decision, Ledger, Plan, View, nonce};
use crate::task::paths;
use std::path::Path;

/// What the code branch ignores: the checkout, and the links into it.
pub const CODE_IGNORES: [&str; 3] = [".aitask-data/", paths::TASKS_DIR, paths::PLANS_DIR];
/// The subject of the commit that sets a code branch without task data up.
pub const CONFIGURE: &str = "ait: Configure task data branch with worktree and symlinks";
/// What the data branch ignores.
const DATA_IGNORES: [&str; 6] = [
    "aitasks/new/",
    "aitasks/metadata/userconfig.yaml",
    "aitasks/metadata/*.local.json",
    "aitasks/metadata/profiles/local/",
    "aitasks/metadata/chatlink_sessions/",
    "aitasks/metadata/applink_sessions/",
];

/// What becomes of the commit on the code branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// It is published in the same swap, where the server takes it.
    Published,
    /// It stays here, for its owner to publish (verdict P3).
    Stays,
}

/// Makes the data branch where there is none, moves the task data there, and checks it out; gives what was made, and
/// what else there is to say. Both branches change in one swap.
///
/// # Errors
/// [`Kind::Dirty`] for task data that is not committed and published; [`Kind::Occupied`] when both branches carry some.
pub fn to_data_branch(context: &Context, code_too: Code) -> Result<(Vec<String>, Aside)> {
    let root = &context.repository.root;
    let data = Branch::parse(DATA)?;
    if root.join(paths::DATA_WORKTREE_DIR).join(".git").exists() {
        data_branch::link_folders(root)?;
        return Ok((Vec::new(), Aside::default()));
    }
    let Some(code) = context.repository.root_branch.clone() else {
        let message = format!("{} is on no branch", root.display());
        return Err(Error::new(Kind::DetachedHead, message).hint("git switch main"));
    };
    require_settled(context)?;
    let ledger = Ledger { own: None, ..context.ledger() };
    let both = [data.clone(), code.clone()];
    let mut made = Vec::new();
    let mark = nonce()?;
    let alone = || -> Result<_> {
        let landed = ledger.transact(&mark, &both, |view| decide(context, view, &data, &code, false))?;
        let here = Ledger { channel: Channel::Local, ..context.ledger() };
        here.transact(&mark, std::slice::from_ref(&code), |view| {
            let plan = leave_code(Plan::new(), view, &code)?;
            Ok(if plan.branches.is_empty() { Decision::Nothing(()) } else { Decision::Swap(plan, ()) })
        })?;
        let mut aside = Aside::of(context, &landed);
        aside.notes.push(format!(
            "the commit that takes the task data out of {code} is here only; publish it the way you publish code"
        ));
        Ok((landed.value, aside))
    };
    let (is_new, mut aside) = match code_too {
        Code::Stays => alone()?,
        Code::Published => match ledger.transact(&mark, &both, |view| decide(context, view, &data, &code, true)) {
            Ok(landed) => (landed.value, Aside::of(context, &landed)),
            Err(error) if error.is_denied_for(code.as_str()) => {
                let (is_new, mut aside) = alone()?;
                aside.notes.insert(0, format!("the server refuses pushes to {code}"));
                (is_new, aside)
            }
            Err(error) => return Err(error),
        },
    };
    made.extend(is_new.then(|| format!("branch {data}")));
    if context.dry_run {
        aside.would_run(format!("git worktree add {} {data}", paths::DATA_WORKTREE_DIR));
        return Ok((made, aside));
    }
    require_left(context, &code)?;
    super::place::exclude(&context.repository.common_dir, "/.aitask-data/")?;
    // What git ignored stays in the folders; it moves over, and links take their place.
    let start = ledger.view(std::slice::from_ref(&data), false)?.tip(&data);
    data_branch::make_checkout(context, &data, start.published.as_ref().filter(|_| start.local.is_none()))?;
    for name in [paths::TASKS_DIR, paths::PLANS_DIR] {
        move_into(&root.join(name), &root.join(paths::DATA_WORKTREE_DIR).join(name))?;
    }
    data_branch::link_folders(root)?;
    made.push(format!("worktree {}", paths::DATA_WORKTREE_DIR));
    Ok((made, aside))
}

/// Refuses task data that only this checkout has.
fn require_settled(context: &Context) -> Result<()> {
    let root = &context.repository.root;
    let folders = [paths::TASKS_DIR, paths::PLANS_DIR].map(|name| root.join(name));
    if folders.iter().all(|folder| !folder.is_dir()) {
        return Ok(());
    }
    let status = worktree::changes_below(&context.repository, root, &[paths::TASKS_DIR, paths::PLANS_DIR])?;
    let Some(first) = status.entries.iter().find(|entry| entry.path.components().count() > 1) else { return Ok(()) };
    Err(Error::new(Kind::Dirty, format!("task data is not committed: {}", first.path.display()))
        .hint("git aitask sync"))
}

/// Refuses a checkout whose code branch still carries task data: it could not be brought forward.
fn require_left(context: &Context, code: &Branch) -> Result<()> {
    let ledger = Ledger { channel: Channel::Local, ..context.ledger() };
    let view = ledger.view(std::slice::from_ref(code), false)?;
    let files = if view.base(code).is_some() { files_of(&view, code)? } else { Vec::new() };
    let Some(first) = files.first() else { return Ok(()) };
    let message = format!("{DATA} is there, but {code} still carries task data here: {first} and others");
    let upstream = context.channel.remote().map_or_else(String::new, |remote| format!("{remote}/"));
    Err(Error::new(Kind::Occupied, message).hint(format!("git merge {upstream}{code}, then the same again")))
}

/// Whether the branch was made, and how; `with_code` takes the task data out of the code branch, too.
fn decide(context: &Context, view: &View<'_>, data: &Branch, code: &Branch, with_code: bool) -> Result<Decision<bool>> {
    let files = if view.base(code).is_some() { files_of(view, code)? } else { Vec::new() };
    if view.base(data).is_some() {
        if files.is_empty() {
            return Ok(Decision::Nothing(false));
        }
        let message = format!("{data} exists, and {code} still carries task data: {}", files.join(", "));
        let hint = match context.channel.remote() {
            Some(remote) => format!("git pull {remote} {code}, where the move was published"),
            None => format!("git rm -r {} {}", paths::TASKS_DIR, paths::PLANS_DIR),
        };
        return Err(Error::new(Kind::Occupied, message).hint(hint));
    }
    let tip = view.tip(code);
    if let (true, Some(local), Some(theirs)) = (view.fresh, &tip.local, &tip.published) {
        let (ahead, _) = merge::ahead_behind(&context.repository, local, theirs)?;
        if ahead > 0 && !files.is_empty() {
            let message = format!("{code} has {ahead} commits here that are not published, perhaps with task data");
            return Err(Error::new(Kind::Dirty, message).hint("git push"));
        }
    }
    let wanted: Vec<_> = files.iter().map(|path| (code, path.clone())).collect();
    let texts = view.files(&wanted)?;
    let mut edits: Vec<_> = files
        .iter()
        .zip(texts)
        .filter_map(|(path, text)| Some(Edit::Put { path: path.clone(), content: text? }))
        .collect();
    let ignores = String::from_utf8_lossy(&with_lines(b"", &DATA_IGNORES)).into_owned();
    let mut fresh = vec![(".gitignore", ignores)];
    if files.is_empty() {
        fresh.extend([(paths::LABELS_FILE, String::new()), (paths::TASK_TYPES_FILE, TYPES.to_owned())]);
    }
    edits.extend(fresh.into_iter().map(|(path, text)| Edit::Put { path: path.to_owned(), content: text.into_bytes() }));
    let subject = if files.is_empty() {
        "ait: Initialize task data structure".to_owned()
    } else {
        format!("ait: Migrate task data from {code} branch")
    };
    let mut plan = Plan::new().step(data, Step::edit("ait: Initialize aitask-data branch", Vec::new()));
    plan = plan.step(data, Step::edit(subject, edits));
    if with_code {
        plan = leave_code(plan, view, code)?;
    }
    Ok(Decision::Swap(plan, true))
}

/// The step that takes the task data out of the code branch, and ignores what comes in its place.
fn leave_code(plan: Plan, view: &View<'_>, code: &Branch) -> Result<Plan> {
    if view.base(code).is_none() {
        return Ok(plan);
    }
    let files = files_of(view, code)?;
    let before = view.files(&[(code, ".gitignore".to_owned())])?.pop().flatten().unwrap_or_default();
    let after = with_lines(&before, &CODE_IGNORES);
    let subject = if files.is_empty() { CONFIGURE } else { "ait: Migrate task data to aitask-data branch" };
    let mut edits: Vec<_> = files.into_iter().map(|path| Edit::Remove { path }).collect();
    if after != before {
        edits.push(Edit::Put { path: ".gitignore".to_owned(), content: after });
    }
    Ok(if edits.is_empty() { plan } else { plan.step(code, Step::edit(subject, edits)) })
}

fn files_of(view: &View<'_>, branch: &Branch) -> Result<Vec<String>> {
    let entries = view.list(branch, &[paths::TASKS_DIR, paths::PLANS_DIR])?;
    let names = entries.iter().filter_map(|entry| entry.path_str().map(str::to_owned));
    Ok(names.filter(|name| name.contains('/')).collect())
}

/// A list of patterns with these lines in it; a folder's pattern that a link would escape loses its slash.
fn with_lines(before: &[u8], wanted: &[&str]) -> Vec<u8> {
    let text = String::from_utf8_lossy(before).into_owned();
    let mut lines: Vec<&str> = text.lines().collect();
    for line in &mut lines {
        if let Some(bare) = line.strip_suffix('/').filter(|bare| wanted.contains(bare)) {
            *line = bare;
        }
    }
    let missing: Vec<_> = wanted.iter().filter(|line| !lines.contains(line)).collect();
    lines.extend(missing);
    lines.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect()
}

/// Moves what is left in a folder into another, and removes the folder. What is there already stays there.
///
/// # Errors
/// [`Kind::Occupied`] when both have a file of one name with different content.
fn move_into(from: &Path, to: &Path) -> Result<()> {
    if !from.symlink_metadata().is_ok_and(|data| data.is_dir()) {
        return Ok(());
    }
    let io = |error: std::io::Error| Error::io("move", from, &error);
    std::fs::create_dir_all(to).map_err(io)?;
    for entry in std::fs::read_dir(from).map_err(io)? {
        let entry = entry.map_err(io)?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().map_err(io)?.is_dir() {
            move_into(&path, &target)?;
        } else if target.symlink_metadata().is_err() {
            std::fs::rename(&path, &target).map_err(io)?;
        } else if std::fs::read(&path).ok() == std::fs::read(&target).ok() {
            std::fs::remove_file(&path).map_err(io)?;
        } else {
            let message = format!("{} differs from {}", path.display(), target.display());
            return Err(Error::new(Kind::Occupied, message).hint(format!("mv {0} {0}.old", path.display())));
        }
    }
    std::fs::remove_dir(from).map_err(io)
}

#[cfg(test)]
mod tests {
    use super::{CODE_IGNORES, with_lines};

    #[test]
    fn patterns_stand_there_once() {
        let once = with_lines(b"target/\naitasks/\n", &CODE_IGNORES);
        assert_eq!(String::from_utf8_lossy(&once), "target/\naitasks\n.aitask-data/\naiplans\n");
        assert_eq!(with_lines(&once, &CODE_IGNORES), once);
    }
}
