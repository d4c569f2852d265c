//! `git aitask status`.
