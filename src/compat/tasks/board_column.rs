//! `aitask_board_column.sh`: lists and creates columns of the board, and moves a task to one. A refusal is the line
//! `ERROR:<reason>` on standard output, where callers read it.

use crate::compat::invocation::Invocation;
use crate::compat::options::{KnownOption, ScriptOptions};
use crate::compat::record::record;
use crate::compat::tasks::board::{self, ColumnBoard};
use crate::error::{Kind, Payload};
use std::path::Path;

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
    let needed = match command {
        "list-columns" => &[][..],
        "current-column" => &["--task"],
        "move" => &["--task", "--column"],
        "create" => &["--title"],
        _ => return wrong(&format!("unknown command: {command}")),
    };
    if let Some(missing) = needed.iter().find(|name| !options.has(name)) {
        return wrong(&format!("{missing} is missing"));
    }
    let answer = answer(command, &root, dir, &options);
    match answer {
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

fn answer(command: &str, root: &Path, dir: &str, options: &ScriptOptions) -> crate::error::Result<Vec<String>> {
    let board = ColumnBoard::open(root, dir)?;
    let value = |name: &str| options.last(name).unwrap_or_default();
    Ok(match command {
        "list-columns" => {
            let unordered = options.has("--include-unordered").then(board::unordered);
            let columns = unordered.into_iter().chain(board.columns());
            columns.map(|column| format!("COLUMN:{}", record(&[column.id, column.color, column.title]))).collect()
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
            vec![format!("CREATED:{}", record(&[column.id, column.color, column.title]))]
        }
    })
}
