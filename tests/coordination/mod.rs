//! One set of coordination branches, not two: where pushes go, what a branch that is gone held, which remote has them, and
//! what was coordinated before there was a remote.

mod addresses;
mod before_remote;
mod data_home;
mod gone;
mod hints;
mod moved_tasks;
mod new_repository;
mod places;
mod upstream;
