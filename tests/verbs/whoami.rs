//! `git aitask whoami`.
