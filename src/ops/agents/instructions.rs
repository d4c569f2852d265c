//! The stanza in the files with instructions: `AGENTS.md`, and `CLAUDE.md` where there is one. Claude Code reads the
//! first where it finds none of the second, so none is made; one that leads to `AGENTS.md` needs no stanza.

use super::{Action, CHANGED, Planned, Program, Purpose, State};
use crate::agents::marked::{self, Rest};
use crate::error::{Error, Kind, Result};
use crate::files::Tree;
use std::path::{Component, Path, PathBuf};

const AGENTS: &str = "AGENTS.md";
const CLAUDE: [&str; 2] = ["CLAUDE.md", ".claude/CLAUDE.md"];

/// How the stanza gets into the files.
pub(super) fn installed(tree: &Tree, programs: &[Program], stanza: &str) -> Result<Vec<Planned>> {
    let agents = with_stanza(tree, AGENTS, stanza)?;
    // A project may have all of its instructions in CLAUDE.md, and AGENTS.md as a link to that.
    let leads_to_claude = tree.link_target(AGENTS).is_some_and(|target| target == Path::new(CLAUDE[0]));
    let mut planned = vec![agents];
    if !programs.contains(&Program::Claude) && !leads_to_claude {
        return Ok(planned);
    }
    let there: Vec<_> = CLAUDE.into_iter().filter(|file| tree.is_there(file)).collect();
    let leading = there.iter().find(|file| leads_to_agents(tree, file));
    match (leading, there.first()) {
        (Some(file), _) => planned.push(Planned::left(*file, Purpose::Stanza, format!("it leads to {AGENTS}"))),
        (None, Some(file)) => planned.push(with_stanza(tree, file, stanza)?),
        (None, None) => {}
    }
    Ok(planned)
}

fn with_stanza(tree: &Tree, path: &str, stanza: &str) -> Result<Planned> {
    let found = match tree.load(path) {
        Err(error) => return Ok(Planned::left(path, Purpose::Stanza, error.to_string())),
        Ok(found) => found,
    };
    let plan = |action| Planned::new(path, Purpose::Stanza, State::Installed, action);
    let Some(bytes) = found else { return Ok(plan(Action::Create(marked::created(stanza)))) };
    if is_no_text(&bytes) {
        return Ok(Planned::left(path, Purpose::Stanza, "it is no text in UTF-8"));
    }
    Ok(match find(path, &bytes)? {
        None => plan(Action::Replace(marked::added(&bytes, stanza))),
        Some(there) => {
            let new = there.replaced(&bytes, stanza);
            match (new == bytes, there.is_own) {
                (true, _) => plan(Action::Nothing),
                (false, true) => plan(Action::Replace(new)),
                (false, false) => Planned::left(path, Purpose::Stanza, CHANGED),
            }
        }
    })
}

/// How the stanza gets out of the files.
pub(super) fn removed(tree: &Tree) -> Result<Vec<Planned>> {
    std::iter::once(AGENTS).chain(CLAUDE).map(|path| without_stanza(tree, path)).filter_map(Result::transpose).collect()
}

fn without_stanza(tree: &Tree, path: &str) -> Result<Option<Planned>> {
    // What is behind a link is either none of ours, or found by its own name.
    let Ok(Some(bytes)) = tree.load(path) else { return Ok(None) };
    let Some(there) = find(path, &bytes)? else { return Ok(None) };
    if !there.is_own {
        return Ok(Some(Planned::left(path, Purpose::Stanza, CHANGED)));
    }
    let action = match there.removed(&bytes) {
        Rest::Nothing => Action::Remove,
        Rest::Bytes(rest) if rest.is_empty() => Action::Empty,
        Rest::Bytes(rest) => Action::Replace(rest),
    };
    Ok(Some(Planned::new(path, Purpose::Stanza, State::Absent, action)))
}

fn find(path: &str, bytes: &[u8]) -> Result<Option<marked::Stanza>> {
    marked::find(bytes).map_err(|why| {
        Error::new(Kind::Unparsable, format!("{path} was not changed: {why}"))
            .advice("leave one pair of markers in it, or none, and give the same command again")
    })
}

/// Whether a file is one to which text in UTF-8 cannot be added: UTF-16, or no text at all.
fn is_no_text(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") || bytes.contains(&0)
}

/// Whether a `CLAUDE.md` is a link to `AGENTS.md`, or imports it.
fn leads_to_agents(tree: &Tree, path: &str) -> bool {
    if let Some(target) = tree.link_target(path) {
        return target == Path::new(AGENTS);
    }
    let folder = Path::new(path).parent().unwrap_or(Path::new(""));
    let imports = |word: &str| word.strip_prefix('@').and_then(|named| below(folder, named)) == Some(AGENTS.into());
    tree.text(path).is_ok_and(|text| text.split_whitespace().any(imports))
}

/// A path that is named in a file of a folder, from the root; `None` where it leads out of the root.
fn below(folder: &Path, named: &str) -> Option<PathBuf> {
    let mut path = folder.to_owned();
    for part in Path::new(named).components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::ParentDir if path.pop() => {}
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(path)
}
