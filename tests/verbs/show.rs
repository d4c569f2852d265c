//! `git aitask show`.
