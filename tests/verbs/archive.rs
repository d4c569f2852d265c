//! `git aitask archive`.
