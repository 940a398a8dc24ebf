//! psql's standard input as it comes: judged line by line, each before it goes on, in bounded memory.
//!
//! psql sends nothing before a statement is complete, so a line can go on as soon as what it completes is judged.

use super::conditions::{Conditions, Sure};
use super::hindsight::Hindsight;
use super::input::{Input, Value, Variables};
use super::lexer::Lexer;
use super::script::Script;
use super::{FIRST_PART, Include, Judged, Psql};
use crate::effect::{Effect, Evidence, Verb};
use crate::inspect::sql::postgres::Judge;
use crate::inspect::{Piece, Reader};
use std::fmt;

/// A line, and a statement that may be none, may be this long.
const LONGEST: usize = 64 << 20;
/// What a script in UTF-8 may begin with.
const BOM: &[u8] = "\u{feff}".as_bytes();
/// What no statement begins with: in place of a text of which is known that the server refuses it.
const REFUSED: &str = "!";

/// Reads an included file, as [`Include`], from the thread that passes the stream on.
pub type Includes = Box<dyn FnMut(&str, bool) -> Option<Vec<u8>> + Send>;

/// What is known of a run of psql between two lines.
struct Kept {
    variables: Variables,
    judge: Judge,
    folder: String,
    lexer: Lexer,
    conditions: Conditions,
    line: usize,
    start: (usize, usize),
    /// How many `COPY`s wait for rows.
    awaits: usize,
    /// How long the buffer was when it was last looked at, and as much again.
    looked_at: usize,
    doubtful: bool,
}

impl Kept {
    /// What one more line does.
    fn line(&mut self, text: &str, include: &mut Include<'_>) -> Vec<Effect> {
        self.with(include, |psql, script| {
            script.lexer.newline();
            let mut input = Input::new(text);
            if script.lexer.buffer.is_empty() {
                script.start = (script.line, input.column());
            }
            psql.line(script, &mut input);
        })
    }

    /// What is sent when the stream ends.
    fn flush(&mut self, include: &mut Include<'_>) -> Vec<Effect> {
        self.with(include, |psql, script| psql.flush(script))
    }

    /// Lets psql go on from where it is.
    fn with(&mut self, include: &mut Include<'_>, step: impl FnOnce(&mut Psql<'_>, &mut Script<'_>)) -> Vec<Effect> {
        let mut script = Script::new("", None);
        script.lexer = std::mem::take(&mut self.lexer);
        script.conditions = std::mem::take(&mut self.conditions);
        (script.line, script.start) = (self.line + 1, self.start);
        let mut psql = Psql {
            variables: std::mem::take(&mut self.variables),
            judge: std::mem::replace(&mut self.judge, Judge::idle()),
            include,
            judged: Judged::default(),
            hindsight: Hindsight::default(),
            around: Sure::Yes,
            sure: true,
            folder: std::mem::take(&mut self.folder),
            depth: 0,
            line: self.line + 1,
            ahead: 0,
            describes: false,
            commands_copy: false,
            awaits: Some(0),
            doubtful: self.doubtful,
            until: None,
            sent: None,
        };
        step(&mut psql, &mut script);
        (self.lexer, self.conditions) = (script.lexer, script.conditions);
        (self.line, self.start) = (script.line, script.start);
        (self.variables, self.judge, self.folder) = (psql.variables, psql.judge, psql.folder);
        self.awaits += psql.awaits.unwrap_or(0);
        psql.hindsight.settle(psql.judged.effects)
    }

    fn is_clean(&self) -> bool {
        self.lexer.is_clean() && self.lexer.buffer.is_empty()
    }
}

/// The stream.
pub struct Stream {
    kept: Kept,
    include: Includes,
    /// The line that is not yet complete.
    part: Vec<u8>,
    /// Lines of a statement that is not yet complete, and what of them is judged: psql would send them at the end of its
    /// input, also at one that is no end.
    held: Piece,
    /// How rows would be read if their `COPY` failed: as statements, beginning with them.
    doubt: Option<Kept>,
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("line", &self.kept.line).finish_non_exhaustive()
    }
}

impl Stream {
    /// Goes on from a run of psql that has judged its start-up files and commands.
    pub fn after(psql: Psql<'_>, include: Includes) -> Stream {
        let kept = Kept {
            variables: psql.variables,
            judge: psql.judge,
            folder: psql.folder,
            lexer: Lexer::default(),
            conditions: Conditions::default(),
            line: 0,
            start: (1, 1),
            awaits: 0,
            looked_at: 0,
            doubtful: false,
        };
        Stream { kept, include, part: Vec::new(), held: Piece::default(), doubt: None }
    }

    fn line(&mut self, line: &[u8]) -> Vec<Effect> {
        let unknown = |note: &str| vec![Effect::new(Verb::Unknown, "stdin", Evidence::Stdin).because(note)];
        if line.len() > LONGEST {
            return unknown("a line is too long to be judged");
        }
        let line = if self.kept.line == 0 { line.strip_prefix(BOM).unwrap_or(line) } else { line };
        let text = match std::str::from_utf8(line.strip_suffix(b"\n").unwrap_or(line)) {
            Ok(text) if !text.contains('\0') => text,
            // psql passes over such bytes in a row, but not over a NUL, at which a line ends for it.
            Err(_) if self.kept.awaits > 0 && self.stops_at_errors() && !line.contains(&0) => return Vec::new(),
            Ok(_) | Err(_) => return unknown("not a text in UTF-8"),
        };
        let was_rows = self.kept.awaits > 0;
        let mut effects = if was_rows { Vec::new() } else { self.kept.line(text, &mut self.include) };
        if was_rows && matches!(text, "\\." | "\\.\r") {
            self.kept.awaits -= 1;
            self.kept.line += 1;
        }
        if was_rows || self.doubt.is_some() {
            effects.extend(self.doubted(text));
        }
        effects
    }

    fn stops_at_errors(&self) -> bool {
        let stop = self.kept.variables.get("ON_ERROR_STOP");
        matches!(stop, Value::Known(value) if Sure::of(value) == Sure::Yes)
    }

    /// What a line would do if the `COPY` before it had failed. Once nothing is open any more, it and the lines after the
    /// rows mean the same again.
    fn doubted(&mut self, text: &str) -> Vec<Effect> {
        if self.stops_at_errors() {
            return Vec::new();
        }
        let kept = &self.kept;
        let doubt = self.doubt.get_or_insert_with(|| Kept {
            variables: kept.variables.clone(),
            judge: Judge::new(),
            folder: kept.folder.clone(),
            lexer: Lexer::default(),
            conditions: Conditions::default(),
            line: kept.line,
            start: (kept.line, 1),
            awaits: 0,
            looked_at: 0,
            doubtful: true,
        });
        let mut found = worse(doubt.line(text, &mut |_, _| None));
        // Its own rows would be those of a statement that failed.
        doubt.awaits = 0;
        if !doubt.stays_short() {
            found.push(Effect::new(Verb::Unknown, "COPY", Evidence::Sql).because("its rows leave a quote open"));
        }
        if self.kept.awaits == 0 && doubt.is_clean() {
            self.doubt = None;
        }
        found
    }
}

impl Reader for Stream {
    // What is no whole line waits for the rest of it.
    fn take(&mut self, bytes: &[u8]) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        for part in bytes.split_inclusive(|b| *b == b'\n') {
            self.part.extend_from_slice(part);
            if !part.ends_with(b"\n") && self.part.len() <= LONGEST {
                break;
            }
            let line = std::mem::take(&mut self.part);
            let effects = self.line(&line);
            self.held.effects.extend(effects);
            self.held.bytes.extend(line);
            if self.held.bytes.len() > LONGEST {
                let effect = Effect::new(Verb::Unknown, "stdin", Evidence::Stdin);
                self.held.effects.push(effect.because("a statement is too long to be judged"));
            } else if !self.kept.lexer.buffer.is_empty() && self.kept.awaits == 0 {
                continue;
            }
            let piece = std::mem::take(&mut self.held);
            match pieces.last_mut().filter(|last| last.effects.is_empty() && piece.effects.is_empty()) {
                Some(last) => last.bytes.extend(piece.bytes),
                None => pieces.push(piece),
            }
        }
        pieces
    }

    // psql sends what is left.
    fn end(&mut self) -> Piece {
        let line = std::mem::take(&mut self.part);
        let mut effects = if line.is_empty() { Vec::new() } else { self.line(&line) };
        if self.kept.awaits == 0 {
            effects.extend(self.kept.flush(&mut self.include));
        }
        if let Some(mut doubt) = self.doubt.take() {
            effects.extend(worse(doubt.flush(&mut |_, _| None)));
        }
        let mut piece = std::mem::take(&mut self.held);
        piece.bytes.extend(line);
        piece.effects.extend(effects);
        piece
    }
}

impl Kept {
    /// Keeps the buffer short where the server would refuse it by its first part, whatever follows; whether it is short.
    fn stays_short(&mut self) -> bool {
        let buffer = &mut self.lexer.buffer;
        if buffer.len() <= self.looked_at.max(FIRST_PART) {
            return true;
        }
        // Looked at again only when it has doubled: what is no error yet may become one.
        self.looked_at = 2 * buffer.len();
        let first = buffer.get(..buffer.floor_char_boundary(FIRST_PART)).unwrap_or_default();
        if buffer.starts_with(REFUSED) || self.judge.refuses(first) {
            buffer.replace_range(.., REFUSED);
            self.looked_at = 0;
        }
        buffer.len() <= LONGEST
    }
}

fn worse(effects: Vec<Effect>) -> Vec<Effect> {
    let note = |e: Effect| {
        let note = format!("a row, read as a statement where its COPY fails; {}", e.note);
        e.because(note.trim_end_matches("; "))
    };
    effects.into_iter().filter(|e| e.verb != Verb::Read).map(note).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn stream() -> Stream {
        let mut nothing = |_: &str, _: bool| None;
        Stream::after(Psql::new(&BTreeMap::new(), &mut nothing), Box::new(|_, _| None))
    }

    /// What a script does when it comes in pieces of `size` bytes; the bytes must all pass, in their order.
    fn shown(text: &str, size: usize) -> String {
        let mut stream = stream();
        let mut pieces: Vec<Piece> = text.as_bytes().chunks(size).flat_map(|c| stream.take(c)).collect();
        pieces.push(stream.end());
        let bytes: Vec<u8> = pieces.iter().flat_map(|p| p.bytes.clone()).collect();
        assert_eq!(String::from_utf8(bytes).unwrap(), text);
        let effects = pieces.into_iter().flat_map(|p| p.effects);
        effects.map(|e| format!("{} {}", e.verb, e.target)).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn a_stream_means_what_a_script_means() {
        for (text, expected) in [
            ("select 1;\ndrop table a", "read (database), destroy a"),
            ("select\n1\n;\n", "read (database)"),
            ("select ';drop table a;\n';\n", "read (database)"),
            ("\\if false\ndrop table a;\n\\endif\nselect 1;\n", "read (database)"),
            ("\\set t users\ndrop table :t;\n", "destroy users"),
            ("create function f() returns int language sql as $$\ndrop table a;\n$$;\n", "write f"),
            ("copy a from stdin;\n1\tx\n2\ty\n\\.\nselect 1;\n", "write a, read (database)"),
            ("\\copy a from stdin\n1\n\\.\ndrop table b;\n", "write a, destroy b"),
            ("begin;\ndelete from a;\ncommit;\n", "read (database), destroy a, read (database)"),
            ("\\! ls\n", "escape ls"),
            ("", ""),
        ] {
            for size in [1, 3, 1000] {
                assert_eq!(shown(text, size), expected, "{text:?} in {size}s");
            }
        }
    }

    #[test]
    fn rows_that_would_be_statements_are_told() {
        assert_eq!(shown("copy a from stdin;\n1;drop table b;\n\\.\n", 9), "write a, destroy b");
        assert_eq!(
            shown("copy a from stdin;\n1\t'\n\\.\nselect '; drop table b; --';\n", 9),
            "write a, read (database), destroy b"
        );
        assert_eq!(shown("copy a from stdin;\nit's\nfine\n\\.\nselect 1;\n", 9), "write a, read (database)");
        assert_eq!(shown("\\set ON_ERROR_STOP 1\ncopy a from stdin;\n1;drop table b;\n\\.\n", 9), "write a");
    }

    #[test]
    fn a_line_goes_on_when_it_is_whole() {
        let mut stream = stream();
        assert!(stream.take(b"select 1").is_empty());
        let pieces = stream.take(b";\nselect");
        assert_eq!((pieces.len(), pieces[0].bytes.as_slice()), (1, b"select 1;\n".as_slice()));
        assert!(stream.take(b" 2\nfrom a\n").is_empty(), "half a statement is held back");
        assert_eq!(stream.end().bytes, b"select 2\nfrom a\n");
    }

    #[test]
    fn rows_of_any_number_need_no_memory() {
        let mut stream = stream();
        stream.take(b"copy a from stdin;\n");
        let rows = b"1\tsome text of a row\n".repeat(1000);
        for _ in 0..500 {
            assert!(stream.take(&rows).iter().all(|p| p.effects.is_empty()));
        }
        assert!(stream.doubt.as_ref().unwrap().lexer.buffer.len() <= 2 * FIRST_PART);
    }

    #[test]
    fn what_cannot_be_read_is_unknown() {
        let mut stream = stream();
        assert_eq!(stream.take(b"select '\xff';\n")[0].effects[0].verb, Verb::Unknown);
    }
}
