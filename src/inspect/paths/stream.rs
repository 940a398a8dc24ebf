//! sed: what a script of it writes and runs, and the files that `-i` edits.

use super::ground::{Ground, Place};
use super::loss::{Act, Judge, shown};
use super::{operands, settle};
use crate::call::{Call, absolute};
use crate::effect::{Effect, Evidence, Verb};
use crate::inspect::inner::Launcher;
use crate::inspect::{Findings, Probe};
use crate::reach::Reach;
use crate::tool::Reading;
use std::ffi::OsStr;
use std::path::Path;

/// What a script does beyond its pattern space.
#[derive(Debug, PartialEq, Eq)]
enum Deed {
    /// Writes the file.
    Writes(String),
    /// Gives this to a shell.
    Runs(String),
    /// Gives what it reads to a shell.
    RunsInput,
    /// Something that is no script.
    Unclear(String),
}

/// sed.
pub(in crate::inspect) fn inspect(reading: &Reading<'_>, call: &Call, probe: &dyn Probe, findings: &mut Findings) {
    let ground = Ground::of(call);
    let judge = Judge::new(&ground);
    let mut files = operands(reading);
    let mut scripts: Vec<String> = reading.parsed.values("--expression").map(str::to_owned).collect();
    let mut effects = Vec::new();
    for file in reading.parsed.values("--file") {
        match crate::place::read_small(&absolute(&call.cwd, Path::new(file))) {
            Ok(text) if !ground.away => scripts.push(text),
            _ => effects.push(Effect::new(Verb::Unknown, file, Evidence::File).because("a script that cannot be read")),
        }
    }
    let named = reading.parsed.flags.iter().any(|f| f.name == "--expression" || f.name == "--file");
    if !named && !files.is_empty() {
        scripts.push(files.remove(0).to_string_lossy().into_owned());
    }
    let launcher = Launcher::new(call, probe, Reach::Path);
    let deeds = if reading.parsed.is_on("--sandbox") { vec![] } else { scripts.iter().flat_map(|s| deeds(s)).collect() };
    for deed in deeds {
        effects.extend(match deed {
            Deed::Writes(file) => judge.one(OsStr::new(&file), Act::Overwrite),
            Deed::Runs(text) => launcher.text(&text).effects,
            Deed::RunsInput => vec![Effect::new(Verb::Escape, "e", Evidence::Argv).because("what it reads is run")],
            Deed::Unclear(at) => {
                let note = format!("`{at}` is no script of sed that is understood");
                vec![Effect::new(Verb::Unknown, at, Evidence::Argv).because(note)]
            }
        });
    }
    if let Some(given) = reading.parsed.flags.iter().rev().find(|f| f.name == "--in-place") {
        // A star stands for the file's own name: `*` alone is no other one.
        let backup = given.values.iter().any(|v| !v.trim_start_matches("./").trim_matches('*').is_empty());
        effects.extend(files.into_iter().flat_map(|file| edited(&judge, file, backup)));
    }
    if effects.is_empty() {
        effects.push(Effect::new(Verb::Read, call.name.clone(), Evidence::Argv));
    }
    settle(reading, call, findings, effects);
}

/// A file that is edited in its place, as an editor does: in the workspace that is a day's work.
fn edited(judge: &Judge<'_>, file: &OsStr, backup: bool) -> Vec<Effect> {
    let (place, path) = judge.ground.place(file, false);
    let of_git = path.components().any(|c| c.as_os_str() == ".git");
    let outside = matches!(place, Place::System | Place::Home | Place::Outside) && !backup;
    if outside || matches!(place, Place::Own | Place::Device) || (place == Place::Inside && of_git) {
        return judge.one(file, Act::Overwrite);
    }
    vec![Effect::new(Verb::Write, shown(file, place, &path), Evidence::Argv).because("edited")]
}

/// Reads a script, one character after the other.
struct Script<'s> {
    rest: std::iter::Peekable<std::str::Chars<'s>>,
}

/// What `script` does beside reading and printing.
fn deeds(script: &str) -> Vec<Deed> {
    let mut script = Script { rest: script.chars().peekable() };
    let mut found = Vec::new();
    loop {
        script.skip(|c| c.is_whitespace() || c == ';' || c == '}' || c == '{');
        if script.rest.peek().is_none() {
            return found;
        }
        match script.command() {
            Ok(deed) => found.extend(deed),
            Err(at) => {
                found.push(Deed::Unclear(at));
                return found;
            }
        }
    }
}

impl Script<'_> {
    fn skip(&mut self, wanted: impl Fn(char) -> bool) {
        while self.rest.next_if(|c| wanted(*c)).is_some() {}
    }

    fn line(&mut self) -> String {
        let mut out = String::new();
        while let Some(c) = self.rest.next_if(|c| *c != '\n') {
            out.push(c);
        }
        out.trim().to_owned()
    }

    /// Up to the next `end` that no backslash and no bracket hides.
    fn part(&mut self, end: char) -> Result<(), String> {
        let mut bracket = 0;
        while let Some(c) = self.rest.next() {
            match c {
                '\\' => drop(self.rest.next()),
                '[' if bracket == 0 && end != '[' => {
                    bracket = 1;
                    self.rest.next_if_eq(&'^');
                    self.rest.next_if_eq(&']');
                }
                ']' if bracket == 1 => bracket = 0,
                _ if c == end && bracket == 0 => return Ok(()),
                _ if c == end && bracket == 1 && !self.closes() => return Ok(()),
                _ => {}
            }
        }
        Err(format!("no `{end}`"))
    }

    /// Whether a bracket that was opened is closed further on.
    fn closes(&self) -> bool {
        self.rest.clone().take_while(|c| *c != '\n').any(|c| c == ']')
    }

    /// The second part of `s`, where brackets mean nothing.
    fn plain_part(&mut self, end: char) -> Result<(), String> {
        while let Some(c) = self.rest.next() {
            match c {
                '\\' => drop(self.rest.next()),
                _ if c == end => return Ok(()),
                _ => {}
            }
        }
        Err(format!("no `{end}`"))
    }

    fn address(&mut self) -> Result<(), String> {
        match self.rest.peek().copied() {
            Some('/') => {
                self.rest.next();
                self.part('/')?;
                self.skip(|c| c == 'I' || c == 'M');
            }
            Some('\\') => {
                self.rest.next();
                let end = self.rest.next().ok_or("\\")?;
                self.part(end)?;
                self.skip(|c| c == 'I' || c == 'M');
            }
            _ => self.skip(|c| c.is_ascii_digit() || c == '$' || c == '~' || c == '+'),
        }
        self.skip(|c| c == ' ');
        if self.rest.next_if_eq(&',').is_some() {
            self.skip(|c| c == ' ');
            return self.address();
        }
        Ok(())
    }

    fn command(&mut self) -> Result<Option<Deed>, String> {
        self.address()?;
        self.skip(|c| c.is_whitespace() || c == '!');
        let Some(command) = self.rest.next() else { return Ok(None) };
        match command {
            '{' | '}' => {}
            '#' | 'r' | 'R' => drop(self.line()),
            ':' => {
                self.skip(|c| c == ' ' || c == '\t');
                self.skip(|c| c != ';' && !c.is_whitespace());
            }
            'a' | 'i' | 'c' => self.text(),
            'b' | 't' | 'T' => self.skip(|c| c != ';' && c != '\n' && c != '}'),
            'w' | 'W' => return Ok(Some(Deed::Writes(self.line()))),
            'e' => {
                let text = self.line();
                return Ok(Some(if text.is_empty() { Deed::RunsInput } else { Deed::Runs(text) }));
            }
            's' => return self.substitute(),
            'y' => {
                let end = self.rest.next().ok_or("y")?;
                self.plain_part(end)?;
                self.plain_part(end)?;
            }
            _ if "dDgGhHlnNpPqQxzF=".contains(command) => self.skip(|c| c.is_ascii_digit() || c == ' '),
            other => return Err(other.to_string()),
        }
        Ok(None)
    }

    /// The text behind `a`, `i` and `c`: to the end of a line that no backslash goes on.
    fn text(&mut self) {
        while let Some(c) = self.rest.next() {
            match c {
                '\\' => drop(self.rest.next()),
                '\n' => return,
                _ => {}
            }
        }
    }

    fn substitute(&mut self) -> Result<Option<Deed>, String> {
        let end = self.rest.next().ok_or("s")?;
        self.part(end)?;
        self.plain_part(end)?;
        let mut runs = false;
        while let Some(flag) = self.rest.next_if(|c| c.is_ascii_alphanumeric()) {
            match flag {
                'e' => runs = true,
                'w' => return Ok(Some(Deed::Writes(self.line()))),
                'g' | 'p' | 'i' | 'I' | 'm' | 'M' | '0'..='9' => {}
                other => return Err(format!("s…{other}")),
            }
        }
        Ok(runs.then_some(Deed::RunsInput))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_that_only_read() {
        for script in [
            "1,20p",
            "s/a/b/g",
            "s|w /etc|e|",
            "/e/d",
            "$!N;s/\\n/ /;P;D",
            "/start/,/end/{s/x/y/;p}",
            "y/abc/xyz/",
            "1~2d",
            ":a;N;$!ba;s/\\n/,/g",
            "/x/a\\\nw file\\\nmore\np",
            "s/[/]/w/",
            "s/[^/]*$//",
            "\\,x,d",
            "2q",
            "a hello e w",
            "s/[[:space:]]*$//",
            "/foo/I,+3 d",
            "0,/re/s//x/",
            "s/\\[/w/",
            "s/a[/b/",
        ] {
            assert_eq!(deeds(script), vec![], "{script}");
        }
    }

    #[test]
    fn scripts_that_write_or_run() {
        assert_eq!(deeds("w out.txt"), vec![Deed::Writes("out.txt".into())]);
        assert_eq!(deeds("/x/s/a/b/gw out"), vec![Deed::Writes("out".into())]);
        assert_eq!(deeds("p;1e id"), vec![Deed::Runs("id".into())]);
        assert_eq!(deeds("s/.*/id/e"), vec![Deed::RunsInput]);
        assert_eq!(deeds("s/a/b/;e"), vec![Deed::RunsInput]);
        assert_eq!(deeds(":a;e id"), vec![Deed::Runs("id".into())]);
        assert_eq!(deeds(":a\nw out"), vec![Deed::Writes("out".into())]);
        assert_eq!(deeds(": a ;N;s/x/y/w out"), vec![Deed::Writes("out".into())]);
        assert!(matches!(deeds("s/a/b")[..], [Deed::Unclear(_)]));
        assert!(matches!(deeds("k")[..], [Deed::Unclear(_)]));
    }
}
