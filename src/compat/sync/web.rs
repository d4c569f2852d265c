//! Branches of agents that work in a web environment. They cannot push the data branch, so they mark a completed task
//! by a file in the folder `.aitask-data-updated/` of their own branch.

use crate::error::{Error, Kind, Result};
use crate::git::run::Call;
use crate::git::{Branch, objects, refs, remote};
use crate::project::context::Context;
use crate::settings::Environment;
use std::path::Path;
use std::time::Duration;

/// The folder of the completion markers on such a branch.
pub(crate) const FOLDER: &str = ".aitask-data-updated";
/// Branches that never are of such an agent.
const NEVER: [&str; 6] = ["HEAD", "main", "master", "aitask-data", "aitask-locks", "aitask-ids"];

/// Updates all remote-tracking refs.
pub(crate) fn fetch(context: &Context, limit: Duration) -> Result<()> {
    context.channel.remote().map_or(Ok(()), |remote| remote::fetch_all(&context.repository, remote, limit))
}

/// A completion marker.
#[derive(Debug)]
pub(crate) struct CompletionMarker {
    /// The branch with the marker.
    pub(crate) branch: Branch,
    /// The name of its file.
    pub(crate) file: String,
}

/// The completion markers of all remote-tracking branches. Two processes.
pub(crate) fn completed(context: &Context) -> Result<Vec<CompletionMarker>> {
    let repository = &context.repository;
    let Some(remote) = context.channel.remote() else { return Ok(Vec::new()) };
    let prefix = format!("refs/remotes/{remote}/");
    let known = refs::load_below(repository, &prefix)?;
    let branches = known.keys().filter_map(|name| Branch::parse(name.as_str().strip_prefix(&prefix)?).ok());
    let branches: Vec<_> = branches.filter(|branch| !NEVER.contains(&branch.as_str())).collect();
    let names: Vec<_> = branches.iter().map(|branch| format!("{prefix}{branch}:{FOLDER}")).collect();
    let folders = objects::load(repository, &names)?;
    let mut found = Vec::new();
    for (branch, folder) in branches.into_iter().zip(folders) {
        let files = folder.map_or_else(|| Ok(Vec::new()), |folder| objects::names_in(&folder))?;
        let markers = files.into_iter().filter(|name| name.starts_with("completed_"));
        found.extend(markers.map(|file| CompletionMarker { branch: branch.clone(), file }));
    }
    Ok(found)
}

/// The result of a script.
#[derive(Debug)]
pub(crate) struct ScriptAnswer {
    /// Its exit code.
    pub(crate) code: i32,
    /// Its output; after a failure with its standard error.
    pub(crate) output: String,
}

/// Runs a script of the project at `root`.
pub(crate) fn run_script(environment: &Environment, script: &Path, root: &Path, args: &[&str]) -> Result<ScriptAnswer> {
    let output = Call::program(environment, script, root).args(args).output()?;
    let code =
        output.code.ok_or_else(|| Error::new(Kind::Io, format!("{} was ended by a signal", script.display())))?;
    let mut texts = vec![output.text()];
    if !output.success() {
        texts.push(output.stderr_text());
    }
    texts.retain(|text| !text.is_empty());
    Ok(ScriptAnswer { code, output: texts.join(" ") })
}
