//! Where the repository of a directory is. Its files tell where everything is as `git init`, `git clone` and `git worktree
//! add` make it, and of the user; git itself is asked about all else.

use crate::error::{Error, Kind, Payload, Result};
use crate::files::read_own;
use crate::git::porcelain::damage::{damage, moved, not_owned, without_git_dir};
use crate::git::registry;
use crate::git::run::{Git, is_local_variable};
use crate::git::types::{Oid, RefName};
use crate::settings::{Config, Environment};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The folders of a repository with a work tree, as `git rev-parse` names them, and its `HEAD`.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) common_dir: PathBuf,
    pub(super) git_dir: PathBuf,
    pub(super) toplevel: PathBuf,
    /// The full name of the branch; `HEAD` where it is detached.
    pub(super) head: String,
    /// Whether `HEAD` has a commit.
    pub(super) is_born: bool,
}

/// Makes a checkout of a repository that has none: on no branch, so that it keeps none from the others, and tasks are cut from
/// the default branch of the remote.
const NEW_CHECKOUT: &str = "git worktree add --detach ../checkout";

/// Extensions that change neither where anything is nor who may use it.
const EXTENSIONS: [&str; 5] = [
    "extensions.noop",
    "extensions.objectformat",
    "extensions.partialclone",
    "extensions.worktreeconfig",
    "extensions.relativeworktrees",
];

/// Variables of git, beside those that name a repository, that change which one is found.
const ABOUT_THE_SEARCH: [&str; 2] = ["GIT_DISCOVERY_ACROSS_FILESYSTEM", "GIT_TEST_ASSUME_DIFFERENT_OWNER"];

impl Place {
    /// The repository of `dir`; `None` where only git can tell. No process.
    pub(super) fn by_files(environment: &Environment, dir: &Path) -> Option<Self> {
        let counts = |name: &OsStr| {
            name.to_str().is_some_and(|name| is_local_variable(name) || ABOUT_THE_SEARCH.contains(&name))
        };
        if environment.all().any(|(name, _)| counts(name)) {
            return None;
        }
        let dir = dir.canonicalize().ok().filter(|dir| !has_newline(dir))?;
        let device = dir.metadata().ok()?.dev();
        let ceilings = environment.os("GIT_CEILING_DIRECTORIES").map(|list| std::env::split_paths(list).collect());
        let ceilings: Vec<PathBuf> = ceilings.unwrap_or_default();
        for at in dir.ancestors() {
            let is_above_a_ceiling = at != dir && ceilings.iter().any(|ceiling| may_be_below(ceiling, at));
            if is_above_a_ceiling || at.metadata().ok()?.dev() != device || may_be_git_dir(at) {
                return None;
            }
            let marker = at.join(".git");
            let Ok(found) = marker.symlink_metadata() else { continue };
            if marker.join("commondir").exists() {
                return None;
            }
            let (git_dir, common_dir) =
                if found.is_dir() { (marker.clone(), marker.clone()) } else { linked(&marker)? };
            let places = [at, &marker, &git_dir, &common_dir];
            let is_whole = ["objects", "refs"].iter().all(|name| common_dir.join(name).is_dir());
            if !is_whole || !places.into_iter().all(is_of_user) || common_dir.join("reftable").exists() {
                return None;
            }
            let head = head(&git_dir, &common_dir)?;
            return Some(Self { common_dir, git_dir, toplevel: at.to_owned(), head, is_born: true });
        }
        None
    }

    /// What git says of the repository of `dir`, with `GIT_DIR` and the like. One process, or two.
    ///
    /// # Errors
    /// [`Kind::NotARepository`], and [`Kind::BareRepository`] where there is no work tree.
    pub(super) fn by_git(git: &Git, dir: &Path) -> Result<Self> {
        if dir.canonicalize().is_ok_and(|dir| has_newline(&dir)) {
            let message = format!("{} has a newline in its path, with which git cannot be understood", dir.display());
            return Err(Error::new(Kind::NotARepository, message).advice("rename the folder"));
        }
        let output = git
            .discover(dir, "rev-parse")
            .args(["--path-format=absolute", "--is-bare-repository", "--git-common-dir", "--git-dir"])
            .args(["--show-toplevel", "--symbolic-full-name", "HEAD"])
            .output()?;
        // Paths need not be UTF-8.
        let mut lines =
            output.stdout.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).map(OsStr::from_bytes);
        let (Some(bare), Some(common_dir), Some(git_dir)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(not_a_repository(dir, &output.stderr_text()));
        };
        let (common_dir, git_dir) = (PathBuf::from(common_dir), PathBuf::from(git_dir));
        let Some(toplevel) = lines.next().filter(|_| bare == "false") else {
            return Err(Error::new(Kind::BareRepository, format!("{} has no work tree here", git_dir.display()))
                .advice("cd into a checkout of it")
                .hint(NEW_CHECKOUT));
        };
        // An unborn HEAD has no name for rev-parse.
        let unborn = (!output.success()).then(|| git.discover(dir, "symbolic-ref").args(["--quiet", "HEAD"]).output());
        let unborn = unborn.transpose()?.map(|output| output.text());
        let head = unborn.as_deref().or_else(|| lines.next()?.to_str()).unwrap_or("HEAD").to_owned();
        Ok(Self { common_dir, git_dir, toplevel: PathBuf::from(toplevel), head, is_born: output.success() })
    }

    /// Refuses a work tree from which git does not find the repository by itself, as with `--work-tree` and
    /// `core.worktree`: most calls of git run there, without the variables that name another place. Those of a hook in
    /// another worktree of the repository are no obstacle.
    ///
    /// # Errors
    /// [`Kind::NotARepository`].
    pub(super) fn require_found_from_work_tree(&self, git: &Git) -> Result<()> {
        let found = self.toplevel.ancestors().find_map(registry::git_dir).map(registry::common_dir);
        let found = found.and_then(|dir| dir.canonicalize().ok());
        if found.is_some() && found == self.common_dir.canonicalize().ok() {
            return Ok(());
        }
        let (work, dir) = (self.toplevel.display(), self.git_dir.display());
        let message = format!(
            "the work tree {work} does not have {dir} as its .git: such a layout (--work-tree, GIT_WORK_TREE or \
             core.worktree) is not supported"
        );
        let error = Error::new(Kind::NotARepository, message);
        let usual = self.common_dir.parent().filter(|_| self.common_dir.ends_with(".git"));
        // Without the variable this is a clone as any other, unless its configuration names the work tree, too.
        if let (Some(main), Some(_)) = (usual, git.environment().os("GIT_WORK_TREE"))
            && !git.read(main, "config").arg("core.worktree").output()?.success()
        {
            let works = "works there; unset GIT_WORK_TREE does that for all commands that follow";
            return Err(error.hint(command!["env -u GIT_DIR -u GIT_WORK_TREE git aitask"].within(main).note(works)));
        }
        let add =
            command!["env -u GIT_DIR -u GIT_WORK_TREE"].text(NEW_CHECKOUT).within(usual.unwrap_or(&self.common_dir));
        Err(error.hint(add.note("makes a checkout that has it; go there without these settings")))
    }

    /// Whether the configuration says nothing else.
    pub(super) fn is_confirmed(config: &Config) -> bool {
        let version = config.last("core.repositoryformatversion");
        let is_extension_known = |key: &str| !key.starts_with("extensions.") || EXTENSIONS.contains(&key);
        matches!(version, Some("0" | "1"))
            && matches!(config.last("core.bare"), None | Some("false"))
            && config.last("core.worktree").is_none()
            && config.keys().all(is_extension_known)
    }
}

/// Whether git's answers, which are lines, could not be told from each other.
fn has_newline(dir: &Path) -> bool {
    dir.as_os_str().as_bytes().contains(&b'\n')
}

/// Whether a directory where git ends its search (`GIT_CEILING_DIRECTORIES`) may be `at` or below it.
fn may_be_below(ceiling: &Path, at: &Path) -> bool {
    ceiling.canonicalize().map_or(true, |ceiling| ceiling.starts_with(at))
}

/// Whether a directory looks like a git directory, in which there is no work tree.
fn may_be_git_dir(at: &Path) -> bool {
    at.join("HEAD").symlink_metadata().is_ok() && (at.join("objects").exists() || at.join("commondir").exists())
}

/// The git directory of a linked worktree, and that of all worktrees, as its file `.git` says.
fn linked(marker: &Path) -> Option<(PathBuf, PathBuf)> {
    let path_in = |file: &Path, prefix: &[u8], beside: &Path| {
        let text = read_own(file).ok()?;
        let path = text.strip_prefix(prefix)?.strip_suffix(b"\n")?;
        let is_plain = !path.is_empty() && !path.contains(&b'\n') && !path.contains(&b'\r');
        beside.join(OsStr::from_bytes(path)).canonicalize().ok().filter(|_| is_plain)
    };
    let git_dir = path_in(marker, b"gitdir: ", marker.parent()?)?;
    let common_dir = path_in(&git_dir.join("commondir"), b"", &git_dir)?;
    Some((git_dir, common_dir))
}

/// Whether git uses it without `safe.directory`: it belongs to who runs this, and is no link.
fn is_of_user(place: &Path) -> bool {
    let user = rustix::process::geteuid().as_raw();
    place.symlink_metadata().is_ok_and(|found| found.uid() == user && !found.is_symlink())
}

/// What `HEAD` is; `None` where it has no commit yet, or is not understood.
fn head(git_dir: &Path, common_dir: &Path) -> Option<String> {
    let file = git_dir.join("HEAD");
    if file.is_symlink() {
        return None;
    }
    let text = String::from_utf8(read_own(&file).ok()?).ok()?;
    let text = text.strip_suffix('\n')?;
    let Some(name) = text.strip_prefix("ref: ") else { return Oid::parse(text).map(|_| "HEAD".to_owned()) };
    let name = RefName::parse(name).filter(|name| name.branch().is_some())?;
    let loose = common_dir.join(name.as_str());
    let has_commit = if loose.symlink_metadata().is_ok() {
        Oid::parse(std::str::from_utf8(&read_own(&loose).ok()?).ok()?.strip_suffix('\n')?).is_some()
    } else {
        let ending = format!(" {name}");
        let packed = read_own(&common_dir.join("packed-refs")).ok()?;
        packed.split(|&byte| byte == b'\n').any(|line| line.ends_with(ending.as_bytes()))
    };
    has_commit.then(|| name.to_string())
}

fn not_a_repository(dir: &Path, stderr_text: &str) -> Error {
    let first = stderr_text.lines().find(|line| line.starts_with("fatal: ")).unwrap_or(stderr_text);
    if let Some(error) = not_owned(stderr_text) {
        return error;
    }
    if let Some(error) = damage(dir, stderr_text) {
        return error;
    }
    if let Some(error) = forgotten(dir, stderr_text).or_else(|| moved(dir, stderr_text)) {
        return error;
    }
    if !first.is_empty() && !first.starts_with("fatal: not a git repository") {
        // A newer git has made it, or git gives another cause: a new repository in its place is no cure.
        let said = stderr_text.lines().map(str::trim).collect::<Vec<_>>().join(" ");
        let is_newer = first.contains("unknown repository extension") || first.contains("git repo version");
        let kind = if is_newer { Kind::GitTooOld } else { Kind::Git };
        let error = Error::new(kind, format!("git does not use the repository of {}: {said}", dir.display()));
        let error = error.with(Payload::Said { stderr: stderr_text.to_owned() });
        return if is_newer { error.hint("git version").advice("use a newer git") } else { error };
    }
    Error::new(Kind::NotARepository, format!("{} is not inside a git repository", dir.display()))
        .hint("git init")
        .hint("git clone <url>")
}

/// The error in a worktree that git has forgotten, whose repository is where the worktree notes it.
fn forgotten(dir: &Path, stderr_text: &str) -> Option<Error> {
    let (top, place) = without_git_dir(dir, stderr_text)?;
    let common_dir = Path::new(place).parent()?.parent()?;
    let main = common_dir.parent()?;
    if !may_be_git_dir(common_dir) || !registry::is_forgotten(common_dir, top) {
        return None;
    }
    let message = format!("{} was a worktree of {}, and git has forgotten it", top.display(), main.display());
    let doctor = command!["git aitask doctor"].within(main).note("says how to bring it back");
    Some(Error::new(Kind::NotARepository, message).hint(doctor))
}
