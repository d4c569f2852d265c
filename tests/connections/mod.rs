//! Connections to the remote, and the git commands that each verb runs.
