//! `git aitask list`.
