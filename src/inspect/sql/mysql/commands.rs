//! The commands of the client itself: a word at the start of a line, or a backslash and a letter anywhere.

/// What a command does.
#[derive(Debug, Clone, Copy)]
pub(super) enum Action {
    /// Nothing that matters.
    Nothing,
    /// Sends the buffer.
    Send,
    /// Empties the buffer.
    Clear,
    /// Ends the client.
    Quit,
    /// Runs a program; with a note.
    Escape(&'static str),
    /// Connects anew, maybe to another host.
    Connect,
    /// Writes the output to a file too.
    Tee,
    /// Takes another database.
    Use,
    /// Changes the character set.
    Charset,
    /// Changes the delimiter.
    Delimiter,
    /// Reads a script.
    Source,
}

/// A command.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) name: &'static str,
    letter: char,
    /// Whether words may follow it.
    pub(super) takes: bool,
    pub(super) action: Action,
}

const fn command(name: &'static str, letter: char, takes: bool, action: Action) -> Command {
    Command { name, letter, takes, action }
}

/// MariaDB's and MySQL's; a letter that one of them does not know it refuses.
const COMMANDS: &[Command] = &[
    command("?", '?', true, Action::Nothing),
    command("help", 'h', true, Action::Nothing),
    command("clear", 'c', false, Action::Clear),
    command("connect", 'r', true, Action::Connect),
    command("delimiter", 'd', true, Action::Delimiter),
    command("edit", 'e', false, Action::Escape("an editor is started")),
    command("ego", 'G', false, Action::Send),
    command("exit", 'q', false, Action::Quit),
    command("quit", 'q', false, Action::Quit),
    command("go", 'g', false, Action::Send),
    command("nopager", 'n', false, Action::Nothing),
    command("notee", 't', false, Action::Nothing),
    command("pager", 'P', true, Action::Escape("the output goes to a shell command")),
    command("print", 'p', false, Action::Nothing),
    command("prompt", 'R', true, Action::Nothing),
    command("rehash", '#', false, Action::Nothing),
    command("resetconnection", 'x', false, Action::Nothing),
    command("sandbox", '-', false, Action::Nothing),
    command("source", '.', true, Action::Source),
    command("status", 's', false, Action::Nothing),
    command("system", '!', true, Action::Escape("a shell command is run")),
    command("tee", 'T', true, Action::Tee),
    command("use", 'u', true, Action::Use),
    command("charset", 'C', true, Action::Charset),
    command("warnings", 'W', false, Action::Nothing),
    command("nowarning", 'w', false, Action::Nothing),
];

/// The command that a backslash and this letter are.
pub(super) fn short(letter: char) -> Option<&'static Command> {
    COMMANDS.iter().find(|c| c.letter == letter)
}

/// The command that a line, or a statement up to its delimiter, begins with. A line that holds the delimiter is taken
/// apart first, unless it sets a new one.
pub(super) fn named(line: &str, delimiter: &str) -> Option<&'static Command> {
    let line = line.trim_start();
    let sets = line.get(..9).is_some_and(|word| word.eq_ignore_ascii_case("delimiter"));
    if line.contains("\\g") || (line.contains(delimiter) && !sets) {
        return None;
    }
    let (word, rest) = line.split_once([' ', '\t', '\n']).unwrap_or((line, ""));
    let found = COMMANDS.iter().find(|c| c.name.eq_ignore_ascii_case(word))?;
    (found.takes || rest.trim().is_empty()).then_some(found)
}

/// What follows a command.
pub(super) fn argument(text: &str) -> &str {
    let rest = match text.strip_prefix('\\') {
        Some(rest) => rest.get(rest.chars().next().map_or(0, char::len_utf8)..).unwrap_or_default(),
        None => text.split_once([' ', '\t', '\n']).map_or("", |(_, rest)| rest),
    };
    rest.trim()
}
