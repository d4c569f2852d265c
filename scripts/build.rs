//! Makes the released program smaller by what only the linker can do: it leaves out the tables for unwinding, an eighth of
//! its size, since a panic ends the program (`panic = "abort"` in Cargo.toml) and nothing reads them; and it keeps one of
//! functions that came out the same, another twenty-fifth. Where a linker without scripts is chosen, the tables stay.

#![expect(clippy::disallowed_methods, reason = "how a build script learns what is built")]

use std::env::var;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=scripts/build.rs");
    println!("cargo::rerun-if-changed=scripts/no-unwind-tables.ld");
    let is = |name: &str, wanted: &str| var(name).is_ok_and(|value| value == wanted);
    if !is("PROFILE", "release") || !is("CARGO_CFG_TARGET_OS", "linux") {
        return;
    }
    let flags = var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default() + &var("RUSTC_LINKER").unwrap_or_default();
    if !["mold", "wild", "gold"].iter().any(|linker| flags.contains(linker)) {
        let folder = var("CARGO_MANIFEST_DIR").unwrap_or_default();
        println!("cargo::rustc-link-arg-bins=-Wl,-T,{folder}/scripts/no-unwind-tables.ld");
    }
    let fold = "-Wl,--icf=all";
    if links_with(fold) {
        println!("cargo::rustc-link-arg-bins={fold}");
    }
}

/// Whether the linker of this build takes an argument. GNU ld does not know how to fold functions, and which linker the
/// compiler calls depends on its version, the target and flags: so an empty program is linked with it.
fn links_with(argument: &str) -> bool {
    let folder = var("OUT_DIR").unwrap_or_default();
    let source = Path::new(&folder).join("empty.rs");
    if std::fs::write(&source, "fn main() {}").is_err() {
        return false;
    }
    let flags = var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let linker = var("RUSTC_LINKER").map(|linker| format!("-Clinker={linker}"));
    Command::new(var("RUSTC").unwrap_or_default())
        .args(flags.split('\x1f').filter(|flag| !flag.is_empty()))
        .args(linker)
        .arg(format!("--target={}", var("TARGET").unwrap_or_default()))
        .arg(format!("-Clink-arg={argument}"))
        .arg(&source)
        .arg("-o")
        .arg(source.with_extension(""))
        .output()
        .is_ok_and(|output| output.status.success())
}
