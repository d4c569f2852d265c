//! `git aitask demo`: several people and agents work on one repository, as real processes of this program with a real
//! remote, all in a temporary folder; then plain git checks that nothing was lost.
//!
//! Promises: it sees none of the user's settings, repositories and remotes, ends all of its processes, and removes its
//! folder unless a check failed or the user keeps it.
//!
//! Caller: the verb `demo`.

pub(crate) mod background;
pub(crate) mod invariants;
pub(crate) mod sandbox;
pub(crate) mod scenario;
pub(crate) mod score;

pub(crate) use crate::demo::invariants::Invariant;

use crate::demo::sandbox::Sandbox;
use crate::demo::scenario::Scenario;
use crate::demo::score::{DemoOptions, Score};
use crate::error::{Error, Kind, Payload, Result};
use crate::files::private_folder;
use crate::settings::Environment;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The result of the demonstration.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Demonstration {
    /// What each agent did.
    pub(crate) agents: Vec<Score>,
    /// The invariants, and whether they hold.
    pub(crate) invariants: Vec<Invariant>,
    /// How many tasks there were.
    pub(crate) tasks: usize,
    /// How many clones.
    pub(crate) clones: usize,
    /// The duration in seconds.
    pub(crate) seconds: f64,
    /// The folder, where it was kept.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "crate::report::path::optional")]
    pub(crate) folder: Option<PathBuf>,
}

impl Demonstration {
    /// Whether every invariant holds.
    ///
    /// # Errors
    /// [`Kind::Invariant`] with the names of the broken ones.
    pub(crate) fn require_all(&self) -> Result<()> {
        let broken: Vec<_> = self.invariants.iter().filter(|invariant| !invariant.holds).collect();
        if broken.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = broken.iter().map(|broken| format!("{} ({})", broken.name, broken.detail)).collect();
        let error = Error::new(Kind::Invariant, format!("broken: {}", names.join(", ")));
        Err(self.folder.iter().fold(error, |error, folder| kept(error, folder)))
    }
}

/// Runs the demonstration with the program `program`, which is this one.
///
/// # Errors
/// [`Kind::Invariant`] for an unexpected result of a command, or when the time limit was reached; the folder is kept.
/// An invariant that does not hold at the end is no error here: see [`Demonstration::require_all`].
pub(crate) fn demo(
    environment: &Environment,
    program: &Path,
    options: &DemoOptions,
    narrate: fn(&str),
) -> Result<Demonstration> {
    let started = Instant::now();
    let folder = private_folder("git-aitask-demo-", &std::env::temp_dir())?;
    let size = u64::try_from(options.agents + options.tasks).unwrap_or(u64::MAX);
    // The whole demonstration: a minute to set up, and two seconds for each agent and task. Each task takes about a
    // second on a slow machine; the limit only ends a demonstration that hangs.
    let limit = Duration::from_secs(60)
        .saturating_add(Duration::from_secs(2).saturating_mul(size.try_into().unwrap_or(u32::MAX)));
    let clones = options.clones.min(options.agents);
    let outcome = Sandbox::new(environment, program, folder.path(), clones, limit, narrate)
        .and_then(|sandbox| Scenario::new(&sandbox, options, narrate).and_then(Scenario::run));
    match outcome {
        Err(error) => Err(kept(error, &folder.keep())),
        Ok((agents, invariants)) => {
            let seconds = started.elapsed().as_secs_f64();
            let mut outcome = Demonstration { agents, invariants, tasks: options.tasks, clones, seconds, folder: None };
            if options.keep || outcome.require_all().is_err() {
                outcome.folder = Some(folder.keep());
            } else if let Err(error) = folder.close() {
                narrate(&format!("the temporary folder could not be removed: {error}"));
            }
            Ok(outcome)
        }
    }
}

fn kept(error: Error, folder: &Path) -> Error {
    error
        .hint(command!["ls", folder.display()].note("the folder was kept"))
        .with(Payload::Folder { folder: folder.to_string_lossy().into_owned() })
}
