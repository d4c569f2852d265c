//! `git aitask drop`.
