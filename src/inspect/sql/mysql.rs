//! What the clients `mysql` and `mariadb` would do with their commands and scripts: what they send to the server, and what they
//! do themselves.
//!
//! The client reads line by line and cuts statements out by its own rules (client/mysql.cc, checked against MariaDB 10.11);
//! the server may find several in what it is sent.

mod commands;
mod comments;
mod options;

use super::portable::{Flavor, Judge};
use super::postgres::SqlError;
use super::worker::Limit;
use super::{Input, digest, read_script, stdin};
use crate::call::{Call, absolute};
use crate::effect::{Effect, Evidence, LOCAL_FILE, Verb};
use crate::inspect::{Findings, Probe, Until};
use crate::tool::Reading;
use commands::{Action, Command};
use std::path::{Path, PathBuf};

/// How many scripts may include each other.
const MAX_DEPTH: usize = 16;

/// Reads an included file; none where it cannot be read.
pub type Include<'i> = dyn FnMut(&str) -> Option<Vec<u8>> + 'i;

pub(in crate::inspect) fn inspect(reading: &Reading<'_>, call: &Call, probe: &dyn Probe, findings: &mut Findings) {
    options::judge(reading, call, findings);
    let port = reading.facts.get("mysql-port").and_then(|p| p.parse::<u16>().ok());
    findings.ports.extend(port);
    let mut texts: Vec<Vec<u8>> = Vec::new();
    if reading.parsed.values("--execute").next().is_some() {
        let commands: Vec<&str> = reading.parsed.values("--execute").collect();
        texts.push(commands.join("\n").into_bytes());
    } else if let Some(Input::Script { text, .. }) = stdin(call, probe, findings, Until::End) {
        texts.push(text);
    }
    let mut read: Vec<(PathBuf, Vec<u8>)> = Vec::new();
    let mut include = |path: &str| {
        let file = absolute(&call.cwd, Path::new(path));
        let text = read_script(&file).ok()?;
        read.push((file, text.clone()));
        Some(text)
    };
    let mut client = Client::new(&mut include);
    client.named = reading.parsed.is_on("--named-commands");
    if let Some(delimiter) = reading.parsed.last("--delimiter") {
        delimiter.clone_into(&mut client.delimiter);
    }
    for database in reading.parsed.values("--database").chain(reading.operands()) {
        client.take(database);
    }
    for command in reading.parsed.values("--init-command") {
        client.buffer.push_str(command);
        client.send();
    }
    for text in &texts {
        client.script(text);
    }
    let effects = client.finish();
    if !effects.is_empty() {
        findings.effects.retain(|e| e.verb != Verb::Read);
        findings.effects.extend(effects);
    }
    findings.evidence = digest(texts.iter().chain(read.iter().map(|(_, text)| text)));
    findings.read.extend(read.into_iter().map(|(file, _)| file));
}

/// Judges the option files of a program of the family that takes no SQL.
pub(in crate::inspect) fn inspect_options(reading: &Reading<'_>, call: &Call, _: &dyn Probe, findings: &mut Findings) {
    options::judge(reading, call, findings);
    findings.ports.extend(reading.facts.get("mysql-port").and_then(|p| p.parse::<u16>().ok()));
}

/// What the client would do with `text` as its script or standard input; nothing is a read.
pub fn judge_script(text: &[u8], include: &mut Include<'_>) -> Vec<Effect> {
    let mut client = Client::new(include);
    client.script(text);
    client.finish()
}

/// One run of the client.
struct Client<'i> {
    judge: Judge,
    include: &'i mut Include<'i>,
    effects: Vec<Effect>,
    delimiter: String,
    /// Whether the commands that are words count at the start of every line.
    named: bool,
    /// What will be sent.
    buffer: String,
    /// The quote that is open.
    quote: Option<char>,
    /// Whether a comment is open that the client drops.
    comment: bool,
    /// How many scripts include the one that is read.
    depth: usize,
    limit: Limit,
}

impl<'i> Client<'i> {
    fn new(include: &'i mut Include<'i>) -> Client<'i> {
        Client {
            judge: Judge::new(Flavor::MySql),
            include,
            effects: Vec::new(),
            delimiter: ";".to_owned(),
            named: false,
            buffer: String::new(),
            quote: None,
            comment: false,
            depth: 0,
            limit: Limit::begin(),
        }
    }

    fn finish(self) -> Vec<Effect> {
        self.effects
    }

    /// Reads a script to its end, and sends what is left.
    fn script(&mut self, text: &[u8]) {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let Ok(text) = std::str::from_utf8(text).map(|t| t.replace("\r\n", "\n")) else {
            return self.note(Verb::Unknown, "script", "not a text in UTF-8");
        };
        if text.contains('\0') {
            return self.note(Verb::Unknown, "script", "a NUL byte in the text");
        }
        (self.quote, self.comment) = (None, false);
        self.buffer.clear();
        for line in text.lines() {
            if let Some(why) = self.limit.reached() {
                return self.note(Verb::Unknown, "script", why);
            }
            if self.line(line) {
                return;
            }
        }
        self.send();
    }

    /// Reads one line; whether the script ends with it.
    fn line(&mut self, line: &str) -> bool {
        let may_be_command = (self.named || self.buffer.is_empty()) && !self.comment && self.quote.is_none();
        if let Some(command) = commands::named(line, &self.delimiter).filter(|_| may_be_command) {
            return self.run(command, line.trim_start());
        }
        self.add(&line.chars().collect::<Vec<char>>())
    }

    /// Adds a line to what will be sent, and sends what ends in it.
    fn add(&mut self, line: &[char]) -> bool {
        let mut executable = false;
        let mut at = 0;
        while let Some(&c) = line.get(at) {
            let third = line.get(at + 2).copied();
            let outside = self.quote.is_none();
            let begins = |text: &str| text.chars().enumerate().all(|(n, t)| line.get(at + n) == Some(&t));
            if self.buffer.is_empty() && c.is_whitespace() {
                at += 1;
            } else if !self.comment && c == '\\' && self.quote != Some('`') {
                match self.backslash(line, at, executable) {
                    Some(after) => at = after,
                    None => return true,
                }
            } else if !self.comment && outside && !self.delimiter.is_empty() && begins(&self.delimiter) {
                at += self.delimiter.chars().count();
                match commands::named(&self.buffer, &self.delimiter) {
                    Some(command) => {
                        let text = std::mem::take(&mut self.buffer);
                        if self.run(command, text.trim_start()) {
                            return true;
                        }
                        self.buffer.clear();
                    }
                    None => self.send(),
                }
            } else if !self.comment && outside && (c == '#' || (begins("--") && self.is_comment(third))) {
                break;
            } else if outside && begins("/*") && !begins("/*!") && !begins("/*M!") {
                if self.comment && third == Some('/') {
                    self.note(Verb::Unknown, "/*/", "where this comment ends cannot be told");
                }
                self.comment = true;
                at += 2;
            } else if self.comment && !executable && begins("*/") {
                self.comment = false;
                self.buffer.push(' ');
                at += 2;
            } else {
                executable = outside && (begins("/*!") || (executable && !begins("*/"))) || (!outside && executable);
                self.keep(c);
                at += 1;
            }
        }
        if !self.buffer.is_empty() {
            self.buffer.push('\n');
        }
        false
    }

    /// Takes a backslash: a command of the client's, or what is kept of a string; where the line goes on, or none where
    /// the script ends.
    fn backslash(&mut self, line: &[char], at: usize, executable: bool) -> Option<usize> {
        let Some(&letter) = line.get(at + 1) else { return Some(line.len()) };
        let Some(command) = commands::short(letter).filter(|_| self.quote.is_none() && letter != 'N') else {
            self.buffer.extend(['\\', letter]);
            return Some(at + 2);
        };
        let rest: String = line.get(at..).unwrap_or_default().iter().collect();
        if self.run(command, &rest) {
            return None;
        }
        if !command.takes {
            return Some(at + 2);
        }
        let found = if executable { position(line, at, "*/") } else { position(line, at, &self.delimiter) };
        let past = if executable { 0 } else { self.delimiter.chars().count() };
        Some(found.map_or(line.len(), |n| n + past))
    }

    /// Whether `--` begins a comment: before a space, or as the first thing of a statement.
    fn is_comment(&self, third: Option<char>) -> bool {
        third.is_none_or(char::is_whitespace) || self.buffer.is_empty()
    }

    /// Keeps a character of a statement, and opens or closes the quote that it is.
    fn keep(&mut self, c: char) {
        if self.quote == Some(c) {
            self.quote = None;
        } else if !self.comment && self.quote.is_none() && matches!(c, '\'' | '"' | '`') {
            self.quote = Some(c);
        }
        if !self.comment {
            self.buffer.push(c);
        }
    }

    /// Sends what is in the buffer: each reading of its executable comments counts.
    fn send(&mut self) {
        let text = std::mem::take(&mut self.buffer);
        let Some(readings) = comments::readings(&text) else {
            return self.note(Verb::Unknown, "/*!", "what the executable comments leave cannot be told");
        };
        for reading in readings {
            match self.judge.judge(&reading) {
                Ok(effects) => effects.into_iter().for_each(|e| self.add_effect(e)),
                Err(SqlError::Syntax { message, .. }) => self.note(Verb::Unknown, "SQL", message),
                Err(error) => self.note(Verb::Unknown, "SQL", error.to_string()),
            }
        }
    }

    /// Runs a command of the client's own; whether the script ends with it. `text` is the line from the command on.
    fn run(&mut self, command: &Command, text: &str) -> bool {
        let argument = commands::argument(text);
        match command.action {
            Action::Nothing => {}
            Action::Send => self.send(),
            Action::Clear => self.buffer.clear(),
            Action::Quit => return true,
            Action::Escape(_) if argument.is_empty() && command.takes => {}
            Action::Escape(note) => self.note(Verb::Escape, if argument.is_empty() { command.name } else { argument }, note),
            Action::Use => self.take(argument),
            Action::Connect if !argument.contains(char::is_whitespace) => self.take(argument),
            Action::Connect => self.note(Verb::Escape, argument, "it leaves for another server"),
            Action::Tee => {
                let effect = Effect::new(Verb::Write, argument, Evidence::Sql).on_kind(LOCAL_FILE);
                self.add_effect(effect.because("the output goes to a file too"));
            }
            Action::Charset => {
                let set = self.judge.judge(&format!("SET NAMES {argument}"));
                if set.is_err() {
                    self.note(Verb::Unknown, argument, "no character set that is known");
                }
            }
            Action::Delimiter => self.delimit(argument),
            Action::Source => self.source(argument),
        }
        false
    }

    /// Takes the database of this name, quoted or not, for what names none.
    fn take(&mut self, database: &str) {
        let end = if self.delimiter.is_empty() { database } else { database.trim_end_matches(self.delimiter.as_str()) };
        let bare = end.trim().trim_matches(['`', '\'', '"']);
        if !bare.is_empty() && self.judge.judge(&format!("USE `{}`", bare.replace('`', "``"))).is_err() {
            self.note(Verb::Unknown, "use", "which database that is cannot be told");
        }
    }

    fn delimit(&mut self, argument: &str) {
        let mut words = argument.split_whitespace();
        let first = words.next().unwrap_or_default();
        if words.next().is_some() || first.contains(['\\', '"', '\'', '`']) {
            self.note(Verb::Unknown, "delimiter", "which delimiter this sets cannot be told");
        }
        if !first.is_empty() {
            first.clone_into(&mut self.delimiter);
        }
    }

    fn source(&mut self, file: &str) {
        let text = if self.depth < MAX_DEPTH { (self.include)(file) } else { None };
        let Some(text) = text else {
            return self.note(Verb::Unknown, file, "the script cannot be read before it runs");
        };
        let before = (self.quote, self.comment);
        self.depth += 1;
        self.script(&text);
        self.depth -= 1;
        (self.quote, self.comment) = before;
        self.buffer.clear();
    }

    fn add_effect(&mut self, effect: Effect) {
        if !self.effects.contains(&effect) {
            self.effects.push(effect);
        }
    }

    fn note(&mut self, verb: Verb, target: impl Into<String>, note: impl Into<String>) {
        self.add_effect(Effect::new(verb, target, Evidence::Sql).because(note));
    }
}

/// Where `text` stands in `line`, from `at` on.
fn position(line: &[char], at: usize, text: &str) -> Option<usize> {
    let text: Vec<char> = text.chars().collect();
    (at..line.len()).find(|n| line.get(*n..).is_some_and(|rest| rest.starts_with(&text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a script does, in short: each verb and its target.
    fn shown(text: &str) -> String {
        let mut include = |path: &str| match path {
            "drop.sql" => Some(b"drop table included".to_vec()),
            "loop.sql" => Some(b"source loop.sql".to_vec()),
            _ => None,
        };
        let effects = judge_script(text.as_bytes(), &mut include);
        effects.iter().map(|e| format!("{} {}", e.verb, e.target)).collect::<Vec<_>>().join(", ")
    }

    fn check(cases: &[(&str, &str)]) {
        let wrong = cases.iter().filter(|(text, expected)| shown(text) != *expected);
        let wrong: Vec<String> = wrong.map(|(text, expected)| format!("{text}: {}, not {expected}", shown(text))).collect();
        assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    }

    #[test]
    fn statements_end_where_the_client_ends_them() {
        check(&[
            ("", ""),
            ("select 1;\ndrop table a", "read (database), destroy a"),
            ("select 1\\g drop table a\\G", "read (database), destroy a"),
            ("drop table a\\c select 1", "read (database)"),
            ("select ';drop table a;' -- ;drop table b;\n;", "read (database)"),
            ("select 1 # ; drop table a", "read (database)"),
            ("select 1--1; drop table a", "read (database), destroy a"),
            ("--drop table a;\nselect 1", "read (database)"),
            ("select 1 /* ;drop table a; */;", "read (database)"),
            ("/* /* */ drop table a; */", "destroy a, unknown SQL"),
            ("select 'a\\'; drop table a; -- '", "read (database)"),
            ("select \"it's\"; drop table a", "read (database), destroy a"),
            ("select `a;b` from t;", "read t"),
            ("delimiter //\nselect 1; drop table a//", "read (database), destroy a"),
            ("delimiter // drop table a//", "unknown delimiter"),
            ("delimiter $$\nselect 1$$\ndelimiter ;\ndrop table a;", "read (database), destroy a"),
            ("quit\ndrop table a;", ""),
            ("drop tabel a;\nselect 1;", "destroy tabel, read (database)"),
        ]);
    }

    #[test]
    fn an_executable_comment_is_read_every_way() {
        check(&[
            ("/*! drop table a */;", "destroy a"),
            ("/*!50000 drop table a */;", "destroy a"),
            ("/*M!100100 drop table a */;", "destroy a"),
            ("select '/*! drop table t */'", "read (database)"),
            ("delete from t /*!99999 where id = 1 */;", "destroy t, write t"),
            ("/*!50000 delete from t */ /*!99999 where id = 1 */;", "destroy t, unknown WHERE, write t"),
            ("/*!40101 SET NAMES utf8mb4 */;", "write names"),
            ("select 1 /*!50000 ; drop table a */;", "unknown /*!, destroy a"),
            ("select 1 /*! /* */ ; drop table a */;", "unknown /*!"),
        ]);
    }

    #[test]
    fn the_client_has_commands_of_its_own() {
        check(&[
            ("\\! ls", "escape ls"),
            ("system ls", "escape ls"),
            ("SYSTEM ls;", "escape ls"),
            ("select 1; system ls;", "read (database), escape ls"),
            ("select 1\nsystem ls\n;", "unknown SQL"),
            ("select 1 \\! ls\n;", "escape ls, read (database)"),
            ("select 'a\n\\! ls\n';", "read (database)"),
            ("source drop.sql", "destroy included"),
            ("\\. drop.sql", "destroy included"),
            ("source drop.sql;", "destroy included"),
            ("source nowhere.sql", "unknown nowhere.sql"),
            ("source loop.sql", "unknown loop.sql"),
            ("\\P less", "escape less"),
            ("\\T out.txt", "write out.txt"),
            ("use shop\nselect * from user", "read user"),
            ("use mysql\nselect * from user", "reveal mysql.user"),
            ("use mysql;\nselect * from user;", "reveal mysql.user"),
            ("\\u `mysql`\nselect password from user u join db on u.host = db.host", "reveal mysql.db, reveal mysql.user"),
            ("connect mysql\nupdate user set password = '' where user = 'a'", "grant mysql.user, reveal mysql.user"),
            ("use mysql\nwith user as (select 1) select * from user", "read (database)"),
            ("use mysql\nuse shop\nselect * from global_priv", "reveal mysql.global_priv"),
            ("edit", "escape edit"),
            ("use d\nstatus\nselect 1;", "read (database)"),
            ("connect d other.host", "escape d other.host"),
            ("\\C gbk\nselect '\u{e9}\\'; drop table a; -- '", "unknown SQL"),
        ]);
    }
}
