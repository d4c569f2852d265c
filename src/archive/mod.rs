//! Moving a finished task and its plan to the archive, with the gates that keep it from there.

pub mod archiver;
pub mod decide;
pub mod gates;
pub mod note;
pub mod published;
pub mod request;
pub mod shelf;
