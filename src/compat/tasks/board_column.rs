//! `aitask_board_column.sh`: lists and creates columns of the board, and moves a task to one. A refusal is the line
//! `ERROR:<reason>` on standard output, where callers read it.

use crate::compat::invocation::Invocation;
use crate::compat::options::{KnownOption, ScriptOptions};
use crate::compat::record::record;
use crate::compat::tasks::board::{self, ColumnBoard};
use crate::error::{Kind, Payload, Result};
use crate::project::task_files::TaskFiles;

const USAGE: &str = "\
Usage: aitask_board_column.sh list-columns --root R [--task-dir D] [--include-unordered]
       aitask_board_column.sh current-column --root R [--task-dir D] --task N
       aitask_board_column.sh move --root R [--task-dir D] --task N --column C
       aitask_board_column.sh create --root R [--task-dir D] --title T [--color X]";

const KNOWN: [KnownOption; 7] = [
    KnownOption::value("--root", ""),
    KnownOption::value("--task-dir", ""),
    KnownOption::flag("--include-unordered"),
    KnownOption::value("--task", ""),
    KnownOption::value("--column", ""),
    KnownOption::value("--title", ""),
    KnownOption::value("--color", ""),
];

/// Runs the script.
pub(crate) fn run(invocation: &Invocation, args: &[String]) -> u8 {
    let console = invocation.console;
    let wrong = |text: &str| {
        console.error(text);
        USAGE.lines().for_each(|line| console.stderr_line(line));
        2
    };
    let (command, rest) = match args.split_first() {
        Some((command, rest)) if command != "--help" && command != "-h" => (command.as_str(), rest),
        Some(_) => {
            USAGE.lines().for_each(|line| console.line(line));
            return 0;
        }
        None => return wrong("a command is missing"),
    };
    let options = match ScriptOptions::parse(&KNOWN, rest, |_, _| Ok(())) {
        Ok(Some(options)) if options.words.is_empty() => options,
        Ok(Some(_)) => return wrong("too many arguments"),
        Ok(None) => {
            USAGE.lines().for_each(|line| console.line(line));
            return 0;
        }
        Err(error) => return wrong(&error.to_string()),
    };
    let Some(root) = options.filled("--root").map(|root| invocation.file(root)) else {
        return wrong("--root is missing");
    };
    let dir = options.last("--task-dir").or_else(|| invocation.environment.text("TASK_DIR")).unwrap_or("aitasks");
    let (needed, optional): (&[&str], &[&str]) = match command {
        "list-columns" => (&[], &["--include-unordered"]),
        "current-column" => (&["--task"], &[]),
        "move" => (&["--task", "--column"], &[]),
        "create" => (&["--title"], &["--color"]),
        _ => return wrong(&format!("unknown command: {command}")),
    };
    if let Some(missing) = needed.iter().find(|name| !options.has(name)) {
        return wrong(&format!("{missing} is missing"));
    }
    let belongs = |name: &str| ["--root", "--task-dir"].iter().chain(needed).chain(optional).any(|own| *own == name);
    if let Some(other) = KNOWN.iter().find(|known| options.has(known.name) && !belongs(known.name)) {
        return wrong(&format!("{command} has no option {}", other.name));
    }
    let there =
        Invocation { environment: invocation.environment.clone(), dir: root.clone(), from: root, ..*invocation };
    // What is only listed needs no repository; a change waits for other changes in it.
    let context = if ["move", "create"].contains(&command) { there.open().ok().flatten() } else { None };
    match answer(command, &there.checkout(context.as_ref()), dir, &options) {
        Ok(lines) => {
            for line in lines {
                console.line(&line);
            }
            0
        }
        Err(error) => {
            let reason = error.payloads().iter().find_map(|payload| match payload {
                Payload::Reason { reason } => Some(*reason),
                _ => None,
            });
            console.line(&format!("ERROR:{}", reason.unwrap_or("vanished")));
            if reason.is_none() || error.kind() == Kind::Io {
                console.error(&error.to_string());
            }
            1
        }
    }
}

fn answer(command: &str, files: &TaskFiles<'_>, dir: &str, options: &ScriptOptions) -> Result<Vec<String>> {
    let board = ColumnBoard::open(files, dir)?;
    let value = |name: &str| options.last(name).unwrap_or_default();
    Ok(match command {
        "list-columns" => {
            let unordered = options.has("--include-unordered").then(board::unordered);
            let columns = unordered.into_iter().chain(board.columns());
            columns.map(|column| format!("COLUMN:{}", in_full(&column))).collect()
        }
        "current-column" => {
            let (id, column) = board.column_of(value("--task"))?;
            vec![format!("CURRENT:{}", record(&[id, column]))]
        }
        "move" => {
            let (file, index) = board.move_task(value("--task"), value("--column"))?;
            vec![format!("MOVED:{}", record(&[file.as_str(), value("--column"), &index.to_string()]))]
        }
        _ => {
            let column = board.create(value("--title"), options.last("--color"))?;
            vec![format!("CREATED:{}", in_full(&column))]
        }
    })
}

/// A column in a result line. The title is the last field, so a `|` in it stays as it is.
fn in_full(column: &board::Column) -> String {
    format!("{}|{}", record(&[&column.id, &column.color]), column.title)
}
