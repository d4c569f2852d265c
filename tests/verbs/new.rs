//! `git aitask new`.
