//! A git whose first push goes wrong, or that something happens to on the way.

use super::Repo;

/// What the first push does; everything else is git's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum First {
    /// Lands, and is reported failed.
    Lands,
    /// Does not land.
    Fails,
    /// Lands, is reported failed, and the remote is away afterwards; see [`Repo::bring_remote_back`].
    LandsAndGoes,
    /// Lands, is reported failed, and a hook of the server has said something about a thing that is not found.
    LandsAndTalks,
}

impl Repo {
    /// The same clone with a git first on PATH whose first push goes wrong.
    pub(crate) fn with_broken_push(&self, first: First) -> Self {
        let push = "@GIT@ \"$@\" >/dev/null 2>&1";
        let (origin, away) = (self.world().origin(), self.world().root().join("away.git"));
        let action = match first {
            First::Lands => push.into(),
            First::Fails => ":".into(),
            First::LandsAndGoes => format!("{push}; mv '{}' '{}'", origin.display(), away.display()),
            First::LandsAndTalks => format!("{push}; echo 'remote: hooks/post-receive: 3: notify: not found' >&2"),
        };
        let hung_up = "echo 'fatal: the remote end hung up unexpectedly' >&2; exit 128";
        self.with_git_that(&format!(
            "if [ \"$1\" = push ] && mkdir '@DIR@/once' 2>/dev/null; then\n{action}\n{hung_up}\nfi"
        ))
    }

    /// The remote that [`First::LandsAndGoes`] took away.
    pub(crate) fn bring_remote_back(&self) {
        std::fs::rename(self.world().root().join("away.git"), self.world().origin()).unwrap();
    }

    /// The same clone with a git first on PATH that makes the file `told` once git's stderr contains `text`.
    pub(crate) fn with_git_that_tells(&self, text: &str, told: &std::path::Path) -> Self {
        self.with_git_that(&format!(
            "@GIT@ \"$@\" 2>'@DIR@/said.'$$; code=$?; cat '@DIR@/said.'$$ >&2\n\
             grep -q '{text}' '@DIR@/said.'$$ && : >'{}'\nexit $code",
            told.display()
        ))
    }

    /// The same clone with a git first on PATH that runs `script` before what git does: there `@GIT@` is the real
    /// one, `@DIR@` an empty folder, and `$1` the subcommand.
    pub(crate) fn with_git_that(&self, script: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("git-that-").tempdir_in(self.world().root()).unwrap().keep();
        let text = format!("#!/bin/sh\n{script}\nexec @GIT@ \"$@\"\n").replace("@DIR@", dir.to_str().unwrap());
        let git = self.world().real_git();
        self.world().script(&dir.join("git"), &text.replace("@GIT@", &format!("'{}'", git.display())));
        self.with_programs(&dir)
    }
}
