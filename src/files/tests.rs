use super::*;
use std::os::unix::fs::symlink;

fn scene() -> (TempDir, Tree) {
    let dir = tempfile::tempdir().unwrap();
    for folder in ["root/aitasks/t1", "outside/aitasks"] {
        std::fs::create_dir_all(dir.path().join(folder)).unwrap();
    }
    std::fs::write(dir.path().join("outside/secret"), "secret").unwrap();
    std::fs::write(dir.path().join("root/aitasks/t1_x.md"), "text").unwrap();
    let tree = Tree::new(dir.path().join("root"));
    (dir, tree)
}

#[track_caller]
fn refused<T>(result: Result<T>, part: &str) {
    let error = result.map(drop).unwrap_err();
    assert!(error.kind() == Kind::Occupied && error.to_string().contains(part), "{error:?}");
}

#[test]
fn a_regular_file_is_read_and_what_is_absent_is_none() {
    let (dir, tree) = scene();
    assert_eq!(tree.read("aitasks/t1_x.md").unwrap(), b"text");
    assert_eq!(tree.read(dir.path().join("root/aitasks/t1_x.md")).unwrap(), b"text");
    assert_eq!(tree.load("aitasks/t2_x.md").unwrap(), None);
    assert_eq!(tree.load("no/such/folder").unwrap(), None);
    assert_eq!(tree.load("aitasks/t1_x.md/deeper").unwrap(), None);
    assert_eq!(tree.read("no/such").unwrap_err().kind(), Kind::Io);
    // what the user names himself
    assert_eq!(tree.read(dir.path().join("outside/secret")).unwrap(), b"secret");
    assert_eq!(tree.read("../outside/secret").unwrap(), b"secret");
}

#[test]
fn no_link_is_followed_for_reading_or_writing_in_any_part_of_a_path() {
    let (dir, tree) = scene();
    let outside = dir.path().join("outside");
    let root = dir.path().join("root");
    symlink("../../outside/secret", root.join("aitasks/t2_x.md")).unwrap();
    symlink("../../outside", root.join("aitasks/t3")).unwrap();
    symlink("../outside", root.join("aiplans")).unwrap();
    for path in ["aitasks/t2_x.md", "aitasks/t3/secret", "aiplans/secret", "aiplans/aitasks/new.md"] {
        refused(tree.read(path), "symbolic link");
        refused(tree.load(path), "symbolic link");
        refused(tree.replace(path, b"x"), if path.ends_with("t2_x.md") { "t2_x.md" } else { "symbolic link" });
        assert!(!tree.is_file(path), "{path}");
    }
    refused(tree.create("aitasks/t3/new", b"x"), "symbolic link");
    refused(tree.create("aitasks/t2_x.md", b"x"), "exists");
    refused(tree.create_empty("aiplans/new"), "symbolic link");
    refused(tree.make_folder("aitasks/t3/new"), "symbolic link");
    refused(tree.rename("aitasks/t1_x.md", "aiplans/t1_x.md"), "symbolic link");
    refused(tree.remove("aitasks/t3/secret"), "symbolic link");
    assert!(!tree.is_folder("aitasks/t3") && tree.entries("aitasks/t3").is_empty());
    assert!(tree.entries("aitasks").iter().all(|entry| entry.is_folder == (entry.name == "t1")));
    let left: Vec<_> = std::fs::read_dir(&outside).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!((left.len(), std::fs::read(outside.join("secret")).unwrap()), (2, b"secret".to_vec()));
    // the link itself may go
    assert!(tree.remove("aitasks/t2_x.md").unwrap());
}

#[test]
fn the_two_links_to_the_data_branch_are_followed_by_their_exact_texts_only() {
    let (dir, tree) = scene();
    let root = dir.path().join("root");
    std::fs::remove_dir_all(root.join("aitasks")).unwrap();
    std::fs::create_dir_all(root.join(".aitask-data/aitasks")).unwrap();
    symlink(".aitask-data/aitasks", root.join("aitasks")).unwrap();
    tree.create("aitasks/t1_x.md", b"text").unwrap();
    assert_eq!(tree.read(".aitask-data/aitasks/t1_x.md").unwrap(), b"text");
    for other in ["./.aitask-data/aitasks", ".aitask-data/aitasks/", ".aitask-data/../.aitask-data/aitasks"] {
        std::fs::remove_file(root.join("aitasks")).unwrap();
        symlink(other, root.join("aitasks")).unwrap();
        refused(tree.read("aitasks/t1_x.md"), "symbolic link");
    }
    // nor where the checkout is itself a link
    std::fs::remove_file(root.join("aitasks")).unwrap();
    std::fs::remove_dir_all(root.join(".aitask-data")).unwrap();
    symlink(".aitask-data/aitasks", root.join("aitasks")).unwrap();
    symlink("../outside", root.join(".aitask-data")).unwrap();
    refused(tree.create("aitasks/t1_x.md", b"text"), ".aitask-data is a symbolic link");
    assert_eq!(data_checkout(&root), None);
}

#[test]
fn what_is_no_regular_file_or_too_large_is_refused_without_waiting() {
    let (dir, tree) = scene();
    let root = dir.path().join("root");
    rustix::fs::mknodat(CWD, root.join("pipe"), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    refused(tree.read("pipe"), "not a regular file");
    refused(read_own(&root.join("pipe")), "not a regular file");
    refused(read_own(Path::new("/dev/zero")), "not a regular file");
    refused(tree.read("aitasks/t1"), "not a regular file");
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
    refused(tree.read("socket"), "not a regular file");
    File::create(root.join("large")).unwrap().set_len(LARGEST_TEXT + 1).unwrap();
    refused(tree.read("large"), "larger than 8 MiB");
    File::create(root.join("largest")).unwrap().set_len(LARGEST_TEXT).unwrap();
    assert_eq!(tree.read("largest").unwrap().len() as u64, LARGEST_TEXT);
    let folder = tree.folder("").unwrap();
    refused(folder.read_head("large", |_| None), "larger than 8 MiB");
    assert_eq!(folder.read_head("large", |_| Some(3)).unwrap(), [0; 3]);
}

#[test]
fn a_file_keeps_its_mode_and_nothing_is_left_beside_it() {
    let (dir, tree) = scene();
    let file = dir.path().join("root/aitasks/t1_x.md");
    std::fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
    tree.replace("aitasks/t1_x.md", b"new").unwrap();
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o666);
    assert_eq!(tree.create_beside("aitasks", "t1_x.md", b"more").unwrap(), "t1_x_2.md");
    refused(tree.create("aitasks/t1_x.md", b"x"), "exists");
    tree.rename("aitasks/t1_x_2.md", "aitasks/t9/t9_1_x.md").unwrap();
    assert!(tree.replace("aitasks/t1_x.md", b"").is_err());
    let mut names: Vec<_> = tree.names(Path::new("aitasks")).collect();
    names.sort();
    assert_eq!((names.join(" ").as_str(), tree.read(file).unwrap()), ("t1 t1_x.md t9", b"new".to_vec()));
    assert!(is_left_by_a_write(Path::new(".t1_x.md.a1B2c3")) && !is_left_by_a_write(Path::new(".t1_x.md")));
}

#[test]
fn a_private_folder_is_private_whatever_the_umask() {
    let (dir, _) = scene();
    let folder = private_folder("git-aitask-", dir.path()).unwrap();
    assert_eq!(folder.path().metadata().unwrap().permissions().mode() & 0o777, 0o700);
}
