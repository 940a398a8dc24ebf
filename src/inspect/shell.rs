//! Text for a shell: the commands that it would run, each read as a call of its own.
//!
//! The grammar is a library's. What is understood is a positive list; all else, and a text that does not parse, is unknown.

mod builtin;
mod loops;
mod pattern;
mod variables;
mod walk;
mod word;

use super::inner::{Launcher, only};
use super::{Findings, Stdin as Given, Until};
use crate::call::{Stdin, absolute};
use crate::effect::{Effect, Evidence, Verb};
use std::ffi::OsString;
use std::path::Path;

/// A longer text is not read.
const LONGEST: usize = 256 << 10;
/// Brackets nest no deeper in what people write.
const DEEPEST: usize = 200;
/// The stack of the thread that parses: what [`DEEPEST`] needs, several times.
const STACK: usize = 64 << 20;

/// What a shell does with `text`.
pub(super) fn text(text: &str, launcher: &Launcher<'_>) -> Findings {
    if text.len() > LONGEST {
        return unread("the text for a shell is too long to be read");
    }
    if nests_too_deep(text) {
        return unread("the text for a shell nests too deep to be read");
    }
    match parse(text) {
        Some(Ok(nodes)) => walk::walk(&nodes, launcher),
        Some(Err(why)) => unread(&format!("the text for a shell does not parse: {why}")),
        None => unread("the text for a shell cannot be read"),
    }
}

/// Whether brackets nest deeper than the grammar's own stack is sure to hold. What stands in quotes counts too.
fn nests_too_deep(text: &str) -> bool {
    let (mut depth, mut deepest) = (0usize, 0);
    for letter in text.bytes() {
        match letter {
            b'(' | b'{' => depth += 1,
            b')' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest > DEEPEST
}

/// Parses in a thread, whose end by a panic or for want of memory is no end of ours.
fn parse(text: &str) -> Option<Result<Vec<rable::Node>, String>> {
    let text = text.to_owned();
    let parse = move || rable::parse(&text, true).map_err(|e| e.to_string());
    std::thread::Builder::new().stack_size(STACK).spawn(parse).ok()?.join().ok()
}

/// What a shell does with the script that its first operand names; without one, with standard input.
pub(super) fn script(words: &[OsString], launcher: &Launcher<'_>) -> Findings {
    let Some(file) = words.first() else { return input(launcher) };
    if launcher.call.around.away || launcher.away() {
        return unread("the script is no file of this machine");
    }
    let path = absolute(&launcher.call.cwd, Path::new(file));
    match crate::place::read_small(&path) {
        Ok(script) => text(&script, launcher),
        Err(e) => unread(&format!("the script `{}` cannot be read: {e}", path.display())),
    }
}

/// What a shell does that reads its commands from standard input.
fn input(launcher: &Launcher<'_>) -> Findings {
    if launcher.is_last() && !matches!(launcher.stdin(), Stdin::Text(_)) {
        let verb = if launcher.is_fresh() { Verb::Write } else { Verb::Escape };
        return only(Effect::new(verb, "shell", Evidence::Argv).because("it opens a shell"));
    }
    match launcher.input(Until::End) {
        Ok(Given::Whole(bytes, sealed)) => {
            let mut found = text(&String::from_utf8_lossy(&bytes), launcher);
            found.rewrite.stdin = sealed;
            found
        }
        Ok(Given::Begun(_)) | Err(_) => unread("what the shell is given to run cannot be seen"),
    }
}

fn unread(why: &str) -> Findings {
    only(Effect::new(Verb::Unknown, "shell", Evidence::Argv).because(why))
}
