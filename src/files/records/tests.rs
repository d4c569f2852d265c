use super::*;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::time::SystemTime;

fn place(text: &[u8]) -> Location {
    Location { path: OsStr::from_bytes(text).into() }
}

fn scene() -> (TempDir, Records) {
    let dir = tempfile::tempdir().unwrap();
    let records = Records::new(dir.path());
    (dir, records)
}

#[test]
fn a_record_that_could_not_be_written_whole_was_lost() {
    let (dir, records) = scene();
    records.save(RecordKind::Held, "t1.json", &place(b"before")).unwrap();
    let (file, other) = (records.path(RecordKind::Held, "t1.json"), dir.path().join("other"));
    // Who still reads the earlier one reads all of it: the new one is another file.
    std::fs::hard_link(&file, &other).unwrap();
    records.save(RecordKind::Held, "t1.json", &place(b"after")).unwrap();
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    assert_eq!(read(&file), r#"{"format":1,"path":"after"}"#);
    assert_eq!(read(&other), r#"{"format":1,"path":"before"}"#);
    assert_eq!(
        (records.names(RecordKind::Held), entries(records.folder().unwrap()).count()),
        (vec!["t1.json".into()], 1)
    );
    records.forget(RecordKind::Held, "t1.json").unwrap();
    records.forget(RecordKind::Held, "t1.json").unwrap();
    assert!(records.names(RecordKind::Held).is_empty());
}

#[test]
fn a_path_keeps_every_byte() {
    let (_dir, records) = scene();
    for text in [&b"/a/plain one"[..], b"/caf\xe9", b""] {
        records.save(RecordKind::Root, "", &place(text)).unwrap();
        assert_eq!(records.load(RecordKind::Root, ""), Some(place(text)));
    }
}

#[test]
fn what_is_broken_is_none_and_what_has_no_format_is_read() {
    let (_dir, records) = scene();
    let file = records.folder().unwrap().join("root");
    assert_eq!(records.load::<Location>(RecordKind::Root, ""), None);
    for broken in ["", "{", "[]", "null", "\0", "{}", r#"{"format":1}"#, r#"{"format":1,"path":{}}"#] {
        std::fs::write(&file, broken).unwrap();
        assert_eq!(records.load::<Location>(RecordKind::Root, ""), None, "{broken}");
    }
    std::fs::write(&file, r#"{"path":"/x","more":1}"#).unwrap();
    assert_eq!(records.load(RecordKind::Root, ""), Some(place(b"/x")));
}

#[test]
fn a_newer_record_is_not_read_and_not_overwritten() {
    let (_dir, records) = scene();
    let (file, text) = (records.folder().unwrap().join("root"), r#"{"format":2,"path":"/x"}"#);
    std::fs::write(&file, text).unwrap();
    assert_eq!(records.load::<Location>(RecordKind::Root, ""), None);
    let error = records.save(RecordKind::Root, "", &place(b"/y")).unwrap_err();
    assert!(error.kind() == Kind::Occupied && error.to_string().contains("newer git-aitask"), "{error}");
    // What only spares work is no reason to end a command.
    records.note(RecordKind::Root, "", &place(b"/y")).unwrap();
    records.forget(RecordKind::Root, "").unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn an_empty_record_is_an_error() {
    let (_dir, records) = scene();
    for empty in [serde_json::json!({}), serde_json::json!(null), serde_json::json!("text")] {
        assert_eq!(records.save(RecordKind::Root, "", &empty).unwrap_err().kind(), Kind::Bug);
    }
    assert!(!records.path(RecordKind::Root, "").exists());
}

#[test]
fn only_what_ends_by_its_age_is_swept() {
    let (_dir, records) = scene();
    let folder = records.folder().unwrap();
    let old =
        ["held/t1.json", "carry/main.1", "known/origin/aitask-ids", "making/1", "making/.tmpA", ".tmpA", "check/index"];
    let kept = ["making-t1_x", "task-a.md", "resolved-a/x.md", "resolve-a/x.md", "queue.lock", "checked"];
    for name in old.iter().chain(&kept) {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "x").unwrap();
    }
    let mut paths: Vec<_> = entries(folder).map(|entry| entry.path()).collect();
    paths.extend(
        ["making", "held", "carry"].iter().flat_map(|name| entries(&folder.join(name))).map(|entry| entry.path()),
    );
    for path in paths {
        File::open(path).unwrap().set_modified(SystemTime::now() - Duration::from_secs(2 * 24 * 3600)).unwrap();
    }
    std::fs::write(folder.join("making/2"), "x").unwrap();
    std::fs::write(folder.join(".tmpB"), "x").unwrap();
    assert_eq!(records.names(RecordKind::Making), ["2"]);
    records.sweep();
    let gone: Vec<_> = old.iter().chain(&kept).filter(|name| !folder.join(name).exists()).collect();
    assert_eq!(gone, [&"making/1", &"making/.tmpA", &".tmpA", &"check/index"]);
    assert!(folder.join("making/2").exists() && folder.join(".tmpB").exists());
}

#[test]
fn a_folder_that_a_kill_left_is_replaced() {
    let (_dir, records) = scene();
    let left = records.make_folder(RecordKind::Check).unwrap().keep();
    std::fs::write(left.join("index"), "x").unwrap();
    let made = records.make_folder(RecordKind::Check).unwrap();
    assert_eq!((made.path(), entries(made.path()).count()), (left.as_path(), 0));
    drop(made);
    assert!(!left.exists());
}

#[test]
fn only_this_file_knows_where_records_are() {
    fn look(folder: &Path, found: &mut Vec<PathBuf>) {
        let places = ["held", "making", "carry", "at-work", "known", "scratch", "filing", "archiving", "root", "as-of"];
        let places = places.map(|place| format!("\"aitask/{place}"));
        for path in entries(folder).map(|entry| entry.path()) {
            let text = if path.is_dir() { String::new() } else { std::fs::read_to_string(&path).unwrap() };
            let is_ours = path.components().any(|part| part.as_os_str().to_string_lossy().starts_with("records"));
            if path.is_dir() {
                look(&path, found);
            } else if !is_ours && (text.contains("join(\"aitask\")") || places.iter().any(|place| text.contains(place)))
            {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    look(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert_eq!(found, [] as [PathBuf; 0]);
}
