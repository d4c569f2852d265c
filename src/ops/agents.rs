//! Installing what agents read: skills in their folders, a stanza in `AGENTS.md`, and hooks in their settings. All files are looked at before the
//! first one is changed, and each is replaced as a whole, so that a run that was cut off is completed by the same command.
//!
//! Nothing is committed: the files are part of the project, and its people decide.

mod hooks;
mod instructions;

pub(crate) use hooks::Hooks;

use crate::agents::texts::{self, SKILLS, VerbHelp};
use crate::error::{Error, Kind, Result};
use crate::files::Tree;
use crate::files::records::{RecordKind, Records};
use crate::project::context::Context;
use crate::project::outcome::DryRun;
use crate::settings::Environment;
use crate::task::paths::DATA_WORKTREE_DIR;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A kind of agent program, by the folders that it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    /// Claude Code: `.claude`.
    Claude,
    /// Codex: `.agents` and `.codex`.
    Codex,
    /// Any other one that knows Agent Skills: `.agents`.
    Generic,
}

impl Program {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Claude, Self::Codex, Self::Generic];

    /// The folder of its skills.
    fn skills(self) -> &'static str {
        match self {
            Self::Claude => ".claude/skills",
            Self::Codex | Self::Generic => ".agents/skills",
        }
    }
}

/// Whose folders the files are in.
#[derive(Debug)]
pub(crate) enum Place {
    /// A checkout of the repository, and the main one.
    Project { checkout: PathBuf, main: PathBuf, records: Records },
    /// The home of the user, and that of Codex where it is another one.
    User { home: PathBuf, codex: Option<PathBuf> },
}

impl Place {
    /// The checkout in which the command runs; the main worktree where that is the one of the task data.
    pub(crate) fn project(context: &Context) -> Self {
        let repository = &context.repository;
        let is_data = repository.toplevel.ends_with(DATA_WORKTREE_DIR);
        let checkout = if is_data { &repository.root } else { &repository.toplevel };
        Self::Project { checkout: checkout.clone(), main: repository.root.clone(), records: repository.records() }
    }

    /// The home of the user.
    ///
    /// # Errors
    /// [`Kind::Usage`] where the environment names none.
    pub(crate) fn user(environment: &Environment) -> Result<Self> {
        let named = |name| environment.os(name).map(PathBuf::from).filter(|home| home.is_absolute());
        let home = named("HOME").ok_or_else(|| Error::new(Kind::Usage, "HOME does not name a folder"))?;
        Ok(Self::User { home, codex: named("CODEX_HOME") })
    }

    fn root(&self) -> &Path {
        let (Self::Project { checkout: root, .. } | Self::User { home: root, .. }) = self;
        root
    }
}

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum Purpose {
    /// A skill.
    Skill,
    /// The file with the stanza.
    Stanza,
    /// Settings with hooks.
    Hooks,
}

/// How a file is after the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// It has what this version writes.
    Installed,
    /// It has nothing of this program.
    Absent,
    /// It was left as it was found, for the reason that is given.
    Left,
}

/// One file.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct AgentFile {
    /// The path, from the root; a file elsewhere has its whole path.
    #[serde(serialize_with = "crate::report::path::one")]
    pub(crate) path: PathBuf,
    /// What it is for.
    pub(crate) purpose: Purpose,
    /// How it is after the command.
    pub(crate) state: State,
    /// Whether this command changed it.
    pub(crate) changed: bool,
    /// Why it was left, or what there is to know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
}

/// The outcome of an installation or a removal.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct AgentFiles {
    /// The folder that the paths are relative to.
    #[serde(serialize_with = "crate::report::path::one")]
    pub(crate) root: PathBuf,
    /// The files.
    pub(crate) files: Vec<AgentFile>,
    /// What to commit; empty for files of the user.
    #[serde(serialize_with = "crate::report::path::all")]
    pub(crate) commit: Vec<PathBuf>,
    /// Set only under `--dry-run`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dry_run: Option<DryRun>,
}

/// What is to be done with a file.
#[derive(Debug)]
enum Action {
    Nothing,
    Create(Vec<u8>),
    Replace(Vec<u8>),
    Empty,
    Remove,
}

/// A file and what is to be done with it.
#[derive(Debug)]
struct Planned {
    file: AgentFile,
    action: Action,
    /// Where the file is, if not below the root.
    tree: Option<Tree>,
}

impl Planned {
    fn new(path: impl Into<PathBuf>, purpose: Purpose, state: State, action: Action) -> Self {
        let changed = !matches!(action, Action::Nothing);
        Self { file: AgentFile { path: path.into(), purpose, state, changed, why: None }, action, tree: None }
    }

    /// The same in this tree.
    fn within(self, tree: Tree) -> Self {
        Self { tree: Some(tree), ..self }
    }

    /// The same with something to know about it.
    fn noting(mut self, note: &str) -> Self {
        self.file.why.get_or_insert_with(|| note.to_owned());
        self
    }

    fn left(path: impl Into<PathBuf>, purpose: Purpose, why: impl Into<String>) -> Self {
        Self::new(path, purpose, State::Left, Action::Nothing).noting(&why.into())
    }
}

/// Installs the texts for these programs. What a person changed is left, and so is what is reached through a link.
///
/// # Errors
/// [`Kind::Unparsable`] for a file whose markers are no pair, before anything is changed; [`Kind::Io`].
pub(crate) fn install(
    place: &Place,
    programs: &[Program],
    hooks: Hooks,
    day: &[VerbHelp],
    dry_run: bool,
) -> Result<AgentFiles> {
    let tree = Tree::new(place.root());
    let mut folders: Vec<_> = programs.iter().map(|program| program.skills()).collect();
    folders.sort_unstable();
    folders.dedup();
    let mut planned = Vec::new();
    for folder in folders {
        for skill in &SKILLS {
            planned.push(skill_installed(&tree, skill_path(folder, skill.name), skill.file(day).as_bytes()));
        }
    }
    if matches!(place, Place::Project { .. }) {
        planned.extend(instructions::installed(&tree, programs, &texts::stanza(day))?);
    }
    planned.extend(hooks::installed(place, programs, hooks));
    if let (Place::Project { records, .. }, false) = (place, dry_run) {
        EmptyFolders::load(records).note(records, &tree, &planned)?;
    }
    carry_out(place, &tree, planned, dry_run)
}

/// Removes what was installed, in whatever version. What a person changed is left.
///
/// # Errors
/// As [`install`].
pub(crate) fn remove(place: &Place, dry_run: bool) -> Result<AgentFiles> {
    let tree = Tree::new(place.root());
    let mut planned = Vec::new();
    for folder in [Program::Generic.skills(), Program::Claude.skills()] {
        for skill in &SKILLS {
            planned.push(skill_removed(&tree, skill_path(folder, skill.name)));
        }
    }
    if matches!(place, Place::Project { .. }) {
        planned.extend(instructions::removed(&tree)?);
    }
    planned.extend(hooks::removed(place));
    let removed = carry_out(place, &tree, planned, dry_run)?;
    if let (Place::Project { records, .. }, false) = (place, dry_run) {
        records.forget(RecordKind::EmptyFolders, "")?;
    }
    Ok(removed)
}

fn skill_path(folder: &str, name: &str) -> PathBuf {
    Path::new(folder).join(name).join("SKILL.md")
}

fn skill_installed(tree: &Tree, path: PathBuf, text: &[u8]) -> Planned {
    match tree.load(&path) {
        Err(error) => Planned::left(path, Purpose::Skill, error.to_string()),
        Ok(None) => Planned::new(path, Purpose::Skill, State::Installed, Action::Create(text.to_vec())),
        // Git may have changed the line ends.
        Ok(Some(found)) if texts::digest(&found) == texts::digest(text) => {
            Planned::new(path, Purpose::Skill, State::Installed, Action::Nothing)
        }
        Ok(Some(found)) if texts::is_own_skill(&found) => {
            Planned::new(path, Purpose::Skill, State::Installed, Action::Replace(text.to_vec()))
        }
        Ok(Some(_)) => Planned::left(path, Purpose::Skill, CHANGED),
    }
}

fn skill_removed(tree: &Tree, path: PathBuf) -> Planned {
    match tree.load(&path) {
        Err(error) => Planned::left(path, Purpose::Skill, error.to_string()),
        Ok(None) => Planned::new(path, Purpose::Skill, State::Absent, Action::Nothing),
        Ok(Some(found)) if texts::is_own_skill(&found) => {
            Planned::new(path, Purpose::Skill, State::Absent, Action::Remove)
        }
        Ok(Some(_)) => Planned::left(path, Purpose::Skill, CHANGED),
    }
}

/// Why a text that this program did not write so is left.
const CHANGED: &str = "it was changed by hand, or written by a newer git-aitask";

/// The folders of a project that were there, and empty, before anything was put below them. A removal leaves them.
#[derive(Debug, Default, Serialize, Deserialize)]
struct EmptyFolders {
    folders: Vec<String>,
}

impl EmptyFolders {
    fn load(records: &Records) -> Self {
        records.load(RecordKind::EmptyFolders, "").unwrap_or_default()
    }

    fn has(&self, tree: &Tree, folder: &Path) -> bool {
        self.folders.contains(&Self::name(tree, folder))
    }

    fn name(tree: &Tree, folder: &Path) -> String {
        tree.root().join(folder).to_string_lossy().into_owned()
    }

    /// Adds those in which files are to be created.
    fn note(mut self, records: &Records, tree: &Tree, planned: &[Planned]) -> Result<()> {
        let before = self.folders.len();
        for Planned { file, tree: own, .. } in
            planned.iter().filter(|planned| matches!(planned.action, Action::Create(_)))
        {
            let tree = own.as_ref().unwrap_or(tree);
            let is_empty = |folder: &&Path| tree.is_folder(folder) && tree.names(folder).next().is_none();
            let found = folders_above(&file.path).find(is_empty).filter(|folder| !self.has(tree, folder));
            self.folders.extend(found.map(|folder| Self::name(tree, folder)));
        }
        if self.folders.len() == before { Ok(()) } else { records.note(RecordKind::EmptyFolders, "", &self) }
    }
}

/// The folders of a file below the root, the nearest first.
fn folders_above(path: &Path) -> impl Iterator<Item = &Path> {
    path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty())
}

fn carry_out(place: &Place, tree: &Tree, planned: Vec<Planned>, dry_run: bool) -> Result<AgentFiles> {
    let kept = match place {
        Place::Project { records, .. } => EmptyFolders::load(records),
        Place::User { .. } => EmptyFolders::default(),
    };
    for Planned { file, action, tree: own } in planned.iter().filter(|_| !dry_run) {
        let tree = own.as_ref().unwrap_or(tree);
        match action {
            Action::Nothing => {}
            Action::Create(bytes) => tree.create(&file.path, bytes)?,
            Action::Replace(bytes) => tree.replace(&file.path, bytes)?,
            Action::Empty => {
                tree.remove(&file.path)?;
                tree.create_empty(&file.path)?;
            }
            Action::Remove => {
                tree.remove(&file.path)?;
                // The folders that were made for it; one with anything else in it stays.
                let above = folders_above(&file.path).take_while(|folder| !kept.has(tree, folder));
                let _ = above.take_while(|folder| tree.remove_folder(folder)).count();
            }
        }
    }
    let files: Vec<_> = planned.into_iter().map(|planned| planned.file).collect();
    let is_project = matches!(place, Place::Project { .. });
    let changed = files.iter().filter(|file| file.changed && is_project && !dry_run);
    Ok(AgentFiles {
        root: place.root().to_owned(),
        commit: changed.map(|file| file.path.clone()).collect(),
        files,
        dry_run: dry_run.then(DryRun::default),
    })
}
