//! Nothing that a repository or another person brings runs, leads out, hangs or forges.

mod addresses;
mod completion;
mod copies;
mod hanging;
mod links;
mod output;
mod unpacked;

use crate::support::{Repo, World};

/// A clone with a task.
fn scene() -> (World, Repo) {
    let world = World::new();
    let ann = world.initialised_on_main("ann");
    ann.task("First", &[]);
    ann.git(&["pull", "-q"]);
    (world, ann)
}

/// Puts a file on a branch of the remote, as another program would.
fn push_to(world: &World, branch: &str, path: &str, text: &str) {
    let dir = tempfile::Builder::new().prefix("other-").tempdir_in(world.root()).unwrap();
    let other = world.clone(dir.path().file_name().unwrap().to_str().unwrap());
    other.git(&["switch", "-q", branch]);
    other.write(path, text);
    other.commit("from elsewhere");
    other.git(&["push", "-q", "origin", branch]);
}
