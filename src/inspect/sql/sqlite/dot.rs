//! The commands of the command line itself.

use super::Client;
use crate::effect::{Effect, Evidence, LOCAL_FILE, Verb};

/// What a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    /// Nothing that matters.
    Nothing,
    /// Ends the script.
    Quit,
    /// Sends the output elsewhere.
    Output,
    /// Writes what happens to a file.
    Log,
    /// Reads a script, or what a program prints.
    Read,
    /// Reads rows from a file, or from what a program prints.
    Import,
    /// Opens another database.
    Open,
    /// Writes the database to a file.
    Backup,
    /// Copies the database into a new file.
    Clone,
    /// Writes a file over the database.
    Restore,
    /// Sets a parameter to the value of an expression.
    Parameter,
    /// Changes the folder.
    Enter,
    /// Runs a program, or loads code; with a note.
    Escape(&'static str),
    /// More than can be told.
    Unknown,
}

const SHELL: Action = Action::Escape("a shell command is run");

/// The commands of 3.40 and later; every beginning of a name is a name.
const COMMANDS: &[(&str, Action)] = &[
    ("archive", Action::Unknown),
    ("auth", Action::Nothing),
    ("backup", Action::Backup),
    ("bail", Action::Nothing),
    ("binary", Action::Nothing),
    ("cd", Action::Enter),
    ("changes", Action::Nothing),
    ("check", Action::Unknown),
    ("clone", Action::Clone),
    ("connection", Action::Unknown),
    ("crlf", Action::Nothing),
    ("crnl", Action::Nothing),
    ("databases", Action::Nothing),
    ("dbconfig", Action::Unknown),
    ("dbinfo", Action::Nothing),
    ("dbtotxt", Action::Nothing),
    ("dump", Action::Nothing),
    ("echo", Action::Nothing),
    ("eqp", Action::Nothing),
    ("excel", Action::Escape("a spreadsheet is started")),
    ("exit", Action::Quit),
    ("expert", Action::Nothing),
    ("explain", Action::Nothing),
    ("filectrl", Action::Unknown),
    ("fullschema", Action::Nothing),
    ("headers", Action::Nothing),
    ("help", Action::Nothing),
    ("import", Action::Import),
    ("imposter", Action::Unknown),
    ("indexes", Action::Nothing),
    ("indices", Action::Nothing),
    ("intck", Action::Nothing),
    ("limit", Action::Nothing),
    ("lint", Action::Nothing),
    ("load", Action::Escape("code is loaded")),
    ("log", Action::Log),
    ("mode", Action::Nothing),
    ("nonce", Action::Unknown),
    ("nullvalue", Action::Nothing),
    ("once", Action::Output),
    ("open", Action::Open),
    ("output", Action::Output),
    ("parameter", Action::Parameter),
    ("print", Action::Nothing),
    ("progress", Action::Nothing),
    ("prompt", Action::Nothing),
    ("quit", Action::Quit),
    ("read", Action::Read),
    ("recover", Action::Nothing),
    ("restore", Action::Restore),
    ("save", Action::Backup),
    ("scanstats", Action::Nothing),
    ("schema", Action::Nothing),
    ("selftest", Action::Unknown),
    ("separator", Action::Nothing),
    ("session", Action::Unknown),
    ("sha3sum", Action::Nothing),
    ("shell", SHELL),
    ("show", Action::Nothing),
    ("stats", Action::Nothing),
    ("system", SHELL),
    ("tables", Action::Nothing),
    ("testcase", Action::Unknown),
    ("testctrl", Action::Unknown),
    ("timeout", Action::Nothing),
    ("timer", Action::Nothing),
    ("trace", Action::Log),
    ("version", Action::Nothing),
    ("vfsinfo", Action::Nothing),
    ("vfslist", Action::Nothing),
    ("vfsname", Action::Nothing),
    ("width", Action::Nothing),
    ("www", Action::Escape("a browser is started")),
];

impl Client<'_> {
    /// Runs a dot command; whether the script ends with it.
    pub(super) fn dot(&mut self, line: &str) -> bool {
        let words = words(line.get(1..).unwrap_or_default());
        let Some((name, arguments)) = words.split_first() else { return false };
        let named = COMMANDS.iter().filter(|(full, _)| full.starts_with(name.as_str()));
        let exact = COMMANDS.iter().filter(|(full, _)| full == name);
        let mut meant: Vec<&(&str, Action)> = exact.collect();
        if meant.is_empty() {
            meant.extend(named);
        }
        let only = meant.len() == 1;
        if meant.is_empty() {
            self.note(Verb::Unknown, format!(".{name}"), "no command that is known");
        }
        if line.contains('\\') && meant.iter().any(|(_, a)| !matches!(a, Action::Nothing | Action::Escape(_))) {
            self.note(Verb::Unknown, format!(".{name}"), "what the backslash makes of its words cannot be told");
        }
        let mut actions: Vec<&(&str, Action)> = Vec::new();
        for one in meant {
            if !actions.iter().any(|(_, action)| *action == one.1) {
                actions.push(one);
            }
        }
        for (full, action) in actions {
            self.act(*action, full, arguments);
        }
        // Where the name could be another's, the script goes on.
        only && exact_quit(name)
    }

    fn act(&mut self, action: Action, name: &str, arguments: &[String]) {
        let plain: Vec<&str> = arguments.iter().map(String::as_str).filter(|a| !a.starts_with('-')).collect();
        let (first, last) = (plain.first().copied(), plain.last().copied());
        match (action, first, last) {
            (Action::Nothing | Action::Quit, ..) => {}
            (Action::Escape(note), ..) => {
                let target = if arguments.is_empty() { format!(".{name}") } else { arguments.join(" ") };
                self.note(Verb::Escape, target, note);
            }
            (Action::Output, ..) => self.output(arguments, first),
            (Action::Log, None | Some("off" | "on" | "stdout" | "stderr"), _) => {}
            (Action::Log, Some(file), _) => self.written(file),
            (Action::Read, Some(file), _) => self.piped(file, |client| client.read(file)),
            (Action::Import, Some(file), Some(table)) => self.piped(file, |client| {
                client.around.reads(file);
                client.note(Verb::Write, table, "");
            }),
            (Action::Open, Some(file), _) => {
                if arguments.iter().any(|a| a.trim_start_matches('-') == "new") {
                    self.note(Verb::Destroy, file, "what is in the file is deleted");
                }
                self.open(file);
            }
            (Action::Open, None, _) => {}
            (Action::Backup, _, Some(file)) if self.around.exists(file) => {
                self.around.writes(file);
                self.note(Verb::Destroy, file, "the database in the file is written over");
            }
            (Action::Backup | Action::Clone, _, Some(file)) => self.written(file),
            (Action::Restore, _, Some(file)) => {
                self.around.reads(file);
                self.note(Verb::Destroy, file, "the database is written over with the file");
            }
            (Action::Enter, Some(folder), _) => self.around.enter(folder),
            (Action::Parameter, Some("set"), _) => self.parameter(arguments),
            (Action::Parameter, ..) => {}
            _ => self.note(Verb::Unknown, format!(".{name}"), "what it does is not judged"),
        }
    }

    fn written(&mut self, file: &str) {
        self.around.writes(file);
        self.add(Effect::new(Verb::Write, file, Evidence::Sql).on_kind(LOCAL_FILE));
    }

    /// `|command` runs a program in a file's place.
    fn piped(&mut self, file: &str, otherwise: impl FnOnce(&mut Self)) {
        match file.strip_prefix('|') {
            Some(command) => self.note(Verb::Escape, command, "a shell command is run"),
            None => otherwise(self),
        }
    }

    fn output(&mut self, arguments: &[String], file: Option<&str>) {
        let starts = |a: &&String| a.starts_with('-') && matches!(a.trim_start_matches('-'), "e" | "x" | "w");
        if let Some(flag) = arguments.iter().find(starts) {
            return self.note(Verb::Escape, flag.as_str(), "an editor, a spreadsheet or a browser is started");
        }
        match file {
            None | Some("off" | "stdout") => {}
            Some(file) => self.piped(file, |client| client.written(file)),
        }
    }

    /// The value is an expression of SQL, and is evaluated.
    fn parameter(&mut self, arguments: &[String]) {
        let Some(value) = arguments.get(2).filter(|_| arguments.len() == 3) else {
            return self.note(Verb::Unknown, ".parameter", "what it sets cannot be seen");
        };
        if value.contains(';') {
            return self.note(Verb::Unknown, ".parameter", "what it sets cannot be seen");
        }
        let before = self.effects.len();
        self.send(&format!("SELECT ({value}\n)"));
        // Where it is no expression, it is taken as a text.
        let read = |(n, e): (usize, &crate::effect::Effect)| n < before || e.verb != Verb::Read;
        let kept = self.effects.iter().enumerate().filter(|pair| read(*pair)).map(|(_, e)| e.clone()).collect();
        self.effects = kept;
    }
}

/// Whether a name is one that ends the script.
fn exact_quit(name: &str) -> bool {
    "quit".starts_with(name) || "exit" == name
}

/// The words of a dot command: between spaces, or in quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut letters = line.chars().peekable();
    while let Some(&c) = letters.peek() {
        if c.is_whitespace() {
            letters.next();
            continue;
        }
        let mut word = String::new();
        if matches!(c, '\'' | '"') {
            letters.next();
            while let Some(inner) = letters.next() {
                if inner == c {
                    break;
                }
                word.push(inner);
                if inner == '\\' && c == '"' {
                    word.extend(letters.next());
                }
            }
        } else {
            while let Some(inner) = letters.next_if(|l| !l.is_whitespace()) {
                word.push(inner);
            }
        }
        words.push(word);
    }
    words
}
