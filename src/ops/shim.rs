//! Shims: two lines in place of an original script, so that a caller of its path runs this program. The original is
//! kept beside it, and the shim runs that where this program is not installed.

use crate::error::{Error, Kind, Result};
use crate::files::read_own;
use serde::Serialize;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// What exists under the name of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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
pub(crate) struct ShimEntry {
    /// Its name.
    pub(crate) script: String,
    /// What exists there now.
    pub(crate) state: ShimState,
    /// Where the original is kept, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) original: Option<PathBuf>,
    /// Whether this command changed it.
    pub(crate) changed: bool,
}

/// The scripts of a folder.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Shims {
    /// The folder.
    pub(crate) folder: PathBuf,
    /// The scripts that this program can replace.
    pub(crate) scripts: Vec<ShimEntry>,
}

/// Lists the scripts of a folder.
///
/// # Errors
/// [`Kind::Usage`] when there is no such folder.
pub(crate) fn list(folder: &Path, scripts: &[&str]) -> Result<Shims> {
    each(folder, scripts, |_| Ok(false))
}

/// Replaces each script by a shim. A second run changes nothing. The original is copied before the shim replaces it, so
/// a run that is killed leaves either of the two at the path.
///
/// # Errors
/// [`Kind::Occupied`] where a kept original would be overwritten by another one, or the path is not a regular file.
pub(crate) fn install(folder: &Path, scripts: &[&str]) -> Result<Shims> {
    // In a folder with scripts, only those that exist are replaced; an empty folder gets a shim for each.
    let has = |script: &&str| folder.join(script).symlink_metadata().is_ok();
    let there: Vec<_> = scripts.iter().copied().filter(has).collect();
    let scripts = if there.is_empty() { scripts } else { &there };
    for script in scripts {
        require_place(&ScriptPaths::of(folder, script))?;
    }
    each(folder, scripts, |place| {
        let text = shim(&place.name);
        match place.state()? {
            ShimState::Shim if read_own(&place.path).is_ok_and(|found| found == text.as_bytes()) => return Ok(false),
            ShimState::Original => copy(&place.path, &place.kept)?,
            ShimState::Shim | ShimState::Absent => {}
        }
        write(&place.path, text.as_bytes(), 0o755)?;
        Ok(true)
    })
}

/// Restores the originals. A shim without an original is removed.
///
/// # Errors
/// [`Kind::Io`].
pub(crate) fn remove(folder: &Path, scripts: &[&str]) -> Result<Shims> {
    each(folder, scripts, |place| {
        if place.state()? != ShimState::Shim {
            return Ok(false);
        }
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
fn shim(script: &str) -> String {
    format!(
        "#!/bin/sh\ncase $0 in */*) d=${{0%/*}};; *) d=.;; esac; AITASK_SCRIPT_DIR=$(CDPATH= cd -- \"$d\" && pwd) && export \
         AITASK_SCRIPT_DIR && if command -v git-aitask >/dev/null; then {CALL}{script} \"$@\"; else exec \
         \"$d/{script}{KEPT}\" \"$@\"; fi\n"
    )
}

/// The text that distinguishes a shim from an original.
const CALL: &str = "exec git-aitask compat ";

/// The suffix of an original that is kept beside its shim.
const KEPT: &str = ".original";

/// The paths of a script and of its kept original.
struct ScriptPaths {
    name: String,
    path: PathBuf,
    kept: PathBuf,
}

impl ScriptPaths {
    fn of(folder: &Path, script: &str) -> Self {
        Self { name: script.to_owned(), path: folder.join(script), kept: folder.join(format!("{script}{KEPT}")) }
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

fn each(folder: &Path, scripts: &[&str], act: impl Fn(&ScriptPaths) -> Result<bool>) -> Result<Shims> {
    let folder = folder
        .canonicalize()
        .ok()
        .filter(|path| path.is_dir())
        .ok_or_else(|| Error::new(Kind::Usage, format!("there is no folder {}", folder.display())))?;
    let scripts = scripts.iter().map(|script| {
        let place = ScriptPaths::of(&folder, script);
        let changed = act(&place)?;
        let original = place.kept.exists().then(|| place.kept.clone());
        Ok(ShimEntry { script: place.name.clone(), state: place.state()?, original, changed })
    });
    Ok(Shims { scripts: scripts.collect::<Result<_>>()?, folder: folder.clone() })
}

/// Refuses what would stop the installation halfway. Called for all scripts before the first is changed.
fn require_place(place: &ScriptPaths) -> Result<()> {
    let occupied = |text: String| Err(Error::new(Kind::Occupied, text));
    let found = place.path.symlink_metadata();
    if found.is_ok_and(|found| !found.is_file()) {
        return occupied(format!("{} is not a regular file", place.path.display()));
    }
    if place.state()? == ShimState::Original && place.kept.exists() {
        let same = read_own(&place.path).ok() == read_own(&place.kept).ok();
        if !same {
            let (new, old) = (place.path.display(), place.kept.display());
            return occupied(format!(
                "{new} is an original, and {old} is another one; remove the one that is not wanted"
            ));
        }
    }
    Ok(())
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
