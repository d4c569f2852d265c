//! Packing archived files into bundles, and unpacking them. A bundle is written beside the old one, read back member
//! by member, and renamed; only then are the loose files removed. So whenever a run is interrupted, every file is
//! loose, or in a bundle, or both.

mod selection;

use crate::archive::task_store::{TaskSource as _, is_archived};
use crate::compat::archive::snapshot::{DataCheckout, TaskDataSnapshot};
use crate::compat::folders::{TaskFolder, TaskFolders, is_file};
use crate::error::{Error, Kind, Result};
use crate::files::{Tree, exclude};
use crate::git::objects::Edit;
use crate::ledger::plan::Step;
use crate::ledger::queue::Queue;
use crate::ledger::{Decision, Plan, View};
use crate::task::{bundle, paths};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

pub(crate) use crate::compat::archive::bundles::selection::{BundleSelection, LooseFiles};

/// How a bundle of early versions ends.
const GZIP: &str = ".tar.gz";

/// The start of the name of a bundle that is being written; six random characters follow.
const BESIDE: &str = ".old";

/// Files by their names in a bundle.
type BundleFiles = Vec<(String, Vec<u8>)>;

/// The two archives: the core's name, the letter of their files, the folder.
fn archives(folders: &TaskFolders) -> [(&'static str, char, &TaskFolder); 2] {
    [(paths::ARCHIVED_TASKS_DIR, 't', &folders.archived), (paths::ARCHIVED_PLANS_DIR, 'p', &folders.archived_plans)]
}

/// A bundle to write.
struct BundleWrite {
    /// The core's path.
    path: String,
    /// Its path on disk, and where that is reached.
    file: std::path::PathBuf,
    tree: Tree,
    files: BTreeMap<String, Vec<u8>>,
    bytes: Vec<u8>,
    /// Core paths of the loose files in it, and of the gzip bundle that it replaces.
    replaces: Vec<String>,
}

impl BundleWrite {
    /// The bundle at `stem` with more files.
    fn add(root: &str, archive: &TaskFolder, stem: &str, loose: &[String]) -> Result<Self> {
        let mut bundled = BTreeMap::new();
        let mut replaces = Vec::new();
        for ending in ["gz", "zst"] {
            let name = format!("{stem}.tar.{ending}");
            if let Some(found) = load(archive, &name)? {
                bundled.extend(found);
                replaces.extend((ending == "gz").then(|| format!("{root}/{name}")));
            }
        }
        for name in loose {
            let gone = || Error::io("read", &archive.path(name), &std::io::ErrorKind::NotFound.into());
            let content = archive.tree().load(archive.path(name))?.ok_or_else(gone)?;
            // It is unknown which of the two is right: one may be the rest of a write to a full disk.
            if bundled.get(name).is_some_and(|other| *other != content) {
                let (file, bundle) = (archive.shown(name), archive.shown(stem));
                return Err(Error::new(Kind::Occupied, format!("{bundle} already has {file} with other content"))
                    .advice(format!("move {file} out of the archive, then unpack the bundle to compare both")));
            }
            bundled.insert(name.clone(), content);
            replaces.push(format!("{root}/{name}"));
        }
        Self::pack(root, archive, stem, bundled, replaces)
    }

    fn pack(
        root: &str,
        archive: &TaskFolder,
        stem: &str,
        files: BTreeMap<String, Vec<u8>>,
        replaces: Vec<String>,
    ) -> Result<Self> {
        let name = format!("{stem}.tar.zst");
        let bytes = bundle::pack(&files)?;
        let (file, tree) = (archive.path(&name), archive.tree().clone());
        Ok(Self { path: format!("{root}/{name}"), file, tree, files, bytes, replaces })
    }

    /// Writes the bundle beside the old one, reads it back, and renames it over the old one: a killed run or a full
    /// disk never leaves a broken bundle.
    fn write(&self) -> Result<()> {
        let folder = self.file.parent().unwrap_or(&self.file);
        let failed = |error: std::io::Error| Error::io("write", &self.file, &error);
        self.tree.make_folder(folder)?;
        remove_unfinished(folder);
        let mut beside = tempfile::Builder::new();
        let mut beside = beside
            .prefix(BESIDE)
            .permissions(std::fs::Permissions::from_mode(0o644))
            .tempfile_in(folder)
            .map_err(failed)?;
        let mut written = Vec::new();
        let back = beside
            .write_all(&self.bytes)
            .and_then(|()| beside.as_file().sync_all())
            .and_then(|()| beside.rewind())
            .and_then(|()| beside.read_to_end(&mut written));
        back.map_err(failed)?;
        bundle::verify(&self.files, &written)
            .map_err(|error| Error::new(Kind::Io, format!("Archive verification failed: {}: {error}", self.path)))?;
        beside.persist(&self.file).map(drop).map_err(|error| failed(error.error))
    }
}

/// Lets git ignore the unfinished bundle that a killed run leaves, so that it gets into no commit before it is removed.
fn ignore_unfinished(checkout: &DataCheckout<'_>) -> Result<()> {
    let folders = [paths::ARCHIVED_TASKS_DIR, paths::ARCHIVED_PLANS_DIR];
    folders.iter().try_for_each(|folder| {
        exclude(&checkout.context.repository.common_dir, &format!("/{folder}/_b*/{BESIDE}??????"))
    })
}

/// Removes the unfinished bundles of killed runs. No other process writes one now, since this one holds the queue
/// lock; a file that cannot be removed does no harm.
fn remove_unfinished(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        // Only names with the prefix and six letters or digits: other files may belong to the user.
        let name = entry.file_name();
        let rest = name.to_str().and_then(|name| name.strip_prefix(BESIDE));
        if rest.is_some_and(|rest| rest.len() == 6 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// The files of a bundle; `None` when there is no bundle.
fn load(archive: &TaskFolder, name: &str) -> Result<Option<BundleFiles>> {
    let bytes = archive.tree().load(archive.path(name))?;
    bytes.map(|bytes| bundle::files(&archive.shown(name), &bytes)).transpose()
}

/// The bundles of a selection, built in memory. An unreadable bundle fails the run here, before anything is written:
/// a new bundle in its place would lose its tasks.
fn changes(folders: &TaskFolders, selection: &BundleSelection) -> Result<Vec<BundleWrite>> {
    let loose = [&selection.tasks, &selection.plans];
    let all = archives(folders).into_iter().zip(loose);
    let all =
        all.flat_map(|((root, _, archive), loose)| loose.iter().map(move |(stem, files)| (root, archive, stem, files)));
    all.map(|(root, archive, stem, files)| BundleWrite::add(root, archive, stem, files)).collect()
}

/// Bundles the files that can go, without a commit.
///
/// # Errors
/// [`Kind::Unparsable`] for a bundle that cannot be read, [`Kind::Io`] when one cannot be written; no file is removed
/// then.
pub(crate) fn bundle_uncommitted(
    checkout: Option<&DataCheckout<'_>>,
    folders: &TaskFolders,
) -> Result<BundleSelection> {
    let _queue = checkout.map(enter_queue).transpose()?;
    let selection = BundleSelection::find(folders);
    let changes = changes(folders, &selection)?;
    if let Some(checkout) = checkout.filter(|_| !changes.is_empty()) {
        ignore_unfinished(checkout)?;
    }
    // All bundles are complete before the first loose file is removed, and the gzip bundles that they replace go last: an
    // interrupted run leaves files twice, which the next run removes.
    for change in &changes {
        change.write()?;
    }
    for ((_, letter, archive), loose) in archives(folders).into_iter().zip([&selection.tasks, &selection.plans]) {
        for file in loose.values().flatten() {
            archive.tree().remove(archive.path(file))?;
        }
        for folder in archive.folders(letter) {
            // The removal fails for a folder that is not empty, which then stays.
            let _ = archive.tree().remove_folder(archive.path(&folder));
        }
    }
    for gz in changes.iter().flat_map(|change| &change.replaces).filter(|path| path.ends_with(GZIP)) {
        if let Some(((_, _, archive), name)) =
            archives(folders).into_iter().find_map(|one| Some((one, gz.strip_prefix(one.0)?.trim_start_matches('/'))))
        {
            archive.tree().remove(archive.path(name))?;
        }
    }
    Ok(selection)
}

fn enter_queue(checkout: &DataCheckout<'_>) -> Result<Queue> {
    let ledger = checkout.ledger();
    Queue::enter(ledger.repository, ledger.timeout, ledger.progress)
}

/// Bundles the files that can go and commits exactly that, with the changes that an interrupted run left uncommitted.
/// Gives the selection, and how many tasks and plans the commit has.
///
/// # Errors
/// Those of [`bundle_uncommitted`], and a checkout with an unfinished rebase or merge, or on no branch.
pub(crate) fn bundle_committed(checkout: &DataCheckout<'_>) -> Result<(BundleSelection, (usize, usize))> {
    let landed =
        checkout.ledger().transact("", std::slice::from_ref(&checkout.branch), |view| decide(checkout, view))?;
    Ok(landed.value)
}

type SelectionAndCounts = (BundleSelection, (usize, usize));

fn decide(checkout: &DataCheckout<'_>, view: &View<'_>) -> Result<Decision<SelectionAndCounts>> {
    let snapshot = TaskDataSnapshot::load(checkout, view)?;
    let selection = BundleSelection::find(checkout.folders);
    let changes = changes(checkout.folders, &selection)?;
    let interrupted = interrupted(checkout, &snapshot, &changes)?;
    let mut counts = selection.counts();
    counts.0 += interrupted.removed.iter().filter(|path| path.starts_with(paths::TASKS_DIR)).count();
    counts.1 += interrupted.removed.iter().filter(|path| path.starts_with(paths::PLANS_DIR)).count();
    if counts == (0, 0) {
        return Ok(Decision::NoChange((selection, counts)));
    }
    ignore_unfinished(checkout)?;
    // The bundles are complete before the plan names them. The loose files are removed only when the commit has landed and
    // the checkout is updated, so an interrupted run loses none.
    for change in &changes {
        change.write()?;
    }
    let mut edits = Vec::new();
    let mut adopt = Vec::new();
    let bundles = changes.into_iter().map(|change| (change.path, change.bytes, change.replaces));
    for (path, content, replaces) in
        bundles.chain(interrupted.bundles.into_iter().map(|(path, bytes)| (path, bytes, vec![])))
    {
        adopt.push(path.clone());
        edits.push(Edit::Put { path, content });
        for path in replaces {
            adopt.extend((!snapshot.is_committed(&path)).then(|| path.clone()));
            edits.push(Edit::Remove { path });
        }
    }
    for path in interrupted.removed {
        adopt.push(path.clone());
        edits.push(Edit::Remove { path });
    }
    let subject = format!(
        "ait: Archive old files to numbered bundles\n\nTasks archived: {}\nPlans archived: {}",
        counts.0, counts.1
    );
    let edits = edits.into_iter().map(|edit| checkout.folder_paths.edit(edit)).collect();
    let mut plan = Plan::new().step(&checkout.branch, Step::edit(subject, edits));
    plan.adopt = adopt.iter().map(|path| checkout.folder_paths.in_git(path)).collect();
    Ok(Decision::Publish(plan, (selection, counts)))
}

/// The changes of a run that was interrupted before its commit: loose files that are gone, and the bundles that have
/// them.
#[derive(Default)]
struct InterruptedRun {
    removed: Vec<String>,
    bundles: Vec<(String, Vec<u8>)>,
}

fn interrupted(
    checkout: &DataCheckout<'_>,
    snapshot: &TaskDataSnapshot<'_>,
    changes: &[BundleWrite],
) -> Result<InterruptedRun> {
    let mut interrupted = InterruptedRun::default();
    let mut known: BTreeMap<String, Option<BTreeSet<String>>> = BTreeMap::new();
    for path in snapshot.missing().iter().filter(|path| is_archived(path)) {
        let Some(id) = paths::loose_id(path).or_else(|| paths::loose_plan_id(path)) else { continue };
        let found = archives(checkout.folders).into_iter().find(|(root, ..)| path.starts_with(root));
        let Some((root, _, archive)) = found else { continue };
        let name = format!("{}.tar.zst", bundle::path_for(id.number()));
        let bundle_path = format!("{root}/{name}");
        if !known.contains_key(&bundle_path) {
            let files = load(archive, &name)?;
            let is_new =
                !snapshot.is_committed(&bundle_path) && !changes.iter().any(|change| change.path == bundle_path);
            if is_new && files.is_some() {
                let bytes = archive.read(&name)?;
                interrupted.bundles.push((bundle_path.clone(), bytes));
            }
            let names = files.map(|files| files.into_iter().map(|(name, _)| name).collect());
            known.insert(bundle_path.clone(), names);
        }
        let member = path.strip_prefix(root).unwrap_or_default().trim_start_matches('/');
        if matches!(known.get(&bundle_path), Some(Some(names)) if names.contains(member)) {
            interrupted.removed.push(path.clone());
        }
    }
    if interrupted.removed.is_empty() {
        interrupted.bundles.clear();
    }
    Ok(interrupted)
}

/// A file of a bundle that was unpacked, or was not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unpacked {
    /// A task, now at this path.
    Task(String),
    /// A plan, now at this path.
    Plan(String),
    /// A file with another content exists at this path. It may be newer, so it stays, and the bundle keeps its member.
    Kept(String),
}

/// Unpacks a task, its children and their plans. Nothing is staged or committed, as in the scripts: the caller decides
/// whether the task comes back. The files are written before the bundle shrinks, so that no member is lost in between.
///
/// # Errors
/// As [`bundle_uncommitted`].
pub(crate) fn unpack(
    checkout: Option<&DataCheckout<'_>>,
    folders: &TaskFolders,
    number: &str,
) -> Result<Vec<Unpacked>> {
    let _queue = checkout.map(enter_queue).transpose()?;
    let mut unpacked = Vec::new();
    for (root, letter, archive) in archives(folders) {
        let start = format!("{letter}{number}");
        let is_wanted = |name: &str| {
            let own = name.strip_prefix(&format!("{start}/")).unwrap_or(name);
            !own.contains('/') && is_file(own, &format!("{start}_"))
        };
        for name in bundle::names_for(number) {
            let Some(files) = load(archive, &name)? else { continue };
            if !files.iter().any(|(file, _)| is_wanted(file)) {
                continue;
            }
            let mut rest = BTreeMap::new();
            let count = files.len();
            for (file, content) in files {
                if !is_wanted(&file) {
                    rest.insert(file, content);
                } else if write_new(archive, &file, &content)? {
                    let shown = archive.shown(&file);
                    unpacked.push(if letter == 't' { Unpacked::Task(shown) } else { Unpacked::Plan(shown) });
                } else {
                    unpacked.push(Unpacked::Kept(archive.shown(&file)));
                    rest.insert(file, content);
                }
            }
            if rest.len() < count {
                shrink(root, archive, &name, rest)?;
            }
            break;
        }
    }
    Ok(unpacked)
}

/// Writes a file, whole or not at all. Returns whether the path has this content now: another file there stays.
fn write_new(archive: &TaskFolder, name: &str, content: &[u8]) -> Result<bool> {
    let (tree, file) = (archive.tree(), archive.path(name));
    if let Some(there) = tree.load(&file)? {
        return Ok(there == content);
    }
    let made = if content.is_empty() { tree.create_empty(&file) } else { tree.create(&file, content) };
    made.map(|()| true)
}

/// Rewrites a bundle with these files only. A gzip bundle becomes a zstd bundle; an empty one is removed with its empty
/// folder.
fn shrink(root: &str, archive: &TaskFolder, name: &str, mut rest: BTreeMap<String, Vec<u8>>) -> Result<()> {
    let file = archive.path(name);
    let stem = name.split(".tar.").next().unwrap_or(name);
    if name.ends_with(GZIP)
        && let Some(files) = load(archive, &format!("{stem}.tar.zst"))?
    {
        rest.extend(files);
    }
    if !rest.is_empty() {
        BundleWrite::pack(root, archive, stem, rest, Vec::new())?.write()?;
        return if name.ends_with(GZIP) { archive.tree().remove(&file).map(drop) } else { Ok(()) };
    }
    archive.tree().remove(&file)?;
    if let Some(folder) = file.parent().filter(|_| name.contains('/')) {
        let _ = archive.tree().remove_folder(folder);
    }
    Ok(())
}
