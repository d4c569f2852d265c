//! The crate as a tree of modules, and the file that defines what a path names.

use super::reader::read_file;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The sources by their names from `src/`, such as `git/run.rs`.
pub(super) type Texts = BTreeMap<String, String>;

/// All files of a folder of sources.
pub(super) fn texts_of(src: &Path) -> Texts {
    let (mut texts, mut folders) = (Texts::new(), vec![src.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(src).unwrap().to_str().unwrap().to_owned();
                texts.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    texts
}

/// One file, as far as it is no test.
pub(super) struct File {
    pub(super) name: String,
    /// How many lines are no test's.
    pub(super) length: usize,
    /// It only declares modules and passes names on.
    pub(super) passes_on: bool,
    /// The file that declares this one by a `mod` without `pub`.
    pub(super) private_child_of: Option<usize>,
}

/// A path that stands in a file.
pub(super) struct Named {
    pub(super) module: usize,
    pub(super) line: usize,
    /// Its names as written, `crate` and `super` too; the name of a macro that is called ends with `!`.
    pub(super) names: Vec<String>,
    /// It ends with `::*`.
    pub(super) all: bool,
}

pub(super) struct Module {
    pub(super) file: usize,
    pub(super) parent: Option<usize>,
    /// The modules declared in it.
    pub(super) inner: BTreeMap<String, usize>,
    /// The names of the other items that it defines.
    pub(super) items: BTreeSet<String>,
    /// What `use` brings into it: the name here, and the path.
    pub(super) imports: Vec<(String, Vec<String>)>,
    /// The modules of which `use` brings everything.
    pub(super) globs: Vec<Vec<String>>,
}

/// What a name stands for: one name can be a module and something else too.
#[derive(Clone, Copy, Default)]
struct Found {
    module: Option<usize>,
    /// The file that defines it.
    item: Option<usize>,
}

impl Found {
    fn or(self, other: Self) -> Self {
        Self { module: self.module.or(other.module), item: self.item.or(other.item) }
    }
}

/// The files that the roots of the crate reach without its tests.
#[derive(Default)]
pub(super) struct Crate {
    pub(super) files: Vec<File>,
    pub(super) paths: Vec<Named>,
    pub(super) modules: Vec<Module>,
}

/// Renames of renames that are followed: more stand in no code, and a circle of them must end.
const DEEPEST: usize = 12;

impl Crate {
    /// Reads the modules below `lib.rs` and `main.rs`.
    pub(super) fn read(texts: &Texts) -> Self {
        let mut tree = Self::default();
        for root in ["lib.rs", "main.rs"] {
            if texts.contains_key(root) {
                read_file(&mut tree, texts, root, None, false);
            }
        }
        assert!(!tree.files.is_empty(), "neither lib.rs nor main.rs among {} files", texts.len());
        tree
    }

    /// The file in which a path stands.
    pub(super) fn file_of(&self, named: &Named) -> usize {
        self.modules[named.module].file
    }

    /// The files that a path uses, in which what it names is defined. A module by itself is nothing that is used:
    /// what is named through it counts.
    pub(super) fn used(&self, path: &Named) -> BTreeSet<usize> {
        let names: Vec<String> = path.names.iter().map(|name| name.trim_end_matches('!').to_owned()).collect();
        let found = self.resolve(path.module, &names, DEEPEST);
        let mut files = BTreeSet::from_iter(found.item);
        if let (true, Some(module)) = (path.all, found.module) {
            let passed_on = self.modules[module].imports.iter().map(|(_, path)| self.resolve(module, path, DEEPEST));
            files.extend(passed_on.filter_map(|found| found.item));
            files.insert(self.modules[module].file);
        }
        files
    }

    /// What a path in a module stands for; nothing if it leads out of the crate. What is not found in a module of
    /// ours (a macro made it) counts as defined there.
    fn resolve(&self, module: usize, path: &[String], depth: usize) -> Found {
        let (mut here, mut inside) = (module, false);
        for (place, name) in path.iter().enumerate() {
            match name.as_str() {
                "crate" => here = self.root_of(module),
                "git_aitask" if place == 0 => here = 0,
                "self" => {}
                "super" => here = self.modules[here].parent.unwrap_or(here),
                name => {
                    let found = self.find(here, name, depth);
                    let last = place + 1 == path.len();
                    match found {
                        Found { module: None, item: None } if inside => {
                            return Found { item: Some(self.modules[here].file), module: None };
                        }
                        found if last => return found,
                        Found { module: Some(further), .. } => here = further,
                        // an associated function, a variant
                        Found { module: None, item } => return Found { item, module: None },
                    }
                }
            }
            inside = true;
        }
        Found { module: Some(here), item: None }
    }

    fn find(&self, module: usize, name: &str, depth: usize) -> Found {
        let here = &self.modules[module];
        let mut found = Found { module: here.inner.get(name).copied(), item: None };
        if here.items.contains(name) {
            found.item = Some(here.file);
        }
        let Some(depth) = depth.checked_sub(1) else { return found };
        for (_, path) in here.imports.iter().filter(|(known, path)| known == name && path[..] != [name]) {
            found = found.or(self.resolve(module, path, depth));
        }
        if found.module.is_none() && found.item.is_none() {
            for path in &here.globs {
                if let Some(all) = self.resolve(module, path, depth).module.filter(|all| *all != module) {
                    found = found.or(self.find(all, name, depth));
                }
            }
        }
        found
    }

    fn root_of(&self, mut module: usize) -> usize {
        while let Some(parent) = self.modules[module].parent {
            module = parent;
        }
        module
    }
}
