//! The packages agree with each other. `scripts/package --test` builds, installs and runs them.

use super::{read, root};
use regex::Regex;
use std::process::Command;

/// What a command of the project prints.
fn printed(program: &str, args: &[&str]) -> String {
    let run = Command::new(program).args(args).current_dir(root()).output().unwrap();
    assert!(run.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap()
}

#[test]
fn every_script_of_bash_parses() {
    let folders = ["scripts", ".ci"].map(|folder| std::fs::read_dir(root().join(folder)).unwrap());
    let files = folders.into_iter().flatten().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let of_bash: Vec<_> = files.filter(|path| read(path).starts_with("#!/usr/bin/env bash")).collect();
    assert!(of_bash.len() >= 4, "{of_bash:?}");
    for script in of_bash {
        printed("bash", &["-n", script.to_str().unwrap()]);
    }
}

#[test]
fn the_archive_is_where_binstall_and_the_action_look_for_it() {
    let manifest = read("Cargo.toml");
    let value = |key: &str| {
        let line = Regex::new(&format!(r#"(?m)^{key} = "(.*)"$"#)).unwrap();
        line.captures(&manifest).unwrap_or_else(|| panic!("no {key}"))[1].to_owned()
    };
    let names = printed("scripts/package", &["--names"]);
    let [archive, deb] = names.lines().collect::<Vec<_>>()[..] else { panic!("{names}") };
    let rustc = printed("rustc", &["-vV"]);
    let target = rustc.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let filled = |text: String| {
        let pairs = [("name", "git-aitask"), ("version", &value("version")), ("target", target)];
        pairs.iter().fold(text, |text, (key, value)| text.replace(&format!("{{ {key} }}"), value))
    };
    assert!(filled(value("pkg-url")).ends_with(&format!("/{archive}")), "{archive}: {}", value("pkg-url"));
    // the action and the job of GitLab leave out the first folder, too
    let folder = archive.strip_suffix(".tar.gz").unwrap();
    assert_eq!(filled(value("bin-dir")), format!("{folder}/{{ bin }}{{ binary-ext }}"));
    assert!(deb.starts_with(&format!("git-aitask_{}-0.1_", value("version"))), "{deb}");
}

#[test]
fn the_debian_package_has_every_file_that_setup_writes() {
    let world = crate::support::World::new();
    let ann = world.clone("ann");
    let written = ann.aitask(&["setup", "--dry-run", "--json"]).ok().json()["changed"].clone();
    let (manifest, home) = (read("Cargo.toml"), world.root().join("home").display().to_string());
    for path in written.as_array().unwrap().iter().map(|path| path.as_str().unwrap()) {
        let folder = path.strip_prefix(&home).unwrap().rsplit_once('/').unwrap().0;
        // scripts/package brings both folders of a user together
        let staged = folder.replace("/.local/share/", "").replace("/.config/", "");
        let asset = format!("[\"target/package/stage/share/{staged}/*\", ");
        assert!(manifest.contains(&asset), "{asset} for {path}");
    }
}
