//! A prompt on the terminal: opened fresh, flushed, default no.

use super::Question;
use crate::sys;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::os::fd::AsFd;

/// The answer to a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// The person typed what was asked for.
    Yes,
    /// Anything else, an end of input too.
    No,
}

/// The terminal a person sits at.
#[derive(Debug)]
pub struct Terminal(File);

impl Terminal {
    /// The caller's terminal, if a person can be asked there: standard input and error are terminals, and our group is in
    /// the foreground. Under an agent's own screen the terminal is the agent's.
    pub fn of_the_caller() -> Option<Terminal> {
        if io::stdin().is_terminal() && io::stderr().is_terminal() { Terminal::open() } else { None }
    }

    /// The controlling terminal, when our group is in its foreground.
    pub fn open() -> Option<Terminal> {
        let file = OpenOptions::new().read(true).write(true).open("/dev/tty").ok()?;
        sys::in_foreground(file.as_fd()).then_some(Terminal(file))
    }

    /// Puts the question. What was typed before it is thrown away.
    pub fn ask(&mut self, question: &Question<'_>) -> Asked {
        let prompt = match question.name_to_type {
            Some(name) => format!("{}\n  to go on type the name `{name}`, anything else stops: ", question.text),
            None => format!("{}\n  go on? [y/N] ", question.text),
        };
        sys::flush_input(self.0.as_fd());
        if self.0.write_all(prompt.as_bytes()).is_err() {
            return Asked::No;
        }
        let mut answer = String::new();
        if BufReader::new(&self.0).read_line(&mut answer).is_err() {
            return Asked::No;
        }
        let answer = answer.trim_end_matches(['\n', '\r']);
        let yes = match question.name_to_type {
            Some(name) => answer == name,
            None => matches!(answer, "y" | "Y" | "yes"),
        };
        if yes { Asked::Yes } else { Asked::No }
    }
}
