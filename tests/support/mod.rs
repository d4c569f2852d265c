//! Real repositories for tests: people, one remote, one machine each, and nothing of the machine the suite runs on.
//!
//! ```ignore
//! let world = World::new();
//! let (ann, bob) = (world.initialised_on_main("ann"), world.initialised_on_main("bob"));
//! let id = ann.task("Add login", &[("priority", "high")]);
//! ann.aitask(&["pick", &id]).ok();
//! let no = bob.aitask(&["pick", &id, "--json"]).fails(1);
//! assert_eq!(no.error()["error"]["kind"], "held");
//! ```
//!
//! [`World`] is the temporary directory with the remote, [`Repo`] one person's clone of it together with the
//! directory and environment of the next call, [`Run`] what a program answered. [`Repo::count_connections`],
//! [`Repo::git_commands`] and [`Repo::killed_at`] look at what the program did on the way.

mod agent;
mod broken;
mod chance;
mod files;
mod hint;
mod killer;
pub(crate) mod linearizability;
mod needs;
mod observe;
mod proof;
mod repo;
mod run;
mod schema;
mod server;
mod share;
mod sleeper;
mod template;
mod wait;
mod world;

pub(crate) use agent::Agent;
pub(crate) use broken::First;
pub(crate) use chance::Chance;
pub(crate) use files::files_below;
pub(crate) use hint::hints;
pub(crate) use killer::When;
pub(crate) use needs::{can_run, is_stand_in, program, skipped};
pub(crate) use proof::{Proof, Rounds};
pub(crate) use repo::Repo;
pub(crate) use run::{Run, Running};
pub(crate) use server::{Answer, Cut, Request, Server};
pub(crate) use share::{day, in_turn, rounds, share, thorough, turn};
pub(crate) use sleeper::Sleeper;
pub(crate) use wait::{give_time_for_a_fault, sh_wait_for_file, wait_for, wait_for_end, wait_for_file};
pub(crate) use world::World;
