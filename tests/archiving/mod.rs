//! The scripts that list, look up, archive and bundle: what the recordings do not show.

mod archive;
mod beside;
mod bundles;
mod listing;
mod reports;

use crate::support::{Repo, Run, World};

/// Runs a script by its name.
fn script(repo: &Repo, name: &str, args: &[&str]) -> Run {
    repo.aitask(&[&["compat", name], args].concat())
}

/// A task file with these further lines of frontmatter.
fn task(repo: &Repo, path: &str, fields: &str) {
    repo.write(
        path,
        &format!("---\npriority: medium\nstatus: Ready\n{fields}updated_at: 2026-01-01 00:00\n---\n\nDo it.\n"),
    );
}

/// A clone without a remote, so that nothing but the checkout counts.
fn alone(world: &World) -> Repo {
    let repo = world.clone("ann");
    repo.git(&["remote", "remove", "origin"]);
    repo
}

/// The paths of the last commit, with what became of them.
fn last_commit(repo: &Repo) -> String {
    repo.git(&["log", "-1", "--format=%s", "--name-status", "--no-renames"])
}
