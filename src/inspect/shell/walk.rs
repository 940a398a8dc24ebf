//! The commands of a parsed shell text, in the order in which they would run.

#![expect(clippy::wildcard_enum_match_arm, reason = "what is understood is a positive list; all else is unknown")]

use super::super::Findings;
use super::super::inner::{self, Launcher, UNSEEN};
use super::word::{Word, holds_commands};
use crate::call::{Stdin, absolute};
use crate::effect::{Effect, Evidence, Verb};
use rable::{Node, NodeKind};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

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
    "pushd",
    "popd",
    "suspend",
    "logout",
];
/// Files that a redirection may open and lose nothing.
const SINKS: &[&str] = &["/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty", "/dev/fd/1", "/dev/fd/2"];

/// What these commands do.
pub(super) fn walk(nodes: &[Node], launcher: &Launcher<'_>) -> Findings {
    let mut walker = Walker {
        launcher,
        found: Findings::default(),
        place: Place { cwd: Some(launcher.call.cwd.clone()), path: false },
        stdin: None,
        functions: BTreeSet::new(),
    };
    for node in nodes {
        walker.node(node);
    }
    let mut found = walker.found;
    if found.effects.is_empty() {
        found.effects.push(Effect::new(Verb::Read, "shell", Evidence::Argv));
    }
    found
}

/// Where the shell stands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    /// The folder, where it is known.
    cwd: Option<PathBuf>,
    /// PATH was changed: the shims may not be met any more.
    path: bool,
}

struct Walker<'a> {
    launcher: &'a Launcher<'a>,
    found: Findings,
    place: Place,
    /// Standard input of the next command, where it is not the launcher's.
    stdin: Option<Stdin>,
    functions: BTreeSet<String>,
}

impl Walker<'_> {
    fn unknown(&mut self, what: &str, why: &str) {
        self.found.effects.push(Effect::new(Verb::Unknown, what, Evidence::Argv).because(why));
    }

    fn node(&mut self, node: &Node) {
        match &node.kind {
            NodeKind::Command { assignments, words, redirects } => self.command(assignments, words, redirects),
            NodeKind::Pipeline { commands, .. } => self.pipeline(commands),
            NodeKind::List { items } => items.iter().for_each(|item| self.node(&item.command)),
            NodeKind::If { condition, then_body, else_body, redirects } => {
                self.node(condition);
                self.branch(then_body);
                else_body.iter().for_each(|body| self.branch(body));
                self.redirects(redirects);
            }
            NodeKind::While { condition, body, redirects } | NodeKind::Until { condition, body, redirects } => {
                self.node(condition);
                self.branch(body);
                self.redirects(redirects);
            }
            NodeKind::For { words, body, redirects, .. } | NodeKind::Select { words, body, redirects, .. } => {
                words.iter().flatten().for_each(|word| drop(self.word(word)));
                self.branch(body);
                self.redirects(redirects);
            }
            NodeKind::ForArith { init, cond, incr, body, redirects } => {
                self.text(&[init, cond, incr].map(String::as_str));
                self.branch(body);
                self.redirects(redirects);
            }
            NodeKind::Case { word, patterns, redirects } => {
                let _ = self.word(word);
                patterns.iter().flat_map(|p| &p.body).for_each(|body| self.branch(body));
                self.redirects(redirects);
            }
            NodeKind::Function { name, body } => {
                self.functions.insert(name.clone());
                self.branch(body);
            }
            NodeKind::Subshell { body, redirects } => {
                let before = self.place.clone();
                self.node(body);
                self.place = before;
                self.redirects(redirects);
            }
            NodeKind::BraceGroup { body, redirects } => {
                self.node(body);
                self.redirects(redirects);
            }
            NodeKind::Coproc { command, .. } => self.node(command),
            NodeKind::Negation { pipeline } | NodeKind::Time { pipeline, .. } => self.node(pipeline),
            NodeKind::ArithmeticCommand { raw_content, redirects, .. } => {
                self.text(&[raw_content.as_str()]);
                self.redirects(redirects);
            }
            NodeKind::ConditionalExpr { body, redirects } => {
                self.text(&[body.to_string().as_str()]);
                self.redirects(redirects);
            }
            NodeKind::Comment { .. } | NodeKind::Empty => {}
            _ => self.unknown("shell", "a construct of the shell that is not understood"),
        }
    }

    /// Commands that may not run, or run again: where they leave the shell is not known.
    fn branch(&mut self, body: &Node) {
        let before = self.place.clone();
        self.node(body);
        if self.place != before {
            self.place = Place { cwd: None, path: self.place.path || before.path };
        }
    }

    /// Text that a shell fills in and does not run.
    fn text(&mut self, parts: &[&str]) {
        if parts.iter().any(|part| holds_commands(part)) {
            self.unknown("shell", "commands stand where they cannot be read");
        }
    }

    fn pipeline(&mut self, commands: &[Node]) {
        let before = self.stdin.take();
        let place = self.place.clone();
        let mut given = before.clone();
        for command in commands {
            self.stdin = given;
            self.node(command);
            given = Some(self.said_by(command).map_or(Stdin::Pipe, Stdin::Text));
        }
        // Every part of it runs in a shell of its own.
        self.place = place;
        self.stdin = before;
    }

    /// What a command prints, where that stands in its words: `echo 'drop table t'`.
    fn said_by(&self, command: &Node) -> Option<Vec<u8>> {
        let NodeKind::Command { words, redirects, .. } = &command.kind else { return None };
        let texts: Vec<String> = words.iter().map(|w| Word::of(w, None).text).collect::<Option<_>>()?;
        let (name, said) = texts.split_first()?;
        let plain = |text: &String| !text.contains(['\\', '%']);
        let heredoc = redirects.iter().find_map(|r| match &r.kind {
            NodeKind::HereDoc { content, quoted, .. } if *quoted || !content.contains(['$', '`', '\\']) => Some(content),
            _ => None,
        });
        match name.as_str() {
            "cat" if said.is_empty() => heredoc.map(|text| text.clone().into_bytes()),
            "echo" if redirects.is_empty() && said.iter().all(plain) && !said.iter().any(|w| w.starts_with('-')) => {
                Some(format!("{}\n", said.join(" ")).into_bytes())
            }
            "printf" if redirects.is_empty() && said.len() == 1 && said.iter().all(plain) => {
                Some(said.concat().into_bytes())
            }
            _ => None,
        }
    }

    fn word<'n>(&mut self, node: &'n Node) -> Word<'n> {
        let home = self.launcher.call.var("HOME").filter(|_| !self.is_away());
        let word = Word::of(node, home.as_deref());
        if word.opaque {
            self.unknown("shell", "commands stand where they cannot be read");
        }
        for command in &word.commands {
            let (before, stdin) = (self.place.clone(), self.stdin.clone());
            self.node(command);
            (self.place, self.stdin) = (before, stdin);
        }
        word
    }

    fn is_away(&self) -> bool {
        self.launcher.away() || self.place.cwd.is_none()
    }

    fn command(&mut self, assignments: &[Node], words: &[Node], redirects: &[Node]) {
        let outer = self.stdin.clone();
        let mut variables = BTreeMap::new();
        for assignment in assignments {
            let word = self.word(assignment);
            let raw = assignment.source_name();
            let (name, value) = word.pair().unwrap_or((raw.as_str(), UNSEEN));
            variables.insert(OsString::from(name), OsString::from(value));
        }
        let (mut argv, mut splits) = (Vec::new(), false);
        for node in words {
            let word = self.word(node);
            splits |= word.splits;
            argv.push(word.text.unwrap_or_else(|| UNSEEN.to_owned()));
        }
        self.redirects(redirects);
        if argv.is_empty() {
            self.place.path |= variables.keys().any(|name| shifts(&name.to_string_lossy()));
        } else {
            self.run(argv, variables, splits);
        }
        self.stdin = outer;
    }

    /// Runs a command: a function, a builtin, or a call.
    fn run(&mut self, argv: Vec<String>, variables: BTreeMap<OsString, OsString>, splits: bool) {
        let name = argv.first().map(String::as_str).unwrap_or_default();
        let rest = || argv.iter().skip(1).cloned().collect::<Vec<_>>();
        match name {
            _ if self.functions.contains(name) => {}
            "cd" => self.change_folder(&rest()),
            "eval" => self.evaluate(&rest().join(" ")),
            "trap" => self.evaluate(argv.get(1).map(String::as_str).unwrap_or_default()),
            "." | "source" => self.source(argv.get(1)),
            "command" | "builtin" | "exec" => match argv.get(1).map(String::as_str) {
                Some("-v" | "-V") | None => {}
                Some(flag) if flag.starts_with('-') => self.unknown(name, "flags of a builtin that are not understood"),
                Some(_) => self.run(rest(), variables, splits),
            },
            "hash" | "alias" | "unalias" | "enable" if argv.len() > 1 => {
                self.unknown(name, "what names mean is changed by it");
            }
            "export" | "declare" | "typeset" | "readonly" | "local" => self.place.path |= argv.iter().any(|w| shifts(w)),
            _ if HARMLESS.contains(&name) || ["hash", "alias"].contains(&name) => {}
            _ => self.call(argv, variables, splits),
        }
    }

    fn call(&mut self, argv: Vec<String>, mut variables: BTreeMap<OsString, OsString>, splits: bool) {
        if self.place.path {
            variables.entry("PATH".into()).or_insert_with(|| UNSEEN.into());
        }
        let mut call = self.launcher.call.clone();
        match &self.place.cwd {
            Some(cwd) => call.cwd.clone_from(cwd),
            None => call.around.away = true,
        }
        call.stdin = self.stdin.clone().unwrap_or(call.stdin);
        let given = self.stdin.is_some();
        let launcher = Launcher { call: &call, given: self.launcher.given || given, ..*self.launcher };
        let dynamic = splits && launcher.is_last() && !launcher.only_reads(&argv);
        let name = argv.first().cloned().unwrap_or_default();
        let mut found = launcher.words(argv.into_iter().map(OsString::from).collect(), variables);
        if dynamic {
            let effect = Effect::new(Verb::Unknown, name, Evidence::Argv);
            found.effects.push(effect.because("some of its words are not known before it runs"));
        }
        inner::adopt_all(found, &mut self.found);
    }

    fn change_folder(&mut self, words: &[String]) {
        let to = words.iter().find(|w| !["-P", "-L", "--"].contains(&w.as_str()));
        let folder = match (to, &self.place.cwd) {
            (Some(to), Some(cwd)) if to != UNSEEN && to != "-" => Some(absolute(cwd, Path::new(to))),
            _ => None,
        };
        // Where it cannot go there it stays, and what follows happens here.
        self.place.cwd = folder.filter(|f| !self.launcher.away() && f.is_dir());
    }

    fn evaluate(&mut self, text: &str) {
        if text.contains(UNSEEN) {
            self.unknown("eval", "what is run is not known before");
        } else if !text.is_empty() && text != "-" {
            let found = self.launcher.text(text);
            inner::adopt_all(found, &mut self.found);
            self.place.cwd = None;
        }
    }

    fn source(&mut self, file: Option<&String>) {
        let Some(file) = file else { return };
        let found = super::script(&[OsString::from(file)], self.launcher);
        inner::adopt_all(found, &mut self.found);
        self.place.cwd = None;
    }

    fn redirects(&mut self, redirects: &[Node]) {
        for redirect in redirects {
            match &redirect.kind {
                NodeKind::Redirect { op, target, .. } => self.redirect(op, target),
                NodeKind::HereDoc { content, quoted, .. } => {
                    let filled = !*quoted && content.contains(['$', '`', '\\']);
                    if filled {
                        self.text(&[content.as_str()]);
                    }
                    self.stdin = Some(if filled { Stdin::Pipe } else { Stdin::Text(content.clone().into_bytes()) });
                }
                _ => self.unknown("shell", "a redirection that is not understood"),
            }
        }
    }

    fn redirect(&mut self, op: &str, target: &Node) {
        let text = self.word(target).text;
        let file = text.as_deref().unwrap_or(UNSEEN);
        let descriptor = file.trim_end_matches('-').chars().all(|c| c.is_ascii_digit());
        if op == "<<<" {
            self.stdin = Some(text.clone().map_or(Stdin::Pipe, |t| Stdin::Text(format!("{t}\n").into_bytes())));
        } else if file.starts_with("/dev/tcp/") || file.starts_with("/dev/udp/") {
            let effect = Effect::new(Verb::Escape, file, Evidence::Argv);
            self.found.effects.push(effect.because("bash opens a connection for it"));
        } else if op.ends_with('&') && descriptor {
            // A descriptor that is open already.
        } else if op.contains('>') && !SINKS.contains(&file) {
            // It loses what `tee` would lose.
            let words = if op.contains(">>") { vec!["tee", "-a", "--", file] } else { vec!["tee", "--", file] };
            self.call(words.into_iter().map(str::to_owned).collect(), BTreeMap::new(), false);
        } else if op.starts_with('<') && !op.contains('>') {
            self.stdin = Some(if file == "/dev/null" { Stdin::Null } else { Stdin::Pipe });
        }
    }
}

/// Whether an assignment changes which programs are found.
fn shifts(word: &str) -> bool {
    let name = word.split('=').next().unwrap_or_default();
    name == "PATH" || name == "BASH_ENV" || name == "ENV" || name.starts_with("LD_")
}

/// The name of an assignment whose value is not known.
trait SourceName {
    fn source_name(&self) -> String;
}

impl SourceName for Node {
    fn source_name(&self) -> String {
        match &self.kind {
            NodeKind::Word { value, .. } => value.split(['=', '+', '[']).next().unwrap_or_default().to_owned(),
            _ => UNSEEN.to_owned(),
        }
    }
}
