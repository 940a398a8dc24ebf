//! Scripts given by name: psql reads the very bytes that were judged, from a sealed file, and names them as they were named.

use super::super::{Findings, Probe, sealed};
use crate::tool::Reading;
use crate::verdict::Sift;

/// How psql begins a message about a script.
const MESSAGE: &str = "psql:";

/// Puts sealed files in the place of the scripts that `-f` names: `texts`, their names and what they were judged to hold, in
/// their order. Nothing is changed where they cannot be made: the words then name paths, as they were typed.
pub(super) fn seal<'t>(
    reading: &Reading<'_>,
    probe: &dyn Probe,
    texts: impl Iterator<Item = (&'t str, &'t [u8])>,
    findings: &mut Findings,
) {
    let mut names = Vec::new();
    for (name, text) in texts {
        let Ok(sealed) = probe.sealed(text) else { continue };
        let path = sealed::put(reading, "--file", name, sealed, findings);
        names.push((format!("{MESSAGE}{path}:").into_bytes(), format!("{MESSAGE}{}:", shown(name)).into_bytes()));
    }
    if !names.is_empty() {
        findings.rewrite.sift_errors = Some(Box::new(Renamed { names, held: Vec::new(), mid_line: false }));
    }
}

/// A script's name as psql shows it (src/port/path.c, `canonicalize_path`): without `.`, doubled slashes, and `..` behind a
/// name.
fn shown(name: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in name.split('/').filter(|p| !p.is_empty() && *p != ".") {
        match (part, parts.last()) {
            ("..", Some(last)) if *last != ".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    let root = if name.starts_with('/') { "/" } else { "" };
    format!("{root}{}", parts.join("/"))
}

/// Names scripts in psql's messages as the caller named them.
#[derive(Debug)]
struct Renamed {
    /// How a line begins, and how it is to begin.
    names: Vec<(Vec<u8>, Vec<u8>)>,
    /// The beginning of a line that may still become one of them.
    held: Vec<u8>,
    /// The beginning of the line has passed.
    mid_line: bool,
}

impl Sift for Renamed {
    fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for piece in bytes.split_inclusive(|b| *b == b'\n') {
            self.held.extend_from_slice(piece);
            if !self.mid_line {
                if self.names.iter().any(|(from, _)| self.held.len() < from.len() && from.starts_with(&self.held)) {
                    continue;
                }
                if let Some((from, to)) = self.names.iter().find(|(from, _)| self.held.starts_with(from)) {
                    self.held.splice(..from.len(), to.iter().copied());
                }
            }
            out.append(&mut self.held);
            self.mid_line = !out.ends_with(b"\n");
        }
        out
    }

    fn end(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_named_as_it_was_typed_however_the_bytes_come() {
        let text = "psql:/proc/self/fd/7:3: ERROR:  no\nDETAIL: psql:/proc/self/fd/7:3:\npsql:/proc/self/fd/71:1: x\nps";
        let expected = "psql:a b.sql:3: ERROR:  no\nDETAIL: psql:/proc/self/fd/7:3:\npsql:/proc/self/fd/71:1: x\nps";
        for size in [1, 2, 7, 1000] {
            let names = vec![(b"psql:/proc/self/fd/7:".to_vec(), b"psql:a b.sql:".to_vec())];
            let mut sift = Renamed { names, held: Vec::new(), mid_line: false };
            let mut out: Vec<u8> = text.as_bytes().chunks(size).flat_map(|c| sift.pass(c)).collect();
            out.extend(sift.end());
            assert_eq!(String::from_utf8(out).unwrap(), expected, "in {size}s");
        }
    }

    #[test]
    fn a_name_is_shown_as_psql_shows_it() {
        for (name, expected) in [
            ("s.sql", "s.sql"),
            ("./s.sql", "s.sql"),
            ("a//b/../s.sql", "a/s.sql"),
            ("../s.sql", "../s.sql"),
            ("/a/./s.sql", "/a/s.sql"),
        ] {
            assert_eq!(shown(name), expected, "{name}");
        }
    }
}
