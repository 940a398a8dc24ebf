//! Verdicts in words for a person, in JSON for a program. The only module that writes to standard output and error.
//!
//! Every text that came from a call is sanitised. A message never names a way to switch sprag off, nor the path of a
//! real tool: its reader is the one being held.

mod json;
mod trace;
mod words;

pub use json::{refusal_json, verdict_json};
pub use trace::start as start_trace;
pub use words::{Refused, headline, question, refusal, request};

use std::io::{self, Write};

/// Writes lines to standard error; that nobody reads them is no error.
pub fn error(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Writes a line to standard output.
///
/// # Errors
/// When it cannot be written; a broken pipe is the reader's wish and no error.
pub fn out(text: &str) -> io::Result<()> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

/// One line of sprag's own on standard error: a rewrite, a hint.
pub fn note(text: &str) {
    error(&format!("sprag: {text}"));
}

/// Whether the caller asked for one JSON line instead of words (`SPRAG_FORMAT=json`). It changes words only.
pub fn wants_json() -> bool {
    std::env::var_os("SPRAG_FORMAT").is_some_and(|v| v == "json")
}
