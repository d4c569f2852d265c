//! Writing files of the checkout so that no reader ever sees half of one (specification 20, section 5).

use crate::error::{Error, Kind, Result};
use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// A file of a checkout, without following a link that the file itself is: what others committed must not make us
/// publish files from elsewhere. `None` when there is none.
///
/// # Errors
/// [`Kind::Occupied`] when something else than a file stands there, or the folder it is in leads out of the checkout
/// (the link that the task folders are, where the data has a branch of its own, leads into it).
pub fn load_own(root: &Path, path: &str) -> Result<Option<Vec<u8>>> {
    let file = root.join(path);
    let no_file = || Error::new(Kind::Occupied, format!("{} is no file of this checkout", file.display()));
    match file.symlink_metadata() {
        Err(_) => return Ok(None),
        Ok(found) if !found.is_file() => return Err(no_file()),
        Ok(_) => {}
    }
    require_inside(root, path)?;
    std::fs::read(&file).map(Some).map_err(|error| Error::io("read", &file, &error))
}

/// Refuses the place of a file, there or not, that a link on the way has led out of the checkout.
///
/// # Errors
/// [`Kind::Occupied`].
pub fn require_inside(root: &Path, path: &str) -> Result<()> {
    let file = root.join(path);
    if real(&file).starts_with(real(root)) {
        return Ok(());
    }
    Err(Error::new(Kind::Occupied, format!("{} leads out of this checkout", file.display())))
}

/// A path without links, whether its end is there or not.
#[must_use]
pub fn real(path: &Path) -> PathBuf {
    match (path.canonicalize(), path.parent(), path.file_name()) {
        (Ok(path), ..) => path,
        (Err(_), Some(parent), Some(name)) => real(parent).join(name),
        (Err(_), ..) => path.to_owned(),
    }
}

/// Gives a file new content. Its mode stays, and so does a link that leads to it.
///
/// # Errors
/// [`Kind::Io`]; the file is then as it was.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let place = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mode = place.metadata().ok().map(|metadata| metadata.permissions());
    stage(&place, bytes, mode)?.persist(&place).map(drop).map_err(|error| failed(path, &error.error))
}

/// Writes a new file; the folders above it are made.
///
/// # Errors
/// [`Kind::Occupied`] when there is one already.
pub fn create(path: &Path, bytes: &[u8]) -> Result<()> {
    let dir = path.parent().unwrap_or(path);
    std::fs::create_dir_all(dir).map_err(|error| Error::io("make", dir, &error))?;
    stage(path, bytes, None)?.persist_noclobber(path).map(drop).map_err(|error| match error.error.kind() {
        std::io::ErrorKind::AlreadyExists => Error::new(Kind::Occupied, format!("{} exists", path.display())),
        _ => failed(path, &error.error),
    })
}

/// Writes a new file under the first free name of `draft.md`, `draft_2.md` and so on (C-Q8). Gives the name.
pub fn create_beside(dir: &Path, name: &str, bytes: &[u8]) -> Result<String> {
    let stem = name.strip_suffix(".md").unwrap_or(name);
    for n in 1..u32::MAX {
        let name = if n == 1 { name.to_owned() } else { format!("{stem}_{n}.md") };
        match create(&dir.join(&name), bytes) {
            Err(error) if error.kind() == Kind::Occupied => {}
            result => return result.map(|()| name),
        }
    }
    Err(Error::new(Kind::Bug, "no name was free"))
}

/// The whole content beside the destination, under a name that no task has.
fn stage(path: &Path, bytes: &[u8], mode: Option<Permissions>) -> Result<tempfile::NamedTempFile> {
    if bytes.is_empty() {
        return Err(Error::new(Kind::Bug, format!("could not write task file: {}: it would be empty", path.display())));
    }
    let dir = path.parent().map_or_else(PathBuf::new, Path::to_owned);
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let staged = tempfile::Builder::new()
        .prefix(&format!(".{name}."))
        .permissions(mode.clone().unwrap_or_else(|| Permissions::from_mode(0o666)))
        .tempfile_in(dir);
    let written = staged.and_then(|mut staged| {
        staged.write_all(bytes)?;
        // The umask is for new files only.
        mode.map_or(Ok(()), |mode| staged.as_file().set_permissions(mode)).map(|()| staged)
    });
    written.map_err(|error| failed(path, &error))
}

/// Whether a file is what a write that was killed left beside its destination: `.t1_x.md.` and six letters or digits.
#[must_use]
pub fn is_left_by_a_write(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let parts = name.strip_prefix('.').and_then(|name| name.rsplit_once('.'));
    parts.is_some_and(|(of, random)| {
        Path::new(of).extension().is_some()
            && random.len() == 6
            && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::new(Kind::Io, format!("could not write task file: {}: {error}", path.display()))
}

/// Adds a line to `info/exclude`, once. The others need not be UTF-8.
pub fn exclude(common_dir: &Path, line: &str) -> Result<()> {
    let path = common_dir.join("info/exclude");
    let text = std::fs::read(&path).unwrap_or_default();
    let ours = [line.as_bytes(), line.trim_start_matches('/').as_bytes()];
    if text.split(|&byte| byte == b'\n').any(|known| ours.contains(&known.trim_ascii())) {
        return Ok(());
    }
    let made = std::fs::create_dir_all(common_dir.join("info"));
    let written =
        made.and_then(|()| std::fs::File::options().create(true).append(true).open(&path)).and_then(|mut file| {
            let start = if text.is_empty() || text.ends_with(b"\n") { "" } else { "\n" };
            file.write_all(format!("{start}{line}\n").as_bytes())
        });
    written.map_err(|error| Error::io("write", &path, &error))
}
