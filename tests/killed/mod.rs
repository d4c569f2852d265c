//! Killed between any two git commands, then the same command again: the end is that of a run nobody disturbed.
//!
//! A module a verb, a test a [`Mode`]. [`Scene`] builds the repositories once and puts them back before every kill,
//! [`describe`] says what there is to see, [`sweep`] kills and compares, [`create`] does so for a script whose ids differ.
//! [`groups`] kills git's children, too, [`half`], [`forward`] and [`leftovers`] look at what they leave, and [`signals`]
//! ends the program by a signal that it takes notice of.

mod create;
mod describe;
mod forward;
mod groups;
mod half;
mod landings;
mod leftovers;
mod local_swap;
mod others;
mod scene;
mod signals;
mod sweep;
mod verbs;

use scene::{Mode, Scene};
use sweep::{sweep, sweep_once};
