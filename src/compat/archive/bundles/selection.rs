//! Which archived files can go into bundles: all but those that active tasks depend on or that belong to an active
//! parent. Agents read these for context, and some of their tools do not look into bundles.

use crate::compat::archive::bundles::archives;
use crate::compat::folders::{TaskFolder, TaskFolders, is_file};
use crate::compat::numbers::is_number;
use crate::task::{Document, bundle};
use std::collections::{BTreeMap, BTreeSet};

/// The loose files of one archive that can go: by bundle (`_b0/old1`), in the order they are shown.
pub(crate) type LooseFiles = BTreeMap<String, Vec<String>>;

/// The files that can go into bundles, and what is still needed.
#[derive(Debug, Clone, Default)]
pub(crate) struct BundleSelection {
    /// Tasks.
    pub(crate) tasks: LooseFiles,
    /// Plans.
    pub(crate) plans: LooseFiles,
    /// Parents that are still active and have files in the archive.
    pub(crate) active_parents: BTreeSet<u64>,
    /// Ids with files in the archive that active tasks depend on.
    pub(crate) dependencies: BTreeSet<String>,
    /// A line for each file that stays, with the reason.
    pub(crate) kept: Vec<String>,
}

impl BundleSelection {
    /// Reads the archives and the dependencies of all active tasks.
    pub(crate) fn find(folders: &TaskFolders) -> Self {
        let tasks = &folders.tasks;
        let active: Vec<_> = tasks.files('t');
        let depends = tasks.load_each(&active, |_, head| Document::parse(head).list_last("depends"));
        let bare = |id: String| id.strip_prefix('t').map_or(id.clone(), str::to_owned);
        let needed: BTreeSet<_> = depends.into_iter().flatten().flatten().map(bare).collect();
        let parents: BTreeSet<_> = tasks.folders('t').into_iter().collect();
        let mut selection = Self::default();
        let [(_, t, tasks), (_, p, plans)] = archives(folders);
        selection.tasks = selection.of_archive(tasks, t, &parents, &needed);
        selection.plans = selection.of_archive(plans, p, &parents, &needed);
        selection
    }

    fn of_archive(
        &mut self,
        archive: &TaskFolder,
        letter: char,
        parents: &BTreeSet<String>,
        needed: &BTreeSet<String>,
    ) -> LooseFiles {
        let mut loose = LooseFiles::new();
        let start = letter.to_string();
        let id_of = |name: &str, parts: usize| -> Option<(u64, String)> {
            let ids: Vec<_> = name.strip_prefix(letter)?.split('_').take(parts + 1).collect();
            let is_whole = ids.len() == parts + 1 && ids.iter().take(parts).all(|part| is_number(part));
            is_whole.then(|| Some((ids.first()?.parse().ok()?, ids.get(..parts)?.join("_")))).flatten()
        };
        let mut take = |selection: &mut Self, file: String, id: Option<(u64, String)>| {
            let Some((number, id)) = id else { return };
            if needed.contains(&id) {
                selection.kept.push(format!("Skipping (dependency of active task): {}", archive.shown(&file)));
                selection.dependencies.insert(id);
            } else {
                loose.entry(bundle::path_for(number)).or_default().push(file);
            }
        };
        for file in archive.names(|name| is_file(name, &start)) {
            let id = id_of(&file, 1);
            take(self, file, id);
        }
        for folder in archive.folders(letter) {
            let parent = folder.trim_start_matches(letter).to_owned();
            let (inside, names) = archive.children_of(letter, &parent);
            if parents.contains(&format!("t{parent}")) {
                if !names.is_empty() {
                    self.kept.push(format!("Skipping (active siblings): {}", inside.shown("")));
                    self.active_parents.extend(parent.parse::<u64>());
                }
                continue;
            }
            for name in names {
                let id = id_of(&name, 2);
                take(self, format!("{folder}/{name}"), id);
            }
        }
        loose
    }

    /// How many tasks and plans can go.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let count = |loose: &LooseFiles| loose.values().map(Vec::len).sum();
        (count(&self.tasks), count(&self.plans))
    }
}
