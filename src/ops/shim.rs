//! Shims: two lines in place of an original script, so that a caller of its path runs this program. The original is
//! kept beside it, and the shim runs that where this program is not installed.

use crate::error::{Error, Kind, Result};
use crate::files::read_own;
use crate::settings::Effect;
use serde::Serialize;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// What exists under the name of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum ShimState {
    /// A shim.
    Shim,
    /// Any other file: the original.
    Original,
    /// Nothing.
    Absent,
}

/// One script of a folder.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct ShimEntry {
    /// Its name.
    pub(crate) script: String,
    /// What exists there now.
    pub(crate) state: ShimState,
    /// Where the original is kept, if it is.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "crate::report::path::optional")]
    pub(crate) original: Option<PathBuf>,
    /// Whether this command changed it.
    pub(crate) changed: bool,
    /// Whether the file there is another one than the original that is kept: an upgrade wrote it over the shim.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) upgraded: bool,
    /// Where this command keeps the shim as somebody had edited it.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "crate::report::path::optional")]
    pub(crate) edited: Option<PathBuf>,
}

/// The scripts of a folder.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Shims {
    /// The folder.
    #[serde(serialize_with = "crate::report::path::one")]
    pub(crate) folder: PathBuf,
    /// The scripts that this program can replace.
    pub(crate) scripts: Vec<ShimEntry>,
}

/// Lists the scripts of a folder, and the dispatcher `ait` beside it.
///
/// # Errors
/// [`Kind::Usage`] when there is no such folder.
pub(crate) fn list(folder: &Path, scripts: &[&str]) -> Result<Shims> {
    each(&canonical(folder)?, scripts, |_| Ok(false))
}

/// Replaces each script that is there, and the dispatcher `ait` beside the folder, by a shim. A second run changes nothing.
/// The original is copied before the shim replaces it, so a run that is killed leaves either of the two at the path. A script
/// that an upgrade wrote over a shim becomes the original; a shim that somebody edited is kept beside it.
///
/// # Errors
/// [`Kind::Usage`] for a folder without any of the scripts, [`Kind::Occupied`] where a path is not a regular file.
pub(crate) fn install(folder: &Path, scripts: &[&str], effect: Effect) -> Result<Shims> {
    let folder = canonical(folder)?;
    let has = |script: &&str| folder.join(script).symlink_metadata().is_ok();
    let there: Vec<_> = scripts.iter().copied().filter(has).collect();
    if there.is_empty() {
        let message = format!("{} has none of the scripts that this program replaces", folder.display());
        return Err(Error::new(Kind::Usage, message).hint(command!["git aitask shim list", folder.display()]));
    }
    for place in places(&folder, &there) {
        require_place(&place)?;
    }
    each(&folder, &there, |place| {
        let text = shim(place);
        let state = place.state()?;
        if state == ShimState::Shim && read_own(&place.path).is_ok_and(|found| found == text.as_bytes()) {
            return Ok(false);
        }
        if effect == Effect::Real {
            if state == ShimState::Original {
                copy(&place.path, &place.kept)?;
            }
            place.keep_edit()?;
            write(&place.path, text.as_bytes(), 0o755)?;
        }
        Ok(true)
    })
}

/// Restores the originals. A shim without an original is removed; one that somebody edited is kept beside it.
///
/// # Errors
/// [`Kind::Io`]; [`Kind::Occupied`] where another edit is kept there already.
pub(crate) fn remove(folder: &Path, scripts: &[&str], effect: Effect) -> Result<Shims> {
    let folder = canonical(folder)?;
    for place in places(&folder, scripts) {
        place.require_room_for_edit()?;
    }
    each(&folder, scripts, |place| {
        if place.state()? != ShimState::Shim {
            return Ok(false);
        }
        if effect == Effect::DryRun {
            return Ok(true);
        }
        place.keep_edit()?;
        let put_back = if place.kept.exists() {
            std::fs::rename(&place.kept, &place.path)
        } else {
            std::fs::remove_file(&place.path)
        };
        put_back.map_err(|error| Error::io("restore", &place.path, &error))?;
        Ok(true)
    })
}

/// The text of a shim. Its second line contains [`CALL`], by which every version recognises a shim. It exports
/// `AITASK_SCRIPT_DIR`, because this program does not know from which folder it was called, and runs scripts that it
/// does not replace from there.
fn shim(place: &ScriptPaths) -> String {
    let script = &place.name;
    let scripts = if script == DISPATCHER { format!("/{SCRIPTS_FOLDER}") } else { String::new() };
    format!(
        "#!/bin/sh\ncase $0 in */*) d=${{0%/*}};; *) d=.;; esac; AITASK_SCRIPT_DIR=$(CDPATH= cd -- \"$d{scripts}\" && pwd) && export \
         AITASK_SCRIPT_DIR && if command -v git-aitask >/dev/null; then {CALL}{script} \"$@\"; else exec \
         \"$d/{script}{KEPT}\" \"$@\"; fi\n"
    )
}

/// The dispatcher, which lies beside the folder of the scripts.
const DISPATCHER: &str = "ait";
/// The name of that folder in a project, from which the dispatcher runs them.
const SCRIPTS_FOLDER: &str = ".aitask-scripts";

/// The text that distinguishes a shim from an original.
const CALL: &str = "exec git-aitask compat ";

/// The suffix of an original that is kept beside its shim.
const KEPT: &str = ".original";

/// The suffix of a shim that somebody edited, kept where this program writes another file in its place.
const EDITED: &str = ".edited";

/// The paths of a script, of its kept original, and of its shim with an edit.
struct ScriptPaths {
    name: String,
    path: PathBuf,
    kept: PathBuf,
    edited: PathBuf,
}

impl ScriptPaths {
    fn of(folder: &Path, script: &str) -> Self {
        let beside = |suffix| folder.join(format!("{script}{suffix}"));
        Self { name: script.to_owned(), path: folder.join(script), kept: beside(KEPT), edited: beside(EDITED) }
    }

    /// Whether there is a shim with another text than this program writes.
    fn is_edited(&self) -> Result<bool> {
        Ok(self.state()? == ShimState::Shim && read_own(&self.path)? != shim(self).as_bytes())
    }

    /// Refuses where another edit is kept already, which a copy would overwrite.
    fn require_room_for_edit(&self) -> Result<()> {
        if !self.is_edited()? || !self.edited.exists() || read_own(&self.edited)? == read_own(&self.path)? {
            return Ok(());
        }
        let (path, edited) = (self.path.display(), self.edited.display());
        let message = format!("{path} was edited, and {edited} keeps an earlier edit");
        Err(Error::new(Kind::Occupied, message).hint(command!["mv", edited, format!("{edited}.1")]))
    }

    /// Keeps the shim, if somebody edited it.
    fn keep_edit(&self) -> Result<()> {
        if self.is_edited()? { copy(&self.path, &self.edited) } else { Ok(()) }
    }

    /// Whether there is another original than the one that is kept: an upgrade of the scripts wrote it over the shim.
    fn is_upgraded(&self) -> Result<bool> {
        Ok(self.state()? == ShimState::Original
            && self.kept.exists()
            && read_own(&self.path).ok() != read_own(&self.kept).ok())
    }

    fn state(&self) -> Result<ShimState> {
        if self.path.symlink_metadata().is_err() {
            return Ok(ShimState::Absent);
        }
        match read_own(&self.path) {
            Ok(bytes) if String::from_utf8_lossy(&bytes).lines().nth(1).is_some_and(|line| line.contains(CALL)) => {
                Ok(ShimState::Shim)
            }
            Ok(_) => Ok(ShimState::Original),
            Err(error) => Err(error),
        }
    }
}

fn canonical(folder: &Path) -> Result<PathBuf> {
    let found = folder.canonicalize().ok().filter(|path| path.is_dir());
    found.ok_or_else(|| Error::new(Kind::Usage, format!("there is no folder {}", folder.display())))
}

/// The scripts of a folder, and the dispatcher of the project whose scripts they are.
fn places(folder: &Path, scripts: &[&str]) -> Vec<ScriptPaths> {
    let parent = folder.parent().filter(|_| folder.file_name().is_some_and(|name| name == SCRIPTS_FOLDER));
    let dispatcher = parent.map(|parent| ScriptPaths::of(parent, DISPATCHER));
    let dispatcher = dispatcher.filter(|place| place.path.is_file() || place.kept.is_file());
    scripts.iter().map(|script| ScriptPaths::of(folder, script)).chain(dispatcher).collect()
}

fn each(folder: &Path, scripts: &[&str], act: impl Fn(&ScriptPaths) -> Result<bool>) -> Result<Shims> {
    let entries = places(folder, scripts).into_iter().map(|place| {
        let (upgraded, is_edited) = (place.is_upgraded()?, place.is_edited()?);
        let changed = act(&place)?;
        let original = place.kept.exists().then(|| place.kept.clone());
        let state = place.state()?;
        let edited = (is_edited && changed).then_some(place.edited);
        Ok(ShimEntry { state, script: place.name, original, changed, upgraded, edited })
    });
    Ok(Shims { scripts: entries.collect::<Result<_>>()?, folder: folder.to_owned() })
}

/// Refuses what would stop the installation halfway. Called for all scripts before the first is changed.
fn require_place(place: &ScriptPaths) -> Result<()> {
    let occupied = |text: String| Err(Error::new(Kind::Occupied, text));
    let found = place.path.symlink_metadata();
    if found.is_ok_and(|found| !found.is_file()) {
        return occupied(format!("{} is not a regular file", place.path.display()));
    }
    // What cannot be read is found out before the first one is changed.
    place.require_room_for_edit()
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let bytes = read_own(from)?;
    let mode = from.metadata().map_or(0o755, |found| found.permissions().mode());
    write(to, &bytes, mode)
}

/// Replaces a file atomically: a caller runs either the old or the new script, never half of one.
fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let fail = |error: std::io::Error| Error::io("write", path, &error);
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new("."))).map_err(fail)?;
    file.write_all(bytes).map_err(fail)?;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(mode)).map_err(fail)?;
    file.persist(path).map_err(|error| fail(error.error))?;
    Ok(())
}
