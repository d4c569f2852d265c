//! Preparing two histories of task data for a merge without git's rename detection: task files are so similar that git
//! would take one task for another. A file that one side moved, told by the id in its name, is moved in the other side
//! and in the merge base too, in temporary commits; a file that one side removed and the other changed is left out of
//! the merge and reported as a clash.

use crate::error::{Error, Kind, Result};
use crate::git::objects::{self, Edit, NewCommit, ParentCommit};
use crate::git::porcelain::unmerged::{Version, Versions};
use crate::git::{Oid, Repository, merge};
use crate::task::TaskId;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The folders of tasks and plans, and the letter that the file names in them begin with.
const FOLDERS: [(&str, &str); 2] = [("aitasks/", "t"), ("aiplans/", "p")];

/// Two commits to merge, and the files that cannot be merged.
#[derive(Debug)]
pub(crate) struct Aligned {
    /// The commit to merge in place of ours.
    pub(crate) ours: Oid,
    /// The commit to merge in place of theirs.
    pub(crate) theirs: Oid,
    /// Files of tasks and plans that one side removed and the other changed, that both moved to different places, or
    /// whose id both gave to different new files.
    pub(crate) clashes: BTreeMap<PathBuf, Versions>,
}

/// The changes of one side: the versions of each changed file before and after, and the moves, from old path to new
/// path.
#[derive(Default)]
struct Side {
    changed: BTreeMap<String, (Option<Version>, Option<Version>)>,
    moved: BTreeMap<String, String>,
}

/// Prepares two commits for a merge: apart from clashes, merging the returned commits gives the tree that a merge of
/// `ours` and `theirs` should have.
///
/// # Errors
/// When git fails.
pub(crate) fn aligned(repository: &Repository, ours: &Oid, theirs: &Oid) -> Result<Aligned> {
    let mut aligned = Aligned { ours: ours.clone(), theirs: theirs.clone(), clashes: BTreeMap::new() };
    let Some(base) = merge::base(repository, ours, theirs)? else { return Ok(aligned) };
    let (here, there) = (load(repository, &base, ours)?, load(repository, &base, theirs)?);
    let (mut of_base, mut of_ours, mut of_theirs) = (Vec::new(), Vec::new(), Vec::new());
    for (side, other, of_other, is_ours) in
        [(&here, &there, &mut of_theirs, true), (&there, &here, &mut of_ours, false)]
    {
        let gone = side.changed.iter().filter(|(_, (_, after))| after.is_none());
        for (path, (base, _)) in gone.filter(|(path, _)| is_task_data(path)) {
            let edited = other.changed.get(path).map(|(_, after)| after.clone());
            let moved = side.moved.get(path);
            match (moved, edited) {
                // Removed or moved on both sides: handled once, for our side.
                (Some(to), Some(None)) if is_ours => match other.moved.get(path) {
                    Some(same) if same == to => of_base.push(rename(path, to)),
                    Some(_) => {
                        let after = side.changed.get(to).and_then(|(_, after)| after.clone());
                        let versions = Versions { base: base.clone(), ours: after, theirs: None };
                        aligned.clashes.insert(PathBuf::from(to), versions);
                        of_base.push(Edit::Remove { path: path.clone() });
                    }
                    None => of_base.push(rename(path, to)),
                },
                (None, Some(None)) if is_ours => {
                    if let Some(to) = other.moved.get(path) {
                        of_base.push(rename(path, to));
                    }
                }
                (_, Some(None)) => {}
                (Some(to), _) if !is_in_the_way(to, side, other) => {
                    of_base.push(rename(path, to));
                    of_other.push(rename(path, to));
                }
                (_, Some(Some(edited))) => {
                    let (ours, theirs) = if is_ours { (None, Some(edited)) } else { (Some(edited), None) };
                    aligned.clashes.insert(PathBuf::from(path), Versions { base: base.clone(), ours, theirs });
                    of_base.push(Edit::Remove { path: path.clone() });
                    of_other.push(Edit::Remove { path: path.clone() });
                }
                (_, None) => {}
            }
        }
    }
    for (path, version) in new_on_both(&here, &there) {
        aligned.clashes.insert(path, Versions { base: None, ours: Some(version), theirs: None });
    }
    if of_base.is_empty() {
        return Ok(aligned);
    }
    let trees = [&base, ours, theirs].map(|commit| format!("{commit}^{{tree}}"));
    let trees = objects::load(repository, &trees)?.into_iter().flatten().map(|tree| tree.oid).collect::<Vec<_>>();
    let made = |parent, tree: usize, edits: &[Edit]| {
        let message = "git aitask: to be merged\n".to_owned();
        NewCommit { parent, merged: None, tree: trees.get(tree).cloned(), edits: edits.to_vec(), message }
    };
    // Both temporary commits get the same base: a commit built twice from the same bytes has the same id.
    let begin = || made(ParentCommit::Root, 0, &of_base);
    let (ours, theirs) = (made(ParentCommit::Previous, 1, &of_ours), made(ParentCommit::Previous, 2, &of_theirs));
    match &objects::build(repository, &[begin(), ours, begin(), theirs])?.commits[..] {
        [_, ours, _, theirs] => Ok(Aligned { ours: ours.clone(), theirs: theirs.clone(), ..aligned }),
        _ => Err(Error::new(Kind::Bug, "git made too few commits to merge")),
    }
}

/// Our new files whose id the other side gave to another new file: children are numbered without the remote, so two
/// clones may take the same number.
fn new_on_both(here: &Side, there: &Side) -> Vec<(PathBuf, Version)> {
    let theirs: BTreeMap<_, _> = there.new_files().map(|(key, path, _)| (key, path)).collect();
    let taken = here.new_files().filter(|(key, path, _)| theirs.get(key).is_some_and(|other| other != path));
    taken.map(|(_, path, version)| (PathBuf::from(path), version.clone())).collect()
}

impl Side {
    /// The files that this side made, not moved, with their identity.
    fn new_files(&self) -> impl Iterator<Item = ((&'static str, TaskId), &String, &Version)> {
        let new = self
            .changed
            .iter()
            .filter(|(path, (before, _))| before.is_none() && !self.moved.values().any(|to| to == *path));
        new.filter_map(|(path, (_, after))| Some((key(path)?, path, after.as_ref()?)))
    }
}

fn rename(from: &str, to: &str) -> Edit {
    Edit::Rename { from: from.to_owned(), to: to.to_owned() }
}

/// Whether moving a file to `to` would overwrite something in the other side.
fn is_in_the_way(to: &str, side: &Side, other: &Side) -> bool {
    let within = |path: &str, folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    let gone = side.changed.iter().filter(|(_, (_, after))| after.is_none());
    let new = other.changed.iter().filter(|(_, (before, _))| before.is_none());
    gone.chain(new).any(|(path, _)| path == to || within(to, path) || within(path, to))
}

fn is_task_data(path: &str) -> bool {
    FOLDERS.iter().any(|(folder, _)| path.starts_with(folder))
}

fn load(repository: &Repository, base: &Oid, tip: &Oid) -> Result<Side> {
    let call = repository.read("diff-tree").args(["-r", "-z", "--no-renames", base.as_str(), tip.as_str(), "--"]);
    let output = call.run()?.stdout;
    let fields: Vec<_> = output.split(|&byte| byte == 0).collect();
    let mut side = Side::default();
    // `:<mode> <mode> <object> <object> <letter>`, then the path. A path that is not UTF-8 is no task file, so it is
    // left to git.
    for record in fields.chunks_exact(2) {
        let [Ok(versions), Ok(path)] = [record[0], record[1]].map(std::str::from_utf8) else { continue };
        let parts: Vec<_> = versions.trim_start_matches(':').split(' ').collect();
        let [old_mode, new_mode, old, new, _] = parts[..] else { continue };
        let version = |mode: &str, oid| {
            let oid = Oid::parse(oid).filter(|_| mode != "000000");
            oid.map(|oid| Version { mode: mode.to_owned(), oid })
        };
        side.changed.insert(path.to_owned(), (version(old_mode, old), version(new_mode, new)));
    }
    let mut pairs: BTreeMap<_, (Vec<&String>, Vec<&String>)> = BTreeMap::new();
    for (path, (before, after)) in &side.changed {
        let Some(key) = key(path) else { continue };
        match (before, after) {
            (Some(_), None) => pairs.entry(key).or_default().0.push(path),
            (None, Some(_)) => pairs.entry(key).or_default().1.push(path),
            _ => {}
        }
    }
    let one_each = pairs.into_values().filter_map(|(gone, new)| match (&gone[..], &new[..]) {
        ([from], [to]) => Some((String::clone(from), String::clone(to))),
        _ => None,
    });
    side.moved = one_each.collect();
    Ok(side)
}

/// The identity of a file of task data in whatever folder: the letter of its kind, and the id in its name.
fn key(path: &str) -> Option<(&'static str, TaskId)> {
    FOLDERS.iter().find_map(|(folder, letter)| {
        let rest = path.strip_prefix(folder)?.strip_suffix(".md")?;
        let rest = rest.strip_prefix("archived/").unwrap_or(rest);
        let (parent, name) = rest.split_once('/').map_or((None, rest), |(parent, name)| (Some(parent), name));
        let mut parts = name.strip_prefix(letter)?.split('_');
        let id = match parent {
            None => parts.next()?.to_owned(),
            Some(parent) if parent.strip_prefix(letter) == Some(parts.next()?) => {
                format!("{}_{}", &parent[letter.len()..], parts.next()?)
            }
            Some(_) => return None,
        };
        Some((*letter, TaskId::try_parse(&id).filter(|_| parts.next().is_some())?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_task_data_is_known_by_kind_and_id() {
        for (path, letter, id) in [
            ("aitasks/t1_a.md", "t", "1"),
            ("aitasks/archived/t1_2_b.md", "t", "1"),
            ("aitasks/archived/t12/t12_3_c.md", "t", "12_3"),
            ("aiplans/p12/p12_3_c.md", "p", "12_3"),
        ] {
            assert_eq!(key(path), Some((letter, TaskId::try_parse(id).unwrap())), "{path}");
        }
        for path in ["aitasks/t1.md", "aitasks/t1/t2_1_a.md", "aitasks/new/t1_a.md", "src/t1_a.md", "aitasks/t1_a.txt"]
        {
            assert_eq!(key(path), None, "{path}");
        }
    }
}
