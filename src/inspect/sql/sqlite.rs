//! What the command line `sqlite3` would do: the SQL it runs, and its own commands, which begin with a dot.
//!
//! A line that begins with a dot is a command where no statement is open; everything else is SQL, which SQLite takes apart
//! itself (src/shell.c.in, checked against 3.40).

mod dot;
mod lines;

use super::portable::{DATABASE_FILE, Flavor, Judge};
use super::postgres::SqlError;
use super::worker::Limit;
use super::{Input, digest, own_script, read_script, stdin};
use crate::call::{Call, User, absolute};
use crate::effect::{Effect, Evidence, LOCAL_FILE, Verb};
use crate::inspect::{Findings, Probe, Until, paths};
use crate::tool::Reading;
use lines::Statement;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// How many scripts may read each other (`MAX_INPUT_NESTING`).
const MAX_DEPTH: usize = 25;

/// What the command line finds around it.
pub(super) trait Around {
    /// The text of a script; none where it cannot be read.
    fn script(&mut self, path: &str) -> Option<Vec<u8>>;
    /// Whether a file is there already.
    fn exists(&self, path: &str) -> bool;
    /// A file that will be written.
    fn writes(&mut self, path: &str);
    /// A database that will be opened: its journals lie beside it.
    fn opens(&mut self, path: &str);
    /// A file that will be read.
    fn reads(&mut self, path: &str);
    /// The current folder becomes this one.
    fn enter(&mut self, path: &str);
}

/// The files around a call.
struct Files {
    folder: PathBuf,
    /// Its start-up files.
    own: Vec<PathBuf>,
    read: Vec<PathBuf>,
    write: Vec<PathBuf>,
    texts: Vec<Vec<u8>>,
}

impl Around for Files {
    fn script(&mut self, path: &str) -> Option<Vec<u8>> {
        let file = absolute(&self.folder, Path::new(path));
        let text = if self.own.contains(&file) { own_script(&file) } else { read_script(&file) }.ok()?;
        self.read.push(file);
        self.texts.push(text.clone());
        Some(text)
    }

    fn exists(&self, path: &str) -> bool {
        absolute(&self.folder, Path::new(path)).exists()
    }

    fn writes(&mut self, path: &str) {
        self.write.push(absolute(&self.folder, Path::new(path)));
    }

    fn opens(&mut self, path: &str) {
        let file = absolute(&self.folder, Path::new(path));
        let folder = file.parent().filter(|folder| !User::current().home.starts_with(folder));
        self.write.extend(folder.map(Path::to_owned));
        self.write.push(file);
    }

    fn reads(&mut self, path: &str) {
        self.read.push(absolute(&self.folder, Path::new(path)));
    }

    fn enter(&mut self, path: &str) {
        self.folder = absolute(&self.folder, Path::new(path));
    }
}

/// Where a start-up file may lie: `~/.sqliterc` of the password database, else of `HOME`; else the one in the folder of configuration
/// (3.43 and later).
fn startup_files(call: &Call) -> Vec<PathBuf> {
    let homes: Vec<PathBuf> = call.var("HOME").map(PathBuf::from).into_iter().chain([User::current().home]).collect();
    let mut files: Vec<PathBuf> = homes.iter().map(|h| h.join(".sqliterc")).collect();
    files.extend(homes.iter().map(|h| h.join(".config/sqlite3/sqliterc")));
    files.extend(call.var("XDG_CONFIG_HOME").map(|c| Path::new(&c).join("sqlite3/sqliterc")));
    files.sort();
    files.dedup();
    files
}

/// Nothing around: a script by itself.
struct Nothing;

impl Around for Nothing {
    fn script(&mut self, _: &str) -> Option<Vec<u8>> {
        None
    }
    fn exists(&self, _: &str) -> bool {
        false
    }
    fn writes(&mut self, _: &str) {}
    fn opens(&mut self, _: &str) {}
    fn reads(&mut self, _: &str) {}
    fn enter(&mut self, _: &str) {}
}

pub(in crate::inspect) fn inspect(reading: &Reading<'_>, call: &Call, probe: &dyn Probe, findings: &mut Findings) {
    let commands: Vec<&str> = reading.parsed.values("-cmd").collect();
    if commands.is_empty() && (reading.parsed.is_on("-help") || reading.parsed.is_on("-version")) {
        return;
    }
    let operands = reading.operands();
    let mut files =
        Files { folder: call.cwd.clone(), own: startup_files(call), read: Vec::new(), write: Vec::new(), texts: Vec::new() };
    let mut client = Client::new(&mut files);
    if let Some(database) = operands.first() {
        findings.facts.insert("sqlite-file".to_owned(), (*database).to_owned());
        client.open(database);
    }
    client.fleeting = operands.first().is_none_or(|database| is_fleeting(database, call));
    match reading.parsed.last("-init") {
        Some(file) => client.read(file),
        None => client.startup(call),
    }
    let arguments = operands.get(1..).unwrap_or_default();
    for text in commands.iter().chain(arguments) {
        client.argument(text);
    }
    let typed = if arguments.is_empty() { stdin(call, probe, findings, Until::End) } else { None };
    if let Some(Input::Script { text, .. }) = &typed {
        client.script(text);
    }
    let effects: Vec<Effect> = client.effects.into_iter().map(|effect| attached(effect, call)).collect();
    if !effects.is_empty() {
        findings.effects.retain(|e| e.verb != Verb::Read);
        findings.effects.extend(effects);
    }
    let words = commands.iter().chain(arguments).map(|t| t.as_bytes().to_vec());
    let typed = typed.into_iter().filter_map(|i| match i {
        Input::Script { text, .. } => Some(text),
        Input::Command(_) | Input::Begun(_) => None,
    });
    let texts: Vec<Vec<u8>> = words.chain(typed).chain(files.texts).collect();
    findings.evidence = digest(texts.iter());
    let (own, read): (Vec<PathBuf>, Vec<PathBuf>) = files.read.into_iter().partition(|file| files.own.contains(file));
    findings.own.extend(own);
    findings.read.extend(read);
    findings.write.extend(files.write);
}

/// The path that a database's name holds: only a URI has options behind it.
fn path_of(database: &str) -> &str {
    database.strip_prefix("file:").map_or(database, |uri| uri.split(['?', '#']).next().unwrap_or_default())
}

/// Whether a database holds nothing that could be lost: it is in memory, or temporary.
fn is_fleeting(database: &str, call: &Call) -> bool {
    let is_file = || !database.starts_with("file:") && paths::is_fleeting(call, OsStr::new(database));
    database.is_empty() || database == ":memory:" || is_file()
}

/// A database that is attached is no way out where it lies in the workspace, is temporary or in memory.
fn attached(effect: Effect, call: &Call) -> Effect {
    // In a URI letters stand for others.
    if effect.target.starts_with("file:") && effect.target.contains('%') {
        return effect;
    }
    let path = path_of(&effect.target);
    let in_memory = path.is_empty() || path == ":memory:";
    let near = || in_memory || paths::given(call, OsStr::new(path), false).is_none();
    match effect.kind == DATABASE_FILE && near() {
        true => Effect { verb: Verb::Write, ..effect },
        false => effect,
    }
}

/// What the command line would do with `text` as its standard input; nothing is a read.
pub fn judge_script(text: &[u8]) -> Vec<Effect> {
    let mut nothing = Nothing;
    let mut client = Client::new(&mut nothing);
    client.script(text);
    client.effects
}

/// One run of the command line.
struct Client<'a> {
    judge: Judge,
    around: &'a mut dyn Around,
    effects: Vec<Effect>,
    /// The database that is open holds nothing that could be lost, and no other is open.
    fleeting: bool,
    /// How many scripts read the one that is read.
    depth: usize,
    limit: Limit,
}

impl<'a> Client<'a> {
    fn new(around: &'a mut dyn Around) -> Client<'a> {
        let judge = Judge::new(Flavor::Sqlite);
        Client { judge, around, effects: Vec::new(), fleeting: false, depth: 0, limit: Limit::begin() }
    }

    /// Opens a database, where it is a file.
    fn open(&mut self, database: &str) {
        self.fleeting = false;
        let path = path_of(database);
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path.starts_with(":memory:") {
            return;
        }
        self.around.opens(path);
    }

    /// The start-up file, which is run first.
    fn startup(&mut self, call: &Call) {
        for file in startup_files(call).iter().filter(|f| f.exists()).filter_map(|f| f.to_str()) {
            self.read(file);
        }
    }

    /// What stands on the command line behind the database: a dot command, or SQL.
    fn argument(&mut self, text: &str) {
        if text.starts_with('.') {
            self.dot(text);
        } else {
            self.send(text);
        }
    }

    /// Reads a script; what cannot be read is unknown.
    fn read(&mut self, file: &str) {
        let text = if self.depth < MAX_DEPTH { self.around.script(file) } else { None };
        match text {
            Some(text) => {
                self.depth += 1;
                self.script(&text);
                self.depth -= 1;
            }
            None => self.note(Verb::Unknown, file, "the script cannot be read before it runs"),
        }
    }

    /// Reads the lines of a script to their end.
    fn script(&mut self, text: &[u8]) {
        let Some(text) = std::str::from_utf8(text).ok().filter(|t| !t.contains('\0')) else {
            return self.note(Verb::Unknown, "script", "not a text in UTF-8");
        };
        let mut statement = Statement::default();
        for line in text.lines() {
            if let Some(why) = self.limit.reached() {
                return self.note(Verb::Unknown, "script", why);
            }
            if statement.is_empty() && line.starts_with('.') {
                if self.dot(line) {
                    return;
                }
            } else if !(statement.is_empty() && line.starts_with('#')) {
                statement.add(line);
                if statement.is_complete() {
                    self.send(&statement.take());
                }
            }
        }
        self.send(&statement.take());
    }

    /// Runs SQL.
    fn send(&mut self, text: &str) {
        match self.judge.judge(text) {
            Ok(effects) => {
                self.fleeting &= !effects.iter().any(|effect| effect.kind == DATABASE_FILE);
                for mut effect in effects {
                    if self.fleeting && effect.verb == Verb::Destroy {
                        effect =
                            Effect::new(Verb::Write, effect.target, Evidence::Sql).because("of a database that is not kept");
                    }
                    if effect.kind == LOCAL_FILE {
                        self.around.writes(&effect.target);
                    }
                    if effect.kind == DATABASE_FILE {
                        self.open(&effect.target);
                    }
                    self.add(effect);
                }
            }
            Err(SqlError::Syntax { message, .. }) => self.note(Verb::Unknown, "SQL", message),
            Err(error) => self.note(Verb::Unknown, "SQL", error.to_string()),
        }
    }

    fn add(&mut self, effect: Effect) {
        if !self.effects.contains(&effect) {
            self.effects.push(effect);
        }
    }

    fn note(&mut self, verb: Verb, target: impl Into<String>, note: impl Into<String>) {
        self.add(Effect::new(verb, target, Evidence::Sql).because(note));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A place where `s.sql` drops a table, `loop.sql` reads itself, and `there.db` is there.
    struct Stage(Vec<String>);

    impl Around for Stage {
        fn script(&mut self, path: &str) -> Option<Vec<u8>> {
            match path {
                "s.sql" => Some(b"drop table included;".to_vec()),
                "loop.sql" => Some(b".read loop.sql".to_vec()),
                _ => None,
            }
        }
        fn exists(&self, path: &str) -> bool {
            path == "there.db"
        }
        fn writes(&mut self, path: &str) {
            self.0.push(path.to_owned());
        }
        fn opens(&mut self, _: &str) {}
        fn reads(&mut self, _: &str) {}
        fn enter(&mut self, _: &str) {}
    }

    fn shown(text: &str) -> String {
        let mut stage = Stage(Vec::new());
        let mut client = Client::new(&mut stage);
        client.script(text.as_bytes());
        client.effects.iter().map(|e| format!("{} {}", e.verb, e.target)).collect::<Vec<_>>().join(", ")
    }

    fn check(cases: &[(&str, &str)]) {
        let wrong = cases.iter().filter(|(text, expected)| shown(text) != *expected);
        let wrong: Vec<String> = wrong.map(|(text, expected)| format!("{text}: {}, not {expected}", shown(text))).collect();
        assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    }

    #[test]
    fn a_command_stands_where_no_statement_is_open() {
        check(&[
            ("", ""),
            ("select 1;\ndrop table a", "read (database), destroy a"),
            ("select 1; drop table a;", "read (database), destroy a"),
            ("/* x\n*/\n.shell ls", "escape ls"),
            ("-- x\n.shell ls", "escape ls"),
            ("select 1; -- c\n.shell ls", "read (database), escape ls"),
            ("select 1\n.shell ls\n;", "unknown expression"),
            ("select '\n.shell ls\n';", "read (database)"),
            ("insert into t values ('a;\n.shell ls\n');", "write t"),
            ("# drop table a;\nselect 1;", "read (database)"),
            ("drop table a\ngo\n.tables", "destroy a"),
            ("create trigger r after insert on t begin\ndelete from u;\n.shell ls\nend;\nselect 1;", "escape r"),
            ("create trigger r after insert on t begin delete from u; end;\n.shell ls", "escape r, escape ls"),
            (".quit\ndrop table a;", ""),
            ("delete from \"t\nwhere\";", "destroy t\nwhere"),
        ]);
    }

    #[test]
    fn dot_commands_are_known_by_any_beginning() {
        check(&[
            (".tables", ""),
            (".schema t", ""),
            (".dump", ""),
            (".mode csv\n.headers on\n.width 5", ""),
            (".shell rm -rf x", "escape rm -rf x"),
            (".sh ls", "escape ls"),
            (".sy ls", "escape ls"),
            (".s ls", "write ls, unknown .selftest, escape ls"),
            (".output out.txt", "write out.txt"),
            (".output", ""),
            (".once '|sh -c x'", "escape sh -c x"),
            (".output |sh", "escape sh"),
            (".once -e", "escape -e"),
            (".read s.sql", "destroy included"),
            (".read '|cat x'", "escape cat x"),
            (".read nowhere.sql", "unknown nowhere.sql"),
            (".read loop.sql", "unknown loop.sql"),
            (".import a.csv t", "write t"),
            (".import '|cat x' t", "escape cat x"),
            (".backup b.db", "write b.db"),
            (".backup main there.db", "destroy there.db"),
            (".save there.db", "destroy there.db"),
            (".restore x.db", "destroy x.db"),
            (".clone b.db", "write b.db"),
            (".open --new there.db", "destroy there.db"),
            (".open other.db", ""),
            (".load x.so", "escape x.so"),
            (".excel", "escape .excel"),
            (".log out.txt", "write out.txt"),
            (".log off", ""),
            (".parameter set :a 5", ""),
            (".parameter set :a \"(select writefile('x', 1))\"", "write x"),
            (".parameter set :a \"1); drop table x; --\"", "unknown .parameter"),
            (".archive -x", "unknown .archive"),
            (".filectrl x", "unknown .filectrl"),
            (".nobody", "unknown .nobody"),
        ]);
    }
}
