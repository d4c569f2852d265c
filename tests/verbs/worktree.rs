//! `git aitask worktree`.
