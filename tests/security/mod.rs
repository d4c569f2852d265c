//! Nothing that a repository or another person brings runs, leads out, hangs or forges.

mod copies;
mod hanging;
mod links;
