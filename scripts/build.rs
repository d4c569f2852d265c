//! Tells the linker to leave the tables for unwinding out of the released program, an eighth of its size: a panic ends
//! the program (`panic = "abort"` in Cargo.toml), so nothing reads them. Where a linker without scripts is chosen, they
//! stay.

#![expect(clippy::disallowed_methods, reason = "how a build script learns what is built")]

use std::env::var;

fn main() {
    println!("cargo::rerun-if-changed=scripts/build.rs");
    println!("cargo::rerun-if-changed=scripts/no-unwind-tables.ld");
    let is = |name: &str, wanted: &str| var(name).is_ok_and(|value| value == wanted);
    let flags = var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default() + &var("RUSTC_LINKER").unwrap_or_default();
    let takes_scripts = !["mold", "wild", "gold"].iter().any(|linker| flags.contains(linker));
    if is("PROFILE", "release") && is("CARGO_CFG_TARGET_OS", "linux") && takes_scripts {
        let folder = var("CARGO_MANIFEST_DIR").unwrap_or_default();
        println!("cargo::rustc-link-arg-bins=-Wl,-T,{folder}/scripts/no-unwind-tables.ld");
    }
}
