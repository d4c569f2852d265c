//! `git aitask pick`.
