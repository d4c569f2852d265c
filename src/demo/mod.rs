//! The main job, done for everyone to see: several people and agents on one repository, real processes of this
//! program on a real remote, all in a temporary folder; then the check that nothing was lost.

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

/// What happened, and whether all of it holds.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Demonstration {
    /// One an agent.
    pub(crate) agents: Vec<Score>,
    /// What must hold.
    pub(crate) invariants: Vec<Invariant>,
    /// How many tasks there were.
    pub(crate) tasks: usize,
    /// How many clones.
    pub(crate) clones: usize,
    /// How long all of it took.
    pub(crate) seconds: f64,
    /// The folder, where it was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) folder: Option<PathBuf>,
}

impl Demonstration {
    /// Whether every invariant holds.
    ///
    /// # Errors
    /// [`Kind::Invariant`] that names the broken ones.
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

/// Plays it with the program `program`, which is this one.
///
/// # Errors
/// [`Kind::Invariant`] when an answer came out of turn or the time was up; the folder is left for a look. What does
/// not hold at the end is no error here: see [`Demonstration::require_all`].
pub(crate) fn demo(
    environment: &Environment,
    program: &Path,
    options: &DemoOptions,
    narrate: fn(&str),
) -> Result<Demonstration> {
    let started = Instant::now();
    let folder = private_folder("git-aitask-demo-", &std::env::temp_dir())?;
    let size = u64::try_from(options.agents + options.tasks).unwrap_or(u64::MAX);
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
        .hint(command!["ls", folder.display()].note("all of it was left there"))
        .with(Payload::Folder { folder: folder.to_string_lossy().into_owned() })
}
