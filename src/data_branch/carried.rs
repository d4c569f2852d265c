//! Task data that a clone has on the code branch, and that the branch of the task data lacks: what it had changed and not
//! published when another clone moved the data. These changes are merged with what that branch has, file by file, as a sync
//! merges them.

use crate::error::{Error, Kind, Payload, Result};
use crate::git::objects::{self, Edit};
use crate::git::porcelain::commit::Commit;
use crate::git::porcelain::ls_tree::TreeEntry;
use crate::git::porcelain::status::{StatusEntry, StatusKind};
use crate::git::porcelain::unmerged::{Version, Versions};
use crate::git::{Branch, Freshness, Oid, index_file, merge, worktree};
use crate::ledger::view::Tip;
use crate::ledger::{DATA, Ledger, View};
use crate::project::context::Context;
use crate::sync::join::{self, Resolutions, Unresolved};
use crate::task::merge::MergeRules;
use crate::task::{PlanPath, TaskPath, paths};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// The subject of the commit with them.
pub(super) const SUBJECT: &str = "ait: Bring task data that was not published before it was moved";

const FOLDERS: [&str; 2] = [paths::TASKS_DIR, paths::PLANS_DIR];

/// The files of the task data in a commit, with their paths.
pub(super) fn files_at(context: &Context, commit: &Oid) -> Result<Vec<(String, TreeEntry)>> {
    objects::list(&context.repository, commit, &FOLDERS).map(by_name)
}

/// The files among these entries that are in a folder, with their paths.
pub(super) fn by_name(entries: Vec<TreeEntry>) -> Vec<(String, TreeEntry)> {
    let named = entries.into_iter().filter_map(|entry| Some((entry.path_str()?.to_owned(), entry)));
    named.filter(|(name, _)| name.contains('/')).collect()
}

/// A code branch, and the default branch of the remote, from which the task data was moved: the branches that
/// [`missing`] reads besides that of the task data.
pub(super) fn code_branches(context: &Context, code: &Branch) -> Vec<Branch> {
    let default = context.known_default_branch().filter(|default| default != code);
    std::iter::once(code.clone()).chain(default).collect()
}

/// The local tip of a code branch, and the published one: of the default branch where it is not published itself.
pub(super) fn tips_of_code(context: &Context, view: &View<'_>, code: &Branch) -> Option<[Oid; 2]> {
    let Tip { local, published, .. } = view.tip(code);
    let default = || view.tip(&context.known_default_branch()?).published;
    Some([local?, published.or_else(default)?])
}

/// A file with its path.
type File = (String, Version);

/// The files of three commits by what they are, the first one being what the others began with: a task or a plan of that one is
/// the same wherever it is filed, unless a commit has two with its number; any other file goes by its path.
fn keyed(all: [Vec<File>; 3]) -> [BTreeMap<String, File>; 3] {
    let number = |path: &str| {
        let task = TaskPath::parse(path).map(|path| format!("t{}", path.id()));
        task.or_else(|| PlanPath::parse(path).map(|path| format!("p{}", path.id())))
    };
    let counts = all.each_ref().map(|files| {
        files.iter().filter_map(|(path, _)| number(path)).fold(BTreeMap::<_, usize>::new(), |mut counts, id| {
            *counts.entry(id).or_default() += 1;
            counts
        })
    });
    let is_one = |id: &String| counts[0].contains_key(id) && counts.iter().all(|counts| counts.get(id) <= Some(&1));
    let key = |path: &str| number(path).filter(is_one).unwrap_or_else(|| path.to_owned());
    all.map(|files| files.into_iter().map(|file| (key(&file.0), file)).collect())
}

/// What the data branch at `data` lacks of the task data that the local commits of the code branch change; empty where it has
/// all of that, and without a published code branch.
///
/// # Errors
/// [`Kind::Conflict`] with the files that were changed on both, and that no rule merges.
pub(super) fn missing(context: &Context, view: &View<'_>, data: &Oid, code: &Branch) -> Result<Vec<Edit>> {
    let repository = &context.repository;
    let Some([local, published]) = tips_of_code(context, view, code) else { return Ok(Vec::new()) };
    let Some(base) = fork(context, code, [&local, &published])?.filter(|base| *base != local) else {
        return Ok(Vec::new());
    };
    let files = |commit: &Oid| -> Result<Vec<File>> {
        let version = |entry: TreeEntry| Version { mode: entry.mode.as_str().to_owned(), oid: entry.oid };
        Ok(files_at(context, commit)?.into_iter().map(|(path, entry)| (path, version(entry))).collect())
    };
    let [base, ours, theirs] = keyed([files(&base)?, files(&local)?, files(data)?]);
    let (mut edits, mut both) = (Vec::new(), BTreeMap::new());
    // Whoever removes the folders removes no task, so that a file which is only gone here stays there.
    for (key, (our_path, our_version)) in &ours {
        let (base, theirs) = (base.get(key), theirs.get(key));
        if theirs.is_some_and(|(path, version)| (path, version) == (our_path, our_version)) {
            continue;
        }
        // Where either side has filed it, it is.
        let path = match (base, theirs) {
            (Some((base, _)), Some((theirs, _))) if base == our_path => theirs,
            _ => our_path,
        };
        let text = |file: Option<&File>| file.map(|(_, version)| version.clone());
        let (before, now, there) = (text(base), Some(our_version.clone()), text(theirs));
        let former = theirs.map(|(former, _)| former).filter(|former| *former != path);
        let take = |Version { mode, oid }: Version| Edit::Take { path: path.clone(), mode, oid };
        if before == now && base.is_some_and(|(base, _)| base == our_path) {
            continue;
        }
        if there == before || there == now && former.is_some() {
            edits.push(take(our_version.clone()));
        } else if before == now {
            // Here it was only filed, and the text there is the newer one.
            let Some(there) = there.filter(|_| former.is_some()) else { continue };
            edits.push(take(there));
        } else if there != now {
            let versions = Versions { base: before, ours: now, theirs: there };
            both.insert(PathBuf::from(path), versions);
        }
        edits.extend(former.map(|former| Edit::Remove { path: former.clone() }));
    }
    match join::merge_files(repository, both, MergeRules::ThreeWay, &Resolutions::new())? {
        // After they were brought, the same merge comes to what is there.
        Ok(merged) => {
            let there: BTreeMap<_, _> =
                theirs.values().map(|(path, version)| (path, version.oid.to_string())).collect();
            let texts: Vec<_> = there.values().cloned().collect();
            let texts = if merged.is_empty() { Vec::new() } else { objects::load(repository, &texts)? };
            let there: BTreeMap<_, _> = there.keys().zip(texts).collect();
            let is_there = |edit: &Edit| match edit {
                Edit::Put { path, content } => {
                    there.get(&path).is_some_and(|text| text.as_ref().is_some_and(|text| text.data == *content))
                }
                _ => false,
            };
            edits.extend(merged.into_iter().filter(|edit| !is_there(edit)));
            Ok(edits)
        }
        Err(unresolved) => Err(conflict(context, [&ours, &theirs], code, &unresolved)),
    }
}

/// What the local commits of a code branch began with, as far as they can have changed task data that was not moved: the merge
/// base with the published branch; or, where they were merged or rebased with the removal of the task data there, that of
/// the branch as it was before. Up to seven processes.
fn fork(context: &Context, code: &Branch, [local, published]: [&Oid; 2]) -> Result<Option<Oid>> {
    let repository = &context.repository;
    let removal = if files_at(context, published)?.is_empty() {
        let call = repository.read("rev-list").args(["--first-parent", "-n", "1", published.as_str(), "--"]);
        Oid::parse(&call.args(FOLDERS).run()?.text())
    } else {
        None
    };
    let Some(removal) = removal else { return merge::base(repository, local, published) };
    let Some(first) = merge::first_with(repository, &removal, local)? else {
        return merge::base(repository, local, published);
    };
    // A rebase leaves only in the reflog what the commits were made on.
    let logged = repository.read("log").args(["-g", "--format=%H", code.full().as_str(), "--"]).output()?.text();
    let logged: Vec<_> = logged.lines().filter_map(Oid::parse).collect();
    let call = repository.read("rev-list").args(["--ancestry-path", &format!("^{removal}")]);
    let after = call.args(logged.iter().map(Oid::as_str)).arg("--").output()?.text();
    let after: BTreeSet<_> = after.lines().chain([removal.as_str()]).collect();
    let before = if let Some(before) = logged.into_iter().find(|oid| !after.contains(oid.as_str())) {
        Some(before)
    } else {
        let commit = objects::load_one(repository, first.as_str())?.map(|commit| Commit::parse(&commit.data));
        commit.transpose()?.and_then(|commit| commit.parents.into_iter().next())
    };
    before.map_or(Ok(None), |before| merge::base(repository, &before, &removal))
}

fn conflict(
    context: &Context,
    [ours, theirs]: [&BTreeMap<String, File>; 2],
    code: &Branch,
    unresolved: &[Unresolved],
) -> Error {
    let root = &context.repository.root;
    let of = |file: &Unresolved| {
        let is_it = |(_, version): &&File| file.versions.ours.as_ref() == Some(version);
        let key = ours.iter().find(|(_, file)| is_it(file));
        let here = key.map_or_else(|| file.path.display().to_string(), |(_, (path, _))| path.clone());
        (here, key.and_then(|(key, _)| theirs.get(key)).map(|(path, _)| path.clone()))
    };
    let files: Vec<_> = unresolved.iter().map(of).collect();
    let names: Vec<_> = files.iter().map(|(here, _)| here.clone()).collect();
    let message = format!(
        "the task data was moved, and files were changed both there and on the local {code}, and no rule merges them: {}",
        names.join(", ")
    );
    let at = |path: &str| format!("{}/{path}", paths::DATA_WORKTREE_DIR);
    let error = files.iter().fold(Error::new(Kind::Conflict, message), |error, (here, there)| {
        let hint = if let Some(there) = there {
            let note = "put what is missing into the second file, and git aitask sync";
            command!["git diff --no-index", here, at(there)].note(note)
        } else {
            let folder = at(Path::new(here).parent().and_then(Path::to_str).unwrap_or_default());
            let copy = command!["mkdir -p", &folder, "&& cp -n", here, &folder, "&& git aitask sync"];
            copy.note("it was removed there: brings it back, where it is still wanted")
        };
        error.hint(hint.within(root))
    });
    let rm = names.iter().fold(command!["git rm"], |hint, name| hint.word(&name));
    let rm = rm.text("&& git commit -m 'The task changes are on aitask-data' && git aitask init --data-branch");
    error
        .hint(rm.within(root).note("once nothing of them is missed; until then aitask-data alone counts"))
        .with(Payload::Files { files: names })
}

/// Task files that are left in the main worktree from before the task data got a branch of its own.
#[derive(Debug)]
pub(crate) struct Leftover {
    /// The files with changes that are not on that branch, so that nobody sees them: commits of the code branch, what is not
    /// committed, and a merge that was not finished.
    pub(crate) unseen: Vec<String>,
}

impl Leftover {
    /// Looks for them. `None` also where an older branch is checked out, whose task data nobody changed. Without a process
    /// where the links to the task data are in their places.
    ///
    /// # Errors
    /// Those of git.
    pub(crate) fn find(context: &Context) -> Result<Option<Self>> {
        let root = &context.repository.root;
        let is_folder = |name: &str| root.join(name).symlink_metadata().is_ok_and(|data| data.is_dir());
        if !context.has_data_branch() || !FOLDERS.iter().any(|name| is_folder(name)) {
            return Ok(None);
        }
        let mut unseen: BTreeSet<_> = uncommitted(context)?.into_iter().collect();
        let mut is_left = false;
        if let Some(code) = &context.repository.root_branch {
            let data = Branch::parse(DATA)?;
            let ledger = Ledger { data_only_branch: None, ..context.reading_ledger() };
            let all: Vec<_> = code_branches(context, code).into_iter().chain([data.clone()]).collect();
            let view = ledger.view(&all, Freshness::AsKnown)?;
            is_left = match has_changes(context, &view, code)? {
                Some(has_changes) => has_changes,
                // These are a second home of the tasks, and not left from before the first one.
                None => return Ok(None),
            };
            if let Some(moved) = view.base(&data).filter(|_| is_left) {
                unseen.extend(names_of_missing(missing(context, &view, moved, code))?);
            }
        }
        let unseen: Vec<_> = unseen.into_iter().collect();
        Ok((is_left || !unseen.is_empty()).then_some(Self { unseen }))
    }

    /// The files that nobody sees.
    ///
    /// # Errors
    /// As [`Self::find`].
    pub(crate) fn unseen(context: &Context) -> Result<Vec<String>> {
        Ok(Self::find(context)?.map_or_else(Vec::new, |left| left.unseen))
    }
}

/// The note on files that nobody sees.
pub(crate) fn note_on_unseen(files: &[String]) -> Option<String> {
    let (first, others) = files.split_first()?;
    let more = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
    Some(format!(
        "task changes in the main worktree are not on {DATA}, and nobody sees them: {first}{more}; git aitask init \
         --data-branch brings them there"
    ))
}

/// Whether the local commits of a code branch change task data that was removed from the published one; `None` where that has
/// task data.
fn has_changes(context: &Context, view: &View<'_>, code: &Branch) -> Result<Option<bool>> {
    let Some([local, published]) = tips_of_code(context, view, code) else { return Ok(Some(false)) };
    if !files_at(context, &published)?.is_empty() {
        return Ok(None);
    }
    let ours = files_at(context, &local)?;
    let base = if ours.is_empty() { None } else { fork(context, code, [&local, &published])? };
    let before = base.map(|base| files_at(context, &base)).transpose()?;
    Ok(Some(before.is_some_and(|before| before != ours)))
}

fn names_of_missing(missing: Result<Vec<Edit>>) -> Result<Vec<String>> {
    let error = match missing {
        Ok(edits) => return Ok(edits.iter().filter_map(|edit| edit.written().map(str::to_owned)).collect()),
        Err(error) => error,
    };
    let files = error.payloads().iter().find_map(|payload| match payload {
        Payload::Files { files } => Some(files.clone()),
        _ => None,
    });
    files.ok_or(error)
}

/// The task files and plans of a code branch in the main worktree that are not as in its commit; also those that git ignores,
/// unless the branch of the tasks has the same. None where the code branch never had task data, so that the folders are not its.
fn uncommitted(context: &Context) -> Result<Vec<String>> {
    let (repository, tree) = (&context.repository, context.tree());
    let known: BTreeSet<_> = if let Some(known) = index_file::load(repository, tree.root(), &FOLDERS.map(str::to_owned))
    {
        known.into_keys().collect()
    } else {
        let listed = repository.read("ls-files").args(["-z", "--"]).args(FOLDERS).run()?.stdout;
        listed
            .split(|&byte| byte == 0)
            .filter(|name| !name.is_empty())
            .map(|name| OsStr::from_bytes(name).to_owned())
            .collect()
    };
    let (mut folders, mut found) = (FOLDERS.map(PathBuf::from).to_vec(), BTreeSet::new());
    let text = |path: &Path| tree.read(path).ok();
    while let Some(folder) = folders.pop() {
        for entry in tree.entries(&folder) {
            let path = folder.join(&entry.name);
            let is_there =
                || text(&path).is_some_and(|here| Some(here) == text(&Path::new(paths::DATA_WORKTREE_DIR).join(&path)));
            if entry.is_folder {
                folders.push(path);
            } else if is_of_task(&path) && !known.contains(path.as_os_str()) && !is_there() {
                found.extend(path.to_str().map(str::to_owned));
            }
        }
    }
    if known.is_empty() {
        let was_tracked = || {
            let call = repository.read("rev-list").args(["-n", "1", "HEAD", "--"]).args(FOLDERS);
            Ok(!call.output()?.stdout.is_empty())
        };
        return Ok(if !found.is_empty() && was_tracked()? { found.into_iter().collect() } else { Vec::new() });
    }
    let status = worktree::changes_below(repository, tree.root(), &FOLDERS)?;
    let is_deleted = |entry: &StatusEntry| entry.code.contains(&'D') && !tree.is_there(&entry.path);
    let is_link = |entry: &StatusEntry| FOLDERS.iter().any(|name| entry.path == Path::new(name));
    let counts = |entry: &StatusEntry| entry.kind != StatusKind::Untracked && !is_deleted(entry) && !is_link(entry);
    found.extend(status.entries.into_iter().filter(counts).filter_map(|entry| Some(entry.path.to_str()?.to_owned())));
    Ok(found.into_iter().collect())
}

/// Whether a path is that of a task file or a plan.
pub(super) fn is_of_task(path: &Path) -> bool {
    path.to_str().is_some_and(|path| TaskPath::parse(path).is_some() || PlanPath::parse(path).is_some())
}
