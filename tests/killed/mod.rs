//! Killed between any two git commands, then the same command again.
