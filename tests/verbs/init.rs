//! `git aitask init`.
