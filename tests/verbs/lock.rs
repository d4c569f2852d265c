//! `git aitask lock`.
