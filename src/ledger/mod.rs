//! The coordination branches as a database: read a [`View`], decide on a [`Plan`], build its commits without a
//! checkout, publish them all in one compare-and-swap, and decide again if a tip really moved.

pub mod align;
pub mod backoff;
mod channel;
pub mod checkouts;
mod elsewhere;
mod fence;
mod found;
pub mod known;
#[expect(clippy::module_inception, reason = "it is what the room is named for")]
mod ledger;
mod look;
#[cfg(test)]
pub(crate) mod memory;
mod nonce;
pub mod plan;
pub mod publish;
pub mod queue;
pub mod refs;
mod refusal;
mod stage;
pub mod transaction;
#[cfg(test)]
pub(crate) mod turns;
mod unheard;
pub mod view;

pub use crate::git::objects::Edit;
pub use channel::Channel;
pub use fence::FENCE;
pub use found::Found;
pub use ledger::{DATA, Entry, IDS, LOCKS, Ledger, Meaning};
pub use nonce::nonce;
pub use plan::{Decision, Landed, Plan};
pub(crate) use refusal::no_branch;
pub use view::View;
