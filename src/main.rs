//! The program; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    git_aitask::run()
}
