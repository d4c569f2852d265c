//! Shims: two lines in place of an original script, so that whoever calls it by its path reaches this program. The
//! original stays beside, and runs where this program is not installed.

use crate::error::{Error, Kind, Result};
use crate::files::read_own;
use serde::Serialize;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// What stands under the name of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ShimState {
    /// A shim.
    Shim,
    /// Something else: the original.
    Original,
    /// Nothing.
    Absent,
}

/// One script of a folder.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ShimEntry {
    /// Its name.
    pub(crate) script: String,
    /// What stands there now.
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
    /// Each script that we stand in for.
    pub(crate) scripts: Vec<ShimEntry>,
}

/// What is there.
///
/// # Errors
/// [`Kind::Usage`] when there is no such folder.
pub(crate) fn list(folder: &Path, scripts: &[&str]) -> Result<Shims> {
    each(folder, scripts, |_| Ok(false))
}

/// Puts a shim in the place of each script; doing it again changes nothing.
///
/// # Errors
/// [`Kind::Occupied`] where an original would replace another that is kept, or no regular file is in the place.
pub(crate) fn install(folder: &Path, scripts: &[&str]) -> Result<Shims> {
    // A folder of scripts gets shims for those it has; an empty one, for all.
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

/// Puts the originals back; a shim that replaced nothing goes.
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

/// The second line is found by a reader of any version; the first export lets the scripts that remain find each other
/// (specification 10, section 0).
fn shim(script: &str) -> String {
    format!(
        "#!/bin/sh\ncase $0 in */*) d=${{0%/*}};; *) d=.;; esac; AITASK_SCRIPT_DIR=$(CDPATH= cd -- \"$d\" && pwd) && export \
         AITASK_SCRIPT_DIR && if command -v git-aitask >/dev/null; then {CALL}{script} \"$@\"; else exec \
         \"$d/{script}{KEPT}\" \"$@\"; fi\n"
    )
}

/// By this a shim is told from an original.
const CALL: &str = "exec git-aitask compat ";

/// The ending of an original's name beside its shim.
const KEPT: &str = ".original";

/// A script's name in a folder, and where its original is kept.
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

/// Everything that could refuse, before anything is changed.
fn require_place(place: &ScriptPaths) -> Result<()> {
    let occupied = |text: String| Err(Error::new(Kind::Occupied, text));
    let found = place.path.symlink_metadata();
    if found.is_ok_and(|found| !found.is_file()) {
        return occupied(format!("{} is no regular file", place.path.display()));
    }
    if place.state()? == ShimState::Original && place.kept.exists() {
        let same = read_own(&place.path).ok() == read_own(&place.kept).ok();
        if !same {
            let (new, old) = (place.path.display(), place.kept.display());
            return occupied(format!(
                "{new} is an original, and {old} keeps another; remove the one that is not wanted"
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

/// Never half a script: whoever calls it meanwhile runs the old one or the new one.
fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let fail = |error: std::io::Error| Error::io("write", path, &error);
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new("."))).map_err(fail)?;
    file.write_all(bytes).map_err(fail)?;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(mode)).map_err(fail)?;
    file.persist(path).map_err(|error| fail(error.error))?;
    Ok(())
}
