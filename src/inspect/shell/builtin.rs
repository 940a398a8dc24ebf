//! Builtins of a shell, and what they change of where it stands.

use super::super::inner::{self, UNSEEN};
use super::variables::is_plain_option;
use super::walk::Walker;
use super::word::holds_commands;
use crate::call::{Call, absolute};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

/// Builtins that change nothing outside the shell.
const HARMLESS: &[&str] = &[
    ":",
    "true",
    "false",
    "test",
    "[",
    "echo",
    "printf",
    "pwd",
    "export",
    "unset",
    "set",
    "shift",
    "return",
    "exit",
    "break",
    "continue",
    "read",
    "local",
    "declare",
    "typeset",
    "readonly",
    "let",
    "umask",
    "wait",
    "jobs",
    "fg",
    "bg",
    "disown",
    "type",
    "getopts",
    "times",
    "ulimit",
    "shopt",
    "dirs",
    "caller",
    "mapfile",
    "readarray",
    "suspend",
    "logout",
];
/// Builtins that set variables by rules of their own, run text, or leave a loop in its middle.
const SETTING: &[&str] = &[
    "eval",
    ".",
    "source",
    "trap",
    "alias",
    "read",
    "mapfile",
    "readarray",
    "getopts",
    "let",
    "local",
    "declare",
    "typeset",
    "readonly",
    "shopt",
    "enable",
    "integer",
    "float",
    "nameref",
    "private",
    "vared",
    "print",
    "zstyle",
    "zparseopts",
    "emulate",
    "setopt",
    "unsetopt",
    "break",
    "continue",
    "return",
    "compgen",
    "complete",
    "bind",
    "fc",
];

impl Walker<'_> {
    /// Runs a command: a function, a builtin, or a call.
    pub(super) fn run(&mut self, argv: Vec<String>, variables: BTreeMap<OsString, OsString>, splits: bool) {
        let name = argv.first().map(String::as_str).unwrap_or_default();
        let rest = || argv.iter().skip(1).cloned().collect::<Vec<_>>();
        if self.sets_any(name, &argv) {
            self.place.sure.forget();
        }
        match name {
            _ if self.place.functions.contains(name) => {}
            "cd" => self.change_folder(&rest()),
            "eval" => self.evaluate(&rest().join(" ")),
            "pushd" => {
                let before = self.place.cwd.clone();
                self.change_folder(&rest());
                self.place.stack.push(before);
            }
            "popd" => self.place.cwd = self.place.stack.pop().flatten().filter(|_| argv.len() == 1),
            "trap" => {
                let text = argv.iter().skip(1).find(|w| *w != "--").cloned().unwrap_or_default();
                let cwd = self.place.cwd.clone();
                self.evaluate(&text);
                // It runs later: where the shell stands has not changed.
                self.place.cwd.clone_from(&cwd);
                if !["", "-"].contains(&text.as_str()) {
                    self.traps.push((text, cwd));
                }
            }
            "mapfile" | "readarray" if argv.iter().any(|w| w.starts_with('-') && w.contains('C')) => {
                self.unknown(name, "it runs a command for each line")
            }
            "compgen" | "complete" | "bind" | "fc" if argv.len() > 1 => self.unknown(name, "what it runs is not understood"),
            "." | "source" => self.source(argv.get(1)),
            "command" | "builtin" | "exec" => match argv.get(1).map(String::as_str) {
                Some("-v" | "-V") | None => {}
                Some(flag) if flag.starts_with('-') => self.unknown(name, "flags of a builtin that are not understood"),
                Some(_) => self.past_functions(rest(), variables, splits),
            },
            "dirs" if argv.len() > 1 => self.place.stack.clear(),
            "unset" => {
                self.place.functions.retain(|name| !argv.contains(name));
                argv.iter().skip(1).for_each(|name| self.place.sure.set(name, None));
                self.subscripts(&argv);
            }
            // It forgets where programs were found; `activate` of Python's venv does so.
            "hash" if argv.iter().skip(1).all(|word| word == "-r") => {}
            "hash" | "alias" | "unalias" | "enable" if argv.len() > 1 => {
                self.unknown(name, "what names mean is changed by it");
            }
            "export" | "declare" | "typeset" | "readonly" | "local" => self.declared(&argv),
            _ if HARMLESS.contains(&name) || ["hash", "alias"].contains(&name) => self.subscripts(&argv),
            _ => self.call(argv, variables, splits),
        }
    }

    /// Runs a command whatever function has its name.
    fn past_functions(&mut self, argv: Vec<String>, variables: BTreeMap<OsString, OsString>, splits: bool) {
        let functions = std::mem::take(&mut self.place.functions);
        self.run(argv, variables, splits);
        self.place.functions = functions;
    }

    /// Assignments as words of a builtin.
    fn declared(&mut self, argv: &[String]) {
        let pairs = argv.iter().skip(1).filter_map(|word| word.split_once('='));
        let pairs: Vec<(String, String)> = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        for (name, value) in &pairs {
            self.assigned(name, value);
            self.place.sure.set(name, Some(value));
        }
        self.keep(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect());
        // What a word is that is not known may be an assignment, of whatever.
        self.place.path |= argv.iter().any(|word| shifts(word));
        self.subscripts(argv);
    }

    /// Whether a command may set any variable, now or later, or leaves a loop in its middle.
    fn sets_any(&self, name: &str, argv: &[String]) -> bool {
        let words = argv.get(1..).unwrap_or_default();
        match name {
            _ if self.place.functions.contains(name) => true,
            "set" => !words.iter().all(|word| is_plain_option(word)),
            "printf" | "wait" => words.iter().any(|word| word.starts_with('-') || word == UNSEEN),
            "export" => words.iter().any(|word| word.starts_with('-') || word.contains(UNSEEN)),
            name => SETTING.contains(&name),
        }
    }

    fn change_folder(&mut self, words: &[String]) {
        let to = words.iter().find(|w| !["-P", "-L", "--"].contains(&w.as_str()));
        // A folder of that name elsewhere may be meant.
        let searched = self.place.variables.keys().chain(self.launcher.call.env.keys()).any(|name| name == "CDPATH");
        let physical = words.iter().any(|w| w == "-P");
        let folder = match (to, &self.place.cwd) {
            (Some(to), _) if searched && !to.starts_with(['/', '.']) => None,
            (Some(to), Some(cwd)) if physical && to != UNSEEN => cwd.join(to).canonicalize().ok(),
            (Some(to), Some(cwd)) if to != UNSEEN && to != "-" => Some(absolute(cwd, Path::new(to))),
            _ => None,
        };
        // Where it cannot go there it stays, and what follows happens here.
        self.place.cwd = folder.filter(|f| !self.launcher.away() && f.is_dir());
    }

    /// What a text does in a folder that is not known.
    pub(super) fn evaluate_anywhere(&mut self, text: &str) {
        let mut call = self.launcher.call.clone();
        call.around.away = true;
        let launcher = inner::Launcher { call: &call, ..*self.launcher };
        inner::adopt_all(launcher.text(text), &mut self.found);
    }

    fn evaluate(&mut self, text: &str) {
        if text.contains(UNSEEN) {
            self.unknown("eval", "what is run is not known before");
        } else if !text.is_empty() && text != "-" {
            let call = self.here();
            let found = inner::Launcher { call: &call, ..*self.launcher }.text(text);
            inner::adopt_all(found, &mut self.found);
            self.place.cwd = None;
        }
    }

    /// The call as it would be started now: from where the shell stands, with what it has set.
    pub(super) fn here(&self) -> Call {
        let mut call = self.launcher.call.clone();
        match &self.place.cwd {
            Some(cwd) => call.cwd.clone_from(cwd),
            None => call.around.away = true,
        }
        call.env.extend(self.place.variables.clone());
        call
    }

    /// A variable gets this value. What arithmetic makes of it, and what is printed before each command, can be commands.
    pub(super) fn assigned(&mut self, name: &str, value: &str) {
        let printed = name.starts_with("PS4") && holds_commands(value);
        if printed || has_commands_in_subscript(value) || has_commands_in_subscript(name) {
            self.unknown("shell", "commands stand where they cannot be read");
        }
    }

    /// Keeps variables for what is started later.
    pub(super) fn keep(&mut self, variables: BTreeMap<OsString, OsString>) {
        self.place.path |= variables.keys().any(|name| shifts(&name.to_string_lossy()));
        self.place.variables.extend(variables);
    }

    /// Builtins evaluate the subscripts in names of variables that they are given.
    fn subscripts(&mut self, argv: &[String]) {
        let prints = ["echo", "printf"].iter().any(|name| argv.first().is_some_and(|first| first == name));
        let names_one = !prints || argv.get(1).is_some_and(|word| word.starts_with("-v"));
        if names_one && argv.iter().any(|word| has_commands_in_subscript(word)) {
            self.unknown("shell", "commands stand where they cannot be read");
        }
    }

    fn source(&mut self, file: Option<&String>) {
        let Some(file) = file else { return };
        let call = self.here();
        let found = super::script(&[OsString::from(file)], &inner::Launcher { call: &call, ..*self.launcher });
        inner::adopt_all(found, &mut self.found);
        let text = self.place.cwd.as_ref().and_then(|cwd| crate::place::read_small(&absolute(cwd, Path::new(file))).ok());
        let stays = text.is_some_and(|text| !["cd", "pushd", "popd", "eval"].iter().any(|word| text.contains(word)));
        self.place.cwd = self.place.cwd.take().filter(|_| stays);
    }
}

/// Whether text holds commands behind an opening bracket: `a[$(command)]`, which is run when the name is looked up.
fn has_commands_in_subscript(text: &str) -> bool {
    text.split_once('[').is_some_and(|(_, behind)| holds_commands(behind))
}

/// Whether an assignment changes which programs are found.
fn shifts(word: &str) -> bool {
    let name = word.split('=').next().unwrap_or_default();
    name == "PATH" || name == "BASH_ENV" || name == "ENV" || name.starts_with("LD_")
}
