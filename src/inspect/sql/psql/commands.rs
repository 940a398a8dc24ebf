//! Carries out psql's backslash commands, as far as they bear on what psql would do.

use super::arguments::{self, Arguments, Takes};
use super::conditions::Sure;
use super::copy::{self, End};
use super::input::Input;
use super::meta::{self, Does, Step};
use super::script::{Origin, Script};
use super::{Judge, Psql};
use crate::effect::{Effect, Evidence, LOCAL_FILE, Verb};
use crate::inspect::sql::postgres;
use std::path::Path;

/// How deep scripts may include each other.
const MAX_DEPTH: usize = 16;
/// What the names of variables have that hold a secret.
const SECRET: &[&str] = &["PASS", "SECRET", "TOKEN", "KEY", "CREDENTIAL"];

impl Psql<'_> {
    /// Judges the command whose backslash was read; whether the script goes on.
    pub(super) fn meta(&mut self, script: &mut Script<'_>, input: &mut Input<'_>) -> bool {
        let name = arguments::command(input);
        let runs = self.runs(script);
        let variables = (runs != Sure::No).then(|| self.variables.clone());
        let Some(command) = meta::find(&name) else {
            arguments::read(input, Takes::Line, None);
            if variables.is_some() && !self.doubtful {
                self.note(Verb::Unknown, format!("\\{name}"), "psql has no such command");
            }
            return true;
        };
        let found = arguments::read(input, command.takes, variables.as_ref());
        if let Does::Decides(step) = command.does {
            self.decide(script, step, &found);
            return true;
        }
        if runs == Sure::No {
            return true;
        }
        self.notice(&name, command.does, &found);
        if !leaves_all_as_it_is(command.does) {
            self.hindsight.end();
        }
        self.carry_out(script, &name, command.does, &found)
    }

    /// Follows a condition.
    fn decide(&mut self, script: &mut Script<'_>, step: Step, found: &Arguments) {
        let unsure = !found.unknown.is_empty() || !found.backticks.is_empty();
        let condition = if unsure { Sure::Maybe } else { Sure::of(&found.words.join(" ")) };
        if step != Step::If {
            self.leave_branch(script);
        }
        match step {
            Step::If => script.conditions.begin(condition, script.lexer.save()),
            Step::Elif => script.conditions.turn(condition, script.lexer.save()),
            Step::Else => script.conditions.turn(Sure::Yes, script.lexer.save()),
            Step::Endif => script.conditions.end(),
        }
        for command in &found.backticks {
            self.note(Verb::Escape, command, "runs a shell");
        }
    }

    /// Leaves a branch: what stood in one that does not run is forgotten.
    fn leave_branch(&mut self, script: &mut Script<'_>) {
        let Some(saved) = script.conditions.saved() else { return };
        match script.conditions.runs() {
            Sure::Yes => {}
            Sure::No => script.lexer.restore(saved),
            Sure::Maybe if script.lexer.is_as(saved) => {}
            Sure::Maybe => self.note(Verb::Unknown, "\\if", "puts a statement together by a condition"),
        }
    }

    /// Notes what the arguments themselves do.
    fn notice(&mut self, name: &str, does: Does, found: &Arguments) {
        for command in &found.backticks {
            self.note(Verb::Escape, command, "runs a shell");
        }
        let shows = matches!(does, Does::Shows | Does::Sets | Does::Unsets | Does::TakesVariable | Does::SetsLast);
        if let Some(variable) = found.unknown.first().filter(|_| !shows && !self.doubtful) {
            self.note(Verb::Unknown, format!("\\{name}"), format!("the value of the variable `{variable}` is not known"));
        }
        if found.open && !self.doubtful {
            self.note(Verb::Unknown, format!("\\{name}"), "a quote is left open");
        }
    }

    /// Does what the command does; whether the script goes on.
    fn carry_out(&mut self, script: &mut Script<'_>, name: &str, does: Does, found: &Arguments) -> bool {
        match does {
            Does::Shows | Does::Decides(_) => {}
            Does::Effect(verb, note) => self.own_effect(name, verb, note, found),
            Does::Sends => {
                self.output(found);
                self.describes = name == "gdesc";
                self.flush(script);
                self.describes = false;
            }
            Does::SendsAndSets => {
                self.flush(script);
                self.variables.lose();
            }
            Does::SendsAndRuns => {
                self.flush(script);
                self.note(Verb::Unknown, "\\gexec", "runs what the server answers");
            }
            Does::Writes => self.output(found),
            Does::Exports => self.written(found.word(1)),
            Does::Resets => drop(script.lexer.take()),
            Does::Sets => self.set(script, found),
            Does::Unsets => self.variables.set(found.word(0), None),
            Does::TakesVariable => {
                self.variables.set(found.word(0), None);
                if SECRET.iter().any(|word| found.word(1).to_ascii_uppercase().contains(word)) {
                    self.note(Verb::Reveal, found.word(1), "a variable comes out that may hold a secret");
                }
            }
            Does::Imports => {
                self.sent(found.word(0));
                self.own_effect(name, Verb::Write, "makes a large object", found);
            }
            Does::SetsLast => {
                self.note(Verb::Unknown, "\\prompt", "may take the next line for its answer");
                self.variables.set(found.words.last().map_or("", String::as_str), None);
            }
            Does::Includes(relative) => self.include(script, relative, found),
            Does::Copies => self.copy(script, found.word(0)),
            Does::Connects => self.connect(found),
            Does::Moves => self.folder = beside(&self.folder, found.word(0), true),
            Does::Encodes => {
                let (verb, note) = postgres::session_setting("client_encoding", found.word(0));
                if !found.words.is_empty() {
                    self.note(verb, "client_encoding", note);
                }
            }
            Does::Quits => return script.conditions.runs() != Sure::Yes,
        }
        true
    }

    fn own_effect(&mut self, name: &str, verb: Verb, note: &str, found: &Arguments) {
        let target = if found.words.is_empty() { format!("\\{name}") } else { found.words.join(" ") };
        let effect = Effect::new(verb, target, Evidence::Sql).because(note);
        let effect = if verb == Verb::Destroy { effect.irreversible() } else { effect };
        self.add_here(effect);
    }

    /// Output that goes to a file or a program; options in parentheses may stand before it.
    fn output(&mut self, found: &Arguments) {
        let options = match found.word(0).starts_with('(') {
            true => found.words.iter().position(|word| word.ends_with(')')).map_or(found.words.len(), |at| at + 1),
            false => 0,
        };
        let target = found.word(options);
        match target.strip_prefix('|') {
            Some(program) => self.note(Verb::Escape, program.trim(), "runs a shell"),
            None if target.is_empty() => {}
            None => self.written(target),
        }
    }

    /// A file that psql itself reads and sends.
    fn sent(&mut self, file: &str) {
        let effect = Effect::new(Verb::Read, beside(&self.folder, file, true), Evidence::Sql).on_kind(LOCAL_FILE);
        self.add_here(effect.because("a file is sent"));
    }

    /// A file that psql itself writes.
    fn written(&mut self, file: &str) {
        let effect = Effect::new(Verb::Write, beside(&self.folder, file, true), Evidence::Sql).on_kind(LOCAL_FILE);
        let effect = effect.because("writes a file");
        self.add_here(effect);
    }

    fn set(&mut self, script: &Script<'_>, found: &Arguments) {
        let name = found.word(0);
        let sure = found.unknown.is_empty() && found.backticks.is_empty() && self.runs(script) == Sure::Yes;
        let value = found.words.iter().skip(1).map(String::as_str).collect::<String>();
        if name.starts_with("PROMPT") && value.contains('`') {
            self.note(Verb::Escape, name, "runs a shell");
        }
        self.variables.set(name, sure.then_some(value));
        self.check_variable(name);
    }

    /// Notes a variable that changes how psql reads.
    pub(super) fn check_variable(&mut self, name: &str) {
        if name == "SINGLELINE" {
            self.note(Verb::Unknown, name, "changes where a statement ends");
        }
        if name == "SINGLESTEP" {
            self.note(Verb::Unknown, name, "reads an answer after each statement");
        }
    }

    fn include(&mut self, script: &Script<'_>, relative: bool, found: &Arguments) {
        let path = found.word(0);
        if path.is_empty() || !found.unknown.is_empty() || !found.backticks.is_empty() {
            return;
        }
        let origin = match &script.origin {
            Some(from) if relative => Origin { path: beside(&from.path, path, false), relative: from.relative },
            _ if relative => Origin { path: path.to_owned(), relative },
            _ => Origin { path: beside(&self.folder, path, true), relative },
        };
        let text = if self.depth < MAX_DEPTH && path != "-" { (self.include)(&origin.path, origin.relative) } else { None };
        match text {
            Some(text) => {
                let runs = self.runs(script);
                let around = std::mem::replace(&mut self.around, runs);
                self.depth += 1;
                self.read(&text, Some(origin));
                self.depth -= 1;
                self.around = around;
            }
            None => self.note(Verb::Unknown, origin.path, "the script cannot be read"),
        }
    }

    fn copy(&mut self, script: &mut Script<'_>, line: &str) {
        let Some(copy) = copy::parse(line) else {
            if !self.doubtful {
                self.note(Verb::Unknown, "\\copy", "psql would refuse it");
            }
            return;
        };
        match &copy.end {
            End::Program(program) => self.note(Verb::Escape, program, "runs a shell"),
            End::File(file) if copy.from => self.sent(file),
            End::File(file) => self.written(file),
            End::Stream if copy.from => {
                self.note(Verb::Unknown, "pstdin", "its rows may be what follows in the script");
            }
            End::Input | End::Stream => {}
        }
        let rows = self.send(&copy.sql, (script.line, 1));
        if copy.end == End::Input && rows > 0 {
            self.rows(script);
        }
    }

    /// A new connection: another database of the same server, or wherever the arguments say.
    fn connect(&mut self, found: &Arguments) {
        let target = found.words.join(" ");
        let database = found.word(0);
        let elsewhere =
            database.contains(['=', ':']) || !matches!(found.word(2), "" | "-") || !matches!(found.word(3), "" | "-");
        if elsewhere {
            self.note(Verb::Escape, target, "connects to another server");
        } else if !found.words.is_empty() {
            self.note(Verb::Write, target, "connects to another database");
        }
        self.judge = Judge::new();
    }
}

/// Whether a command neither changes what was sent before it nor whether what follows is sent.
fn leaves_all_as_it_is(does: Does) -> bool {
    matches!(
        does,
        Does::Shows
            | Does::Sends
            | Does::SendsAndSets
            | Does::Writes
            | Does::Resets
            | Does::Sets
            | Does::Unsets
            | Does::TakesVariable
            | Does::Includes(_)
    )
}

/// The path `path` as it is meant in the folder `from`, or beside the file `from`.
fn beside(from: &str, path: &str, folder: bool) -> String {
    let from = Path::new(from);
    let base = if folder { Some(from) } else { from.parent() };
    base.map_or_else(|| path.into(), |base| base.join(path).to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use crate::inspect::sql::psql::check;

    #[test]
    fn showing_is_a_read() {
        check(&[
            ("\\dt *.*\n\\l\n\\x auto\n\\timing\n\\pset pager off\n\\echo :nobody", ""),
            ("\\restrict abc\nselect 1;\n\\unrestrict abc", "read (database)"),
            ("select 1 \\g\nselect 2 \\gx", "read (database)"),
            ("select 1 \\p \\g\n\\r", "read (database)"),
            ("\\encoding UTF8", "write client_encoding"),
        ]);
    }

    #[test]
    fn what_starts_a_program_is_an_escape() {
        check(&[
            ("\\! rm -rf x", "escape rm -rf x"),
            ("\\o |sh", "escape sh"),
            ("select 1 \\g |sh -c 'x y'", "escape sh -c 'x y', read (database)"),
            ("select 1 \\g (format=csv tuples_only) |sh", "escape sh, read (database)"),
            ("\\w |cat", "escape cat"),
            ("\\echo `rm x`", "escape rm x"),
            ("\\unrestrict `rm x`", "escape rm x"),
            ("\\copy a to PROGRAM 'gzip > x'", "escape gzip > x, read a"),
            ("\\e x.sql", "escape x.sql"),
            ("\\ef f", "escape f"),
            ("\\setenv PAGER sh", "escape PAGER sh"),
            ("\\set PROMPT1 '%`sh`'", "escape PROMPT1"),
            ("\\set p |sh\n\\o :p", "escape sh"),
        ]);
    }

    #[test]
    fn files_are_written_or_read() {
        check(&[
            ("\\o out.txt\nselect 1;", "write out.txt, read (database)"),
            ("select 1 \\g /etc/x", "write /etc/x, read (database)"),
            ("\\copy a to 'out.csv' csv", "write out.csv, read a"),
            ("\\copy a from 'in.csv' csv\ndrop table b;", "read in.csv, write a, destroy b"),
            ("\\copy a from stdin\ndrop table b;\n\\.\n", "write a; rows: destroy b"),
            ("\\copy (delete from a returning *) to pstdout", "destroy a"),
            ("\\copy a to stdout; drop table b", "read a, destroy b"),
            ("\\lo_unlink 5\n\\lo_import x\n\\password bob", "destroy 5, read x, write x, grant bob"),
        ]);
    }

    #[test]
    fn scripts_are_followed() {
        check(&[
            ("\\i drop.sql", "destroy included"),
            ("\\ir sub/more.sql", "destroy included"),
            ("\\cd down\n\\include drop.sql", "destroy below"),
            ("\\i 'nothing.sql'", "unknown nothing.sql"),
            ("\\i loop.sql", "unknown loop.sql"),
            ("\\i latin1.sql", "unknown script"),
            ("\\i :nobody", "unknown \\i"),
            ("\\i -", "unknown -"),
        ]);
    }

    #[test]
    fn what_cannot_be_followed_is_unknown() {
        check(&[
            ("select 'drop table a' \\gexec", "read (database), unknown \\gexec"),
            ("\\nonsense x", "unknown \\nonsense"),
            ("\\!ls", "unknown \\!ls"),
            ("\\copy a", "unknown \\copy"),
            ("\\o :nobody", "unknown \\o, write :nobody"),
            ("select $1 \\bind 5 \\g", "unknown 5, read (database)"),
            ("\\i 'open", "unknown \\i, unknown open"),
            ("\\encoding SJIS", "unknown client_encoding"),
        ]);
    }

    #[test]
    fn a_new_connection_may_be_anywhere() {
        check(&[
            ("\\c other", "write other"),
            ("\\connect -", "write -"),
            ("\\c other bob prod.example", "escape other bob prod.example"),
            ("\\c host=prod.example", "escape host=prod.example"),
            ("\\c postgres://prod.example/x", "escape postgres://prod.example/x"),
            ("prepare p as select 1;\n\\c\nexecute p;", "write p, unknown p"),
        ]);
    }
}
