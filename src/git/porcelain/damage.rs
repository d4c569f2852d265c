//! What git says of a clone that is broken: a ref, an object or another file that a crash of the machine left half written,
//! an address that names nothing.
//!
//! Over ssh or from a path the words of the server's git arrive on the same stream. Its objects are below `./`, or below a
//! path that does not exist here, and its hooks' words begin with `remote:`.

use crate::error::{Error, Kind, Payload};
use std::path::{Path, PathBuf};

/// What is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Broken {
    /// A file below the git directory that has only an object.
    Object(PathBuf),
    /// A ref, by its full name.
    Ref(String),
    /// The index.
    Index,
    /// A line of a file of git's configuration, which may be that of the user or of the machine: its number, and the file.
    Configuration(u64, PathBuf),
    /// Something else; git's words are all that is known.
    Other,
}

/// The error for damage of the clone at `dir`, if that is what git reports.
pub(crate) fn damage(dir: &Path, stderr: &str) -> Option<Error> {
    let found: Vec<_> = stderr.lines().filter_map(|line| Some((line.trim(), broken(dir, line.trim())?))).collect();
    let (line, broken) = found.iter().find(|(_, broken)| *broken != Broken::Other).or(found.first())?;
    let said = ["fatal: ", "error: "].iter().find_map(|start| line.strip_prefix(start)).unwrap_or(line);
    let whose =
        if matches!(broken, Broken::Configuration(..)) { "git cannot be used" } else { "this clone is damaged" };
    let error = Error::new(Kind::Damaged, format!("{whose}: {said}"));
    let error = error.with(Payload::Said { stderr: stderr.to_owned() });
    Some(match broken {
        Broken::Object(file) => error
            .hint(command!["rm -f", file.display(), "&& git fetch --refetch --all"].note("the remote has it"))
            .hint(command!["git fsck --full"].within(dir).note("shows what else is broken")),
        Broken::Ref(name) if name.starts_with("refs/heads/") => error.hint(
            command![
                "rm -f \"$(git rev-parse --git-path",
                name,
                ")\" && git update-ref",
                name,
                "\"$(tail -n 1 \"$(git rev-parse --git-path",
                format!("logs/{name}"),
                ")\" | cut -d ' ' -f 2",
                ")\""
            ]
            .within(dir)
            .note("as its reflog has it"),
        ),
        Broken::Ref(name) => error.hint(
            command!["rm -f \"$(git rev-parse --git-path", name, ")\"; git update-ref -d", name, "; git fetch --all"]
                .within(dir)
                .note("the remote has it"),
        ),
        Broken::Index => error.hint(
            command!["rm -f \"$(git rev-parse --git-path index", ")\" && git reset"]
                .within(dir)
                .note("the files stay as they are"),
        ),
        Broken::Configuration(number, file) => {
            let show = command!["sed -n", format!("{number}p"), file.display()];
            error.hint(show.note("shows the line; correct it, then the same command again"))
        }
        Broken::Other => error
            .hint(command!["git fetch --refetch --all"].within(dir).note("brings what the remote has; git 2.36"))
            .hint(command!["git fsck --full"].within(dir).note("shows what is broken")),
    })
}

/// The error for a repository that git does not use since it belongs to another user, if that is what git reports. It may be
/// that of the remote; on another machine its path is not here.
pub(crate) fn not_owned(stderr: &str) -> Option<Error> {
    let line = stderr.lines().find(|line| {
        line.starts_with("fatal: detected dubious ownership in repository at '")
            || line.starts_with("fatal: unsafe repository ('") && line.contains("is owned by someone else")
    })?;
    // The path as git compares it: without a slash at its end, and where the git directory is.
    let path = line.split('\'').nth(1)?;
    let trust = command!["git config --global --add safe.directory", path];
    let trust = if Path::new(path).exists() { trust } else { trust.note("on the server") };
    Some(Error::new(Kind::NotOwned, line).with(Payload::Said { stderr: stderr.to_owned() }).hint(trust))
}

/// A worktree whose git directory is not where the worktree notes it, and that place, if that is what git reports in `dir`.
pub(crate) fn without_git_dir<'t>(dir: &'t Path, stderr: &'t str) -> Option<(&'t Path, &'t str)> {
    let place = stderr.lines().find_map(|line| line.strip_prefix("fatal: not a git repository: "))?;
    // Without the slash that may be at its end.
    let dir = dir.components().as_path();
    Some((dir.ancestors().find(|at| at.join(".git").is_file()).unwrap_or(dir), place))
}

/// The error in a worktree whose repository is not where the worktree notes it, if that is what git reports. A worktree of a
/// task lies in the main one, and is moved with it.
pub(crate) fn moved(dir: &Path, stderr: &str) -> Option<Error> {
    let (top, place) = without_git_dir(dir, stderr)?;
    let message = format!("{} is a worktree of a repository that is no longer at {place}", top.display());
    let error = Error::new(Kind::NotARepository, message);
    Some(match top.ancestors().find(|at| at.join(".git").is_dir()) {
        Some(main) => error
            .hint(command!["git worktree repair", top.display()].within(main).note("the repository was moved with it")),
        None => error.hint(command!["git worktree repair", top.display()].note("in the repository, where it is now")),
    })
}

/// Whether git reports that no command can reach this address: it has no program for it, or does not allow it.
pub(crate) fn is_impossible_address(stderr: &str) -> bool {
    let line = |test: &dyn Fn(&str) -> bool| stderr.lines().any(test);
    let no_helper = |line: &str| line.starts_with("git: 'remote-") && line.contains("' is not a git command");
    line(&no_helper)
        || line(&|line| {
            let words = line.strip_prefix("fatal: ").unwrap_or_default();
            words.starts_with("unable to find remote helper for ")
                || words.starts_with("transport '") && words.ends_with("' not allowed")
                || words.starts_with("strange ") && words.ends_with("' blocked")
                || words.starts_with("unable to access '") && words.contains("': URL using bad/illegal format")
                || words.starts_with("protocol '") && words.ends_with("' is not supported")
        })
}

fn broken(dir: &Path, line: &str) -> Option<Broken> {
    let line = line.strip_prefix("fatal: ").or_else(|| line.strip_prefix("error: "))?;
    if let Some((number, file)) = line.strip_prefix("bad config line ").and_then(|rest| rest.split_once(" in file ")) {
        let number = number.parse().ok().filter(|_| !file.starts_with("./"));
        return number.map(|number| Broken::Configuration(number, dir.join(file)));
    }
    let name = line.strip_prefix("bad object ").or_else(|| line.strip_prefix("bad tree object "));
    if let Some(name) = name.and_then(|rest| rest.split(' ').next()) {
        return Some(if name.starts_with("refs/") { Broken::Ref(name.to_owned()) } else { Broken::Other });
    }
    let file = line.strip_prefix("object file ").and_then(|rest| rest.strip_suffix(" is empty"));
    let file = file.or_else(|| line.split_once("(stored in ")?.1.strip_suffix(") is corrupt"));
    if let Some(file) = file {
        let is_here = !file.starts_with("./") && dir.join(file).exists();
        // A pack has other objects, too, and maybe the only copy of some.
        let broken = if line.starts_with("packed ") { Broken::Other } else { Broken::Object(dir.join(file)) };
        return is_here.then_some(broken);
    }
    if let Some((_, rest)) = line.split_once("unable to resolve reference '") {
        return Some(Broken::Ref(rest.strip_suffix("': reference broken")?.to_owned()));
    }
    let is_name = |name: &str| name.len() >= 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let range = line.strip_prefix("Invalid revision range ").and_then(|range| range.split_once(".."));
    let is_range = |(from, to): (&str, &str)| is_name(from) && is_name(to.trim_start_matches('.'));
    let is_of_index = line == "index file corrupt" || line.ends_with("index file smaller than expected");
    let is_other = line == "not a tree object"
        || line.starts_with("bad config line ")
        || range.is_some_and(is_range)
        || ["unable to read tree ", "unable to read ", "Could not read ", "Not a valid commit: ", "Can't load tree "]
            .iter()
            .any(|start| {
                let name = line.strip_prefix(start).map(|rest| rest.trim_matches(['(', ')']));
                name.is_some_and(is_name)
            });
    is_of_index.then_some(Broken::Index).or(is_other.then_some(Broken::Other))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first hint for what git said in a folder with this broken object.
    fn hint(stderr: &str) -> Option<String> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join(".git/objects/01")).unwrap();
        std::fs::write(dir.path().join(".git/objects/01/59"), "").unwrap();
        let error = damage(dir.path(), stderr)?;
        assert_eq!(error.kind(), Kind::Damaged);
        let hint = error.hints().first().map(ToString::to_string)?;
        Some(hint.replace(dir.path().to_str().unwrap(), "DIR"))
    }

    #[test]
    fn the_most_certain_line_counts() {
        for (stderr, start) in [
            (
                "error: object file .git/objects/01/59 is empty\nfatal: bad object HEAD\n",
                "rm -f DIR/.git/objects/01/59 && git fetch --refetch --all",
            ),
            (
                "error: inflate: data stream error\nfatal: loose object 0159 (stored in .git/objects/01/59) is corrupt\n",
                "rm -f DIR/.git/objects/01/59 && git fetch --refetch --all",
            ),
            (
                "fatal: packed object 0159 (stored in .git/objects/01/59) is corrupt\n",
                "cd DIR && git fetch --refetch --all",
            ),
            (
                "fatal: bad object refs/remotes/origin/main\n",
                "cd DIR && rm -f \"$(git rev-parse --git-path refs/remotes/origin/main)\"; git update-ref -d",
            ),
            (
                "error: cannot lock ref 'refs/heads/a': unable to resolve reference 'refs/heads/a': reference broken\n",
                "cd DIR && rm -f \"$(git rev-parse --git-path refs/heads/a)\" && git update-ref refs/heads/a \"$(tail -n 1",
            ),
            ("fatal: index file corrupt\n", "cd DIR && rm -f \"$(git rev-parse --git-path index)\" && git reset"),
            ("fatal: not a tree object\n", "cd DIR && git fetch --refetch --all"),
            (
                "fatal: Invalid revision range 1234567890123456789012345678901234567890..1234567890123456789012345678901234567890\n",
                "cd DIR && git fetch --refetch --all",
            ),
            ("fatal: bad config line 9 in file .git/config\n", "sed -n 9p DIR/.git/config"),
        ] {
            let hint = hint(stderr).unwrap();
            assert!(hint.starts_with(start), "{stderr}: {hint}");
        }
    }

    #[test]
    fn what_is_broken_on_the_server_or_only_named_is_no_damage_here() {
        for stderr in [
            "",
            "error: object file ./objects/01/59 is empty\nfatal: Could not read from remote repository.\n",
            "error: object file /srv/x.git/objects/01/59 is empty\n",
            "remote: fatal: bad object refs/heads/main\n",
            "fatal: remote error: upload-pack: not our ref 0159\n",
            "fatal: bad config line 9 in file ./config\n",
            "! [remote rejected] a -> a (cannot lock ref 'a': unable to resolve reference 'a': reference broken)\n",
        ] {
            assert_eq!(hint(stderr), None, "{stderr}");
        }
    }
}
