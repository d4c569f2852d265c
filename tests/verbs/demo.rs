//! `git aitask demo`.
