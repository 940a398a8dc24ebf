//! awk: what a program of it starts, loads and writes beside what it prints.
//!
//! Strings, patterns and comments are passed over; what may be a division is not taken for a pattern, so that nothing hides in one.

use super::{Findings, Probe};
use crate::call::Call;
use crate::effect::{Effect, Evidence, Verb};
use crate::tool::Reading;
use std::iter::Peekable;
use std::str::Chars;

/// Flags by which the program comes from elsewhere, and the operands are files; raised by the shim file.
const ELSEWHERE: [&str; 4] = ["--file", "--exec", "--source", "--include"];
/// Files that keep nothing.
const SINKS: [&str; 3] = ["/dev/stderr", "/dev/stdout", "/dev/null"];

pub(super) fn inspect(reading: &Reading<'_>, _: &Call, _: &dyn Probe, findings: &mut Findings) {
    if reading.mild || ELSEWHERE.iter().any(|flag| reading.parsed.is_on(flag)) {
        return;
    }
    let found = reading.operands().first().and_then(|program| deed(program));
    let effect = |note: &str| Effect::new(Verb::Escape, reading.name.clone(), Evidence::Argv).because(note);
    findings.effects.extend(found.map(effect));
}

/// What a program does that is more than to read and print.
fn deed(program: &str) -> Option<&'static str> {
    let mut letters = program.chars().peekable();
    // The last letter that is no blank, and how deep brackets nest since a `print`.
    let (mut before, mut printing) = (None, None::<u32>);
    while let Some(letter) = letters.next() {
        match letter {
            '"' => drop(string(&mut letters)),
            '#' => while letters.next_if(|next| *next != '\n').is_some() {},
            '\\' => drop(letters.next_if_eq(&'\n')),
            '/' if starts_pattern(before) => pattern(&mut letters),
            '@' => return Some("its program loads code, or calls by a name that is not known"),
            '|' if letters.next_if_eq(&'|').is_some() => {}
            '|' => return Some("its program starts others"),
            '>' if printing == Some(0) && !goes_nowhere(&mut letters) => return Some("its program writes files"),
            '(' | '[' => printing = printing.map(|depth| depth + 1),
            ')' | ']' => printing = printing.map(|depth| depth.saturating_sub(1)),
            ';' | '}' | '\n' => printing = None,
            first if first.is_alphabetic() || first == '_' => match word(first, &mut letters).as_str() {
                "system" => return Some("its program starts others"),
                "print" | "printf" => printing = Some(0),
                _ => {}
            },
            _ => {}
        }
        if !letter.is_whitespace() || letter == '\n' {
            before = Some(letter);
        }
    }
    None
}

/// Whether a slash behind this letter begins a pattern: behind what may be a value it divides.
fn starts_pattern(before: Option<char>) -> bool {
    before.is_none_or(|letter| "(,{};!&|~=<>?:\n".contains(letter))
}

fn word(first: char, letters: &mut Peekable<Chars<'_>>) -> String {
    let mut word = String::from(first);
    while let Some(next) = letters.next_if(|next| next.is_alphanumeric() || *next == '_') {
        word.push(next);
    }
    word
}

/// The string up to its closing quote.
fn string(letters: &mut Peekable<Chars<'_>>) -> String {
    let mut text = String::new();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => break,
            '\\' => text.extend(letters.next()),
            _ => text.push(letter),
        }
    }
    text
}

/// Passes over a pattern. In brackets a slash does not end it; what is not closed on its line is none.
fn pattern(letters: &mut Peekable<Chars<'_>>) {
    let mut rest = letters.clone();
    while let Some(letter) = rest.next() {
        match letter {
            '\n' => return,
            '\\' => drop(rest.next()),
            '[' => bracket(&mut rest),
            '/' => {
                *letters = rest;
                return;
            }
            _ => {}
        }
    }
}

/// Passes over what stands in brackets: a closing one that comes first stands for itself, `[:alpha:]` and its kin are one.
fn bracket(letters: &mut Peekable<Chars<'_>>) {
    letters.next_if_eq(&'^');
    letters.next_if_eq(&']');
    while let Some(letter) = letters.next_if(|next| *next != '\n') {
        match letter {
            ']' => return,
            '\\' => drop(letters.next()),
            '[' => {
                let Some(kind) = letters.next_if(|next| ":.=".contains(*next)) else { continue };
                while letters.next_if(|next| *next != '\n').is_some_and(|next| next != kind || letters.peek() != Some(&']'))
                {
                }
                letters.next_if_eq(&']');
            }
            _ => {}
        }
    }
}

/// Whether what is printed goes to a file that keeps nothing.
fn goes_nowhere(letters: &mut Peekable<Chars<'_>>) -> bool {
    while letters.next_if(|next| *next == '>' || next.is_whitespace()).is_some() {}
    letters.next_if_eq(&'"').is_some() && SINKS.contains(&string(letters).as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_reads_and_prints_does_no_more() {
        for program in [
            "{print $5}",
            "$3 > 5 && $4 > 2 || NR == 1 {print $1, ($2 > 3)}",
            "/a|b/ {n++} END {print n/2, n / 3}",
            "{ gsub(/[|/]/, \"|\"); print } # system(\"x\")",
            "BEGIN { s = \"system(1) | > @\"; print s }",
            "{ print \"x\" > \"/dev/stderr\" }",
            "{ if ($1 > 5) print $2; else print $3 }",
            "!seen[$0]++",
            "{ while ((getline line < \"f\") > 0) print line }",
            "{ print \\\n $1 }",
            "/^[[:space:]]+[]|/]/ {print}",
            "{ x = y ? /a|b/ : 1; print(x > 1) }",
        ] {
            assert_eq!(deed(program), None, "{program}");
        }
    }

    #[test]
    fn what_starts_loads_or_writes_is_seen() {
        for program in [
            "BEGIN {system(\"rm -rf /\")}",
            "{print | \"sh\"}",
            "BEGIN {\"id\" | getline x}",
            "BEGIN {\"id\" |& getline x}",
            "{print > \"/etc/hosts\"}",
            "{print $1, $2 >> f}",
            "{print (1)(2) > f}",
            "{printf(\"%s\", $1) > f}",
            "{print > \"/dev/stderr2\"}",
            "@load \"x\"; {print}",
            "BEGIN {f = \"system\"; @f(\"x\")}",
            "BEGIN {x++ / system(\"y\") / 2}",
            "BEGIN {x = 1 / system(\"y\") / 2}",
            "BEGIN {a[1] / system(\"y\") / 2}",
            "# /\nBEGIN {system(\"x\")}",
            "/unclosed\nBEGIN {system(\"x\")} # /",
            "BEGIN {x = \"a\\\"\"; system(\"x\")}",
            "/[/]/ {system(\"x\")}",
            "/[]/]\"/ {system(\"x\")} #\"",
            "/[^]/]\"/ {system(\"x\")} #\"",
            "/[[:alpha:]/]\"/ {system(\"x\")} #\"",
            "/[[:alpha:]]/ {system(\"x\")}",
            "/[[.-.]/]\"/ {system(\"x\")} #\"",
            "{ print \\\n $1 > f }",
        ] {
            assert!(deed(program).is_some(), "{program}");
        }
    }
}
