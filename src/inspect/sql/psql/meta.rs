//! What psql's backslash commands do.

use super::arguments::Takes;
use crate::effect::Verb;

/// A backslash command.
#[derive(Debug, Clone, Copy)]
pub(super) struct Command {
    names: &'static [&'static str],
    pub(super) takes: Takes,
    pub(super) does: Does,
}

/// What a backslash command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Does {
    /// It shows something, or changes how things are shown.
    Shows,
    /// This, to what its last argument names.
    Effect(Verb, &'static str),
    /// It sends what is in the buffer, and its output may go to a file.
    Sends,
    /// It sends what is in the buffer, and sets variables to the answer.
    SendsAndSets,
    /// It sends what is in the buffer, and then the answer as statements.
    SendsAndRuns,
    /// Its output goes to a file or a program.
    Writes,
    /// It writes the file of its second argument.
    Exports,
    /// It empties the buffer.
    Resets,
    /// It begins, continues or ends a condition.
    Decides(Step),
    /// It sets or forgets a variable.
    Sets,
    Unsets,
    /// It sets the variable of its last argument to what nobody can tell.
    SetsLast,
    /// It sets one to what a variable of the environment holds.
    TakesVariable,
    /// It makes a large object of a file.
    Imports,
    /// It reads another file; one that is found beside this one, where the flag is on.
    Includes(bool),
    /// It copies rows.
    Copies,
    /// It connects anew.
    Connects,
    /// It changes the folder.
    Moves,
    /// It changes the encoding.
    Encodes,
    /// It ends the script.
    Quits,
}

/// The parts of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    If,
    Elif,
    Else,
    Endif,
}

const fn command(names: &'static [&'static str], takes: Takes, does: Does) -> Command {
    Command { names, takes, does }
}

use Takes::{File, Line, Words};

/// Every command of psql but those that begin with `d`, which only describe.
const COMMANDS: &[Command] = &[
    command(
        &[
            "?",
            "C",
            "H",
            "T",
            "a",
            "copyright",
            "conninfo",
            "echo",
            "errverbose",
            "f",
            "html",
            "l",
            "l+",
            "list",
            "list+",
            "lx",
            "lx+",
            "lo_list",
            "lo_list+",
            "p",
            "print",
            "pset",
            "qecho",
            "restrict",
            "t",
            "timing",
            "unrestrict",
            "warn",
            "x",
            "z",
            "z+",
            "zx",
            "zS",
        ],
        Words,
        Does::Shows,
    ),
    command(&["h", "help", "sf", "sf+", "sv", "sv+"], Line, Does::Shows),
    command(&["!"], Line, Does::Effect(Verb::Escape, "runs a shell")),
    command(&["e", "edit"], Words, Does::Effect(Verb::Escape, "runs an editor and then what it leaves")),
    command(&["ef", "ev"], Line, Does::Effect(Verb::Escape, "runs an editor and then what it leaves")),
    command(&["setenv"], Words, Does::Effect(Verb::Escape, "changes the environment of what psql starts")),
    command(&["password"], Words, Does::Effect(Verb::Grant, "changes a password")),
    command(&["lo_unlink"], Words, Does::Effect(Verb::Destroy, "drops the large object")),
    command(&["lo_export"], Words, Does::Exports),
    command(&["lo_import"], Words, Does::Imports),
    command(
        &[
            "bind",
            "bind_named",
            "close",
            "close_prepared",
            "endpipeline",
            "flush",
            "flushrequest",
            "getresults",
            "parse",
            "sendpipeline",
            "startpipeline",
            "syncpipeline",
        ],
        Words,
        Does::Effect(Verb::Unknown, "psql before 16 or 18 does not know the command and reads on"),
    ),
    command(&["g", "gx", "gdesc"], File, Does::Sends),
    command(&["crosstabview", "watch"], Words, Does::Sends),
    command(&["gset"], Words, Does::SendsAndSets),
    command(&["gexec"], Words, Does::SendsAndRuns),
    command(&["o", "out", "w", "write", "s"], File, Does::Writes),
    command(&["r", "reset"], Words, Does::Resets),
    command(&["if"], Words, Does::Decides(Step::If)),
    command(&["elif"], Words, Does::Decides(Step::Elif)),
    command(&["else"], Words, Does::Decides(Step::Else)),
    command(&["endif"], Words, Does::Decides(Step::Endif)),
    command(&["set"], Words, Does::Sets),
    command(&["unset"], Words, Does::Unsets),
    command(&["getenv"], Words, Does::TakesVariable),
    command(&["prompt"], Words, Does::SetsLast),
    command(&["i", "include"], Words, Does::Includes(false)),
    command(&["ir", "include_relative"], Words, Does::Includes(true)),
    command(&["copy"], Line, Does::Copies),
    command(&["c", "connect"], Words, Does::Connects),
    command(&["cd"], Words, Does::Moves),
    command(&["encoding"], Words, Does::Encodes),
    command(&["q", "quit"], Words, Does::Quits),
];

/// What describes and lists: `\d` and everything that begins so.
const DESCRIBES: Command = command(&[], Words, Does::Shows);

/// The command of this name; none where psql has none.
pub(super) fn find(name: &str) -> Option<Command> {
    if name.starts_with('d') {
        return Some(DESCRIBES);
    }
    COMMANDS.iter().find(|command| command.names.contains(&name)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_command_is_listed_twice() {
        let mut names = COMMANDS.iter().flat_map(|command| command.names).collect::<Vec<_>>();
        names.sort();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn a_name_must_be_whole() {
        assert!(find("dt+").is_some_and(|command| command.does == Does::Shows));
        assert!(find("!ls").is_none());
        assert!(find("gexe").is_none());
        assert!(find("").is_none());
    }
}
