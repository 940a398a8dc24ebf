//! The commands of a parsed shell text, in the order in which they would run, and where the shell stands then.

#![expect(clippy::wildcard_enum_match_arm, reason = "what is understood is a positive list; all else is unknown")]

use super::super::Findings;
use super::super::inner::{self, Launcher, UNSEEN};
use super::variables::Variables;
use super::word::{Word, holds_commands, may_assign};
use crate::call::Stdin;
use crate::effect::{Effect, Evidence, Verb};
use rable::{ListItem, ListOperator, Node, NodeKind};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Files that a redirection may open and lose nothing.
const SINKS: &[&str] = &["/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty", "/dev/fd/1", "/dev/fd/2"];

/// What these commands do.
pub(super) fn walk(nodes: &[Node], launcher: &Launcher<'_>) -> Findings {
    let mut walker = Walker {
        launcher,
        found: Findings::default(),
        place: Place { cwd: Some(launcher.call.cwd.clone()), sure: Variables::of(launcher), ..Place::default() },
        stdin: None,
        traps: Vec::new(),
        turns: 0,
    };
    for node in nodes {
        walker.node(node);
    }
    for (text, cwd) in std::mem::take(&mut walker.traps) {
        // Where the shell has gone elsewhere since, it is another folder's files.
        if walker.place.cwd != cwd {
            walker.evaluate_anywhere(&text);
        }
    }
    let mut found = walker.found;
    let mut seen = Vec::new();
    // The turns of a loop repeat what they do.
    found.effects.retain(|effect| {
        !seen.contains(effect) && {
            seen.push(effect.clone());
            true
        }
    });
    if found.effects.is_empty() {
        found.effects.push(Effect::new(Verb::Read, "shell", Evidence::Argv));
    }
    found
}

/// Where the shell stands.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The folder, where it is known.
    pub(super) cwd: Option<PathBuf>,
    /// Where `popd` leads back to.
    pub(super) stack: Vec<Option<PathBuf>>,
    /// PATH was changed: the shims may not be met any more.
    pub(super) path: bool,
    /// The functions that are defined, whichever way was taken.
    pub(super) functions: BTreeSet<String>,
    /// The variables that were set. One that is not exported counts as well: it may have been before.
    pub(super) variables: BTreeMap<OsString, OsString>,
    /// The values of variables that are sure.
    pub(super) sure: Variables,
}

pub(super) struct Walker<'a> {
    pub(super) launcher: &'a Launcher<'a>,
    pub(super) found: Findings,
    pub(super) place: Place,
    /// Standard input of the next command, where it is not the launcher's.
    stdin: Option<Stdin>,
    /// What runs at the end, and where the shell stood when that was said.
    pub(super) traps: Vec<(String, Option<PathBuf>)>,
    /// The turns of loops so far.
    pub(super) turns: usize,
}

impl Place {
    /// Where it stands when it is either here or there.
    pub(super) fn or(&self, other: &Place) -> Place {
        let same = self.cwd == other.cwd && self.stack == other.stack;
        let mut variables = self.variables.clone();
        for (name, value) in &other.variables {
            let known = variables.entry(name.clone()).or_insert_with(|| value.clone());
            if known != value {
                *known = UNSEEN.into();
            }
        }
        Place {
            cwd: self.cwd.clone().filter(|_| same),
            stack: if same { self.stack.clone() } else { vec![] },
            path: self.path || other.path,
            functions: self.functions.intersection(&other.functions).cloned().collect(),
            variables,
            sure: self.sure.or(&other.sure),
        }
    }
}

impl Walker<'_> {
    pub(super) fn unknown(&mut self, what: &str, why: &str) {
        self.found.effects.push(Effect::new(Verb::Unknown, what, Evidence::Argv).because(why));
    }

    pub(super) fn node(&mut self, node: &Node) {
        match &node.kind {
            NodeKind::Command { assignments, words, redirects } => self.command(assignments, words, redirects),
            NodeKind::Pipeline { commands, .. } => self.pipeline(commands),
            NodeKind::List { items } => items.split_inclusive(ends_chain).for_each(|chain| self.chain(chain)),
            NodeKind::If { condition, then_body, else_body, redirects } => {
                self.node(condition);
                self.branch(then_body);
                else_body.iter().for_each(|body| self.branch(body));
                self.redirects(redirects);
            }
            NodeKind::While { .. }
            | NodeKind::Until { .. }
            | NodeKind::For { .. }
            | NodeKind::Select { .. }
            | NodeKind::ForArith { .. } => self.looped(node),
            NodeKind::Case { word, patterns, redirects } => {
                let _ = self.word(word);
                patterns.iter().flat_map(|p| &p.body).for_each(|body| self.branch(body));
                self.redirects(redirects);
            }
            NodeKind::Function { name, body } => {
                // It may be called from wherever, and set whatever.
                self.place.sure.forget();
                self.branch(body);
                self.place.functions.insert(name.clone());
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
            NodeKind::Coproc { command, .. } => {
                self.place.sure.forget();
                self.node(command);
            }
            NodeKind::Negation { pipeline } | NodeKind::Time { pipeline, .. } => self.node(pipeline),
            NodeKind::ArithmeticCommand { raw_content, redirects, .. } => {
                self.text(&[raw_content.as_str()]);
                self.redirects(redirects);
            }
            NodeKind::ConditionalExpr { body, redirects } => {
                self.condition(body);
                self.redirects(redirects);
            }
            NodeKind::Comment { .. } | NodeKind::Empty => {}
            _ => self.unknown("shell", "a construct of the shell that is not understood"),
        }
    }

    /// `a && b || c`, up to what ends it. Whether what stands behind the first ran is not known afterwards.
    fn chain(&mut self, items: &[ListItem]) {
        let before = self.place.clone();
        let mut sure = before.clone();
        let mut commands = Vec::new();
        flatten(items, None, &mut commands);
        for (n, (behind, command)) in commands.into_iter().enumerate() {
            if behind == Some(ListOperator::Or) {
                self.place = sure.or(&self.place);
            }
            self.node(command);
            if n == 0 {
                sure = self.place.clone();
            }
        }
        self.place = match items.last().and_then(|item| item.operator) {
            // In a shell of its own.
            Some(ListOperator::Background) => before,
            _ => sure.or(&self.place),
        };
    }

    /// Commands that may not run, or run again: where they leave the shell is not known.
    fn branch(&mut self, body: &Node) {
        let before = self.place.clone();
        self.node(body);
        self.place = before.or(&self.place);
    }

    /// Text that a shell fills in and does not run.
    pub(super) fn text(&mut self, parts: &[&str]) {
        if parts.iter().any(|part| may_assign(part)) {
            self.place.sure.forget();
        }
        if parts.iter().any(|part| holds_commands(part)) {
            self.unknown("shell", "commands stand where they cannot be read");
        }
    }

    fn pipeline(&mut self, commands: &[Node]) {
        let before = self.stdin.take();
        let mut place = self.place.clone();
        let mut given = before.clone();
        for command in commands {
            self.stdin = given;
            self.node(command);
            given = Some(self.said_by(command).map_or(Stdin::Pipe, Stdin::Text));
        }
        // Every part of it runs in a shell of its own, but the last one in some shells.
        place.sure = place.sure.or(&self.place.sure);
        self.place = place;
        self.stdin = before;
    }

    /// What a command prints, where that stands in its words: `echo 'drop table t'`.
    fn said_by(&self, command: &Node) -> Option<Vec<u8>> {
        let NodeKind::Command { words, redirects, .. } = &command.kind else { return None };
        let texts: Vec<String> =
            words.iter().map(|w| Word::of(w, None, &self.place.sure).fields(None)).collect::<Option<Vec<_>>>()?.concat();
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

    pub(super) fn word<'n>(&mut self, node: &'n Node) -> Word<'n> {
        let home = match self.place.sure.by_rules() {
            // The home of whoever runs it there: no flag, and one word.
            _ if self.is_away() => Some("~".to_owned()),
            true => self.place.sure.get("HOME").map(str::to_owned),
            false => self
                .launcher
                .call
                .var("HOME")
                .filter(|_| !self.is_away() && !self.place.variables.contains_key(OsStr::new("HOME"))),
        };
        let word = Word::of(node, home.as_deref(), &self.place.sure);
        if word.assigns {
            self.place.sure.forget();
        }
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

    /// The folder in which patterns match.
    pub(super) fn folder(&self) -> Option<&Path> {
        self.place.cwd.as_deref().filter(|_| !self.is_away())
    }

    fn is_away(&self) -> bool {
        self.launcher.away() || self.place.cwd.is_none()
    }

    fn command(&mut self, assignments: &[Node], words: &[Node], redirects: &[Node]) {
        let outer = self.stdin.clone();
        let (mut argv, mut splits) = (Vec::new(), false);
        for node in words {
            let word = self.word(node);
            match word.fields(self.folder()) {
                Some(fields) => argv.extend(fields),
                None => {
                    splits |= word.splits;
                    argv.push(UNSEEN.to_owned());
                }
            }
        }
        let variables = self.assignments(assignments, argv.is_empty());
        let prints = argv.first().is_some_and(|name| ![":", "true"].contains(&name.as_str()));
        self.redirects_of(redirects, !prints);
        if argv.is_empty() {
            self.keep(variables);
        } else {
            self.run(argv, variables, splits);
        }
        self.stdin = outer;
    }

    /// The variables that are set before a command, or for the shell itself.
    fn assignments(&mut self, assignments: &[Node], alone: bool) -> BTreeMap<OsString, OsString> {
        let mut variables = BTreeMap::new();
        let before = self.place.sure.clone();
        for assignment in assignments {
            let word = self.word(assignment);
            let raw = assignment.source_name();
            let pair = word.pair();
            let (name, value) = pair.as_ref().map_or((raw.as_str(), UNSEEN), |(name, value)| (*name, value.as_str()));
            self.assigned(name, value);
            self.place.sure.set(name, Some(value));
            variables.insert(OsString::from(name), OsString::from(value));
        }
        if !alone {
            // They are the command's. Of a special builtin they are the shell's afterwards.
            self.place.sure = before.or(&self.place.sure);
        }
        variables
    }

    /// Starts the call of these words.
    pub(super) fn call(&mut self, argv: Vec<String>, own: BTreeMap<OsString, OsString>, splits: bool) {
        let mut variables = self.place.variables.clone();
        variables.extend(own);
        if self.place.path {
            variables.entry("PATH".into()).or_insert_with(|| UNSEEN.into());
        }
        let mut call = self.here();
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

    pub(super) fn redirects(&mut self, redirects: &[Node]) {
        self.redirects_of(redirects, false);
    }

    /// Opens what a command is redirected to; `empty` for one that prints nothing.
    fn redirects_of(&mut self, redirects: &[Node], empty: bool) {
        for redirect in redirects {
            match &redirect.kind {
                NodeKind::Redirect { op, target, varfd, .. } => {
                    varfd.iter().for_each(|name| self.place.sure.set(name, None));
                    self.redirect(op, target, empty);
                }
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

    /// Opens a file; `empty` where no command writes into it.
    fn redirect(&mut self, op: &str, target: &Node, empty: bool) {
        let word = self.word(target);
        let text = match word.fields(self.folder()).as_deref() {
            Some([field]) => Some(field.clone()),
            _ => None,
        };
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
            // It loses what `tee` would lose; of nothing, where nothing can be looked at, what `truncate` would.
            let words = match (op.contains(">>"), empty && self.is_away()) {
                (true, _) => vec!["tee", "-a", "--", file],
                (false, true) => vec!["truncate", "-s", "0", "--", file],
                (false, false) => vec!["tee", "--", file],
            };
            self.call(words.into_iter().map(str::to_owned).collect(), BTreeMap::new(), false);
        } else if op.starts_with('<') && !op.contains('>') {
            self.stdin = Some(if file == "/dev/null" { Stdin::Null } else { Stdin::Pipe });
        }
    }
}

/// The commands of a chain, each with the operator before it: the grammar nests `a && b && c` to the left.
fn flatten<'n>(items: &'n [ListItem], first: Option<ListOperator>, out: &mut Vec<(Option<ListOperator>, &'n Node)>) {
    let mut behind = first;
    for item in items {
        match &item.command.kind {
            NodeKind::List { items } if items.iter().rev().skip(1).all(|item| !ends_chain(item)) => {
                flatten(items, behind, out)
            }
            _ => out.push((behind, &item.command)),
        }
        behind = item.operator;
    }
}

fn ends_chain(item: &ListItem) -> bool {
    !matches!(item.operator, Some(ListOperator::And | ListOperator::Or))
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
