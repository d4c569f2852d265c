//! `git aitask finish`.
