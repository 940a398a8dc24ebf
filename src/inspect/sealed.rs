//! Files given by name: the tool reads the very bytes that were judged, from a sealed file in memory.
//!
//! This module must not know what the bytes mean.

use super::Findings;
use crate::tool::Reading;
use crate::verdict::Sift;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::sync::Arc;

/// Puts `sealed` in the place of the file that `flag` names `name`; the path by which the tool reads it. Words of `reading` stay in
/// their order, and new ones may stand in front of them alone.
pub(super) fn put(reading: &Reading<'_>, flag: &str, name: &str, sealed: OwnedFd, findings: &mut Findings) -> String {
    let path = format!("/proc/self/fd/{}", sealed.as_raw_fd());
    let argv = findings.rewrite.argv.get_or_insert_with(|| reading.argv());
    let added = argv.len().saturating_sub(reading.words.len());
    for at in reading.parsed.flags.iter().filter(|f| f.name == flag).filter_map(|f| f.at.last()) {
        let Some(word) = argv.get_mut(added + at) else { continue };
        if let Some(before) = before_name(word, name) {
            *word = OsString::from_vec([before.as_slice(), path.as_bytes()].concat());
        }
    }
    findings.rewrite.keep.push(Arc::new(sealed));
    path
}

/// What stands before a file's name in its word: nothing, or its flag.
fn before_name(word: &OsStr, name: &str) -> Option<Vec<u8>> {
    let flag = word.as_bytes().strip_suffix(name.as_bytes())?;
    let is_flag = flag.is_empty() || (flag.starts_with(b"-") && (flag.ends_with(b"=") || flag.ends_with(b"f")));
    is_flag.then(|| flag.to_vec())
}

/// Names files in a tool's messages as the caller named them.
#[derive(Debug)]
pub(super) struct Named {
    /// What is there, and what is to be.
    names: Vec<(String, String)>,
    held: Vec<u8>,
}

impl Named {
    /// For these paths and the names that they stand for.
    pub(super) fn new(names: Vec<(String, String)>) -> Named {
        Named { names, held: Vec::new() }
    }
}

impl Sift for Named {
    fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(bytes);
        // A path may go on in what comes next, a digit behind it too; no path of these goes on behind the end of a line.
        let end = self.held.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let rest = self.held.split_off(end);
        let text = std::mem::replace(&mut self.held, rest);
        self.named(&text)
    }

    fn end(&mut self) -> Vec<u8> {
        let text = std::mem::take(&mut self.held);
        self.named(&text)
    }
}

impl Named {
    fn named(&self, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.first() {
            let found = self.names.iter().find(|(path, _)| {
                let behind = rest.strip_prefix(path.as_bytes());
                behind.is_some_and(|behind| !behind.first().is_some_and(u8::is_ascii_digit))
            });
            let taken = match found {
                Some((path, name)) => {
                    out.extend_from_slice(name.as_bytes());
                    path.len()
                }
                None => {
                    out.push(*first);
                    1
                }
            };
            rest = rest.get(taken..).unwrap_or_default();
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_behind_every_form_of_its_flag() {
        for (word, flag) in [
            ("a.sql", Some("")),
            ("--file=a.sql", Some("--file=")),
            ("-fa.sql", Some("-f")),
            ("-Xfa.sql", Some("-Xf")),
            ("xa.sql", None),
            ("-da.sql", None),
        ] {
            let found = before_name(OsStr::new(word), "a.sql").map(|f| String::from_utf8(f).unwrap());
            assert_eq!(found.as_deref(), flag, "{word}");
        }
    }

    #[test]
    fn a_file_is_named_as_it_was_typed_however_the_bytes_come() {
        let text = "error: error parsing /proc/self/fd/7: bad\nno \"/proc/self/fd/71\", /proc/self/fd/7";
        let expected = "error: error parsing a b.yaml: bad\nno \"/proc/self/fd/71\", a b.yaml";
        for size in [1, 2, 7, 1000] {
            let mut sift = Named::new(vec![("/proc/self/fd/7".to_owned(), "a b.yaml".to_owned())]);
            let mut out: Vec<u8> = text.as_bytes().chunks(size).flat_map(|c| sift.pass(c)).collect();
            out.extend(sift.end());
            assert_eq!(String::from_utf8(out).unwrap(), expected, "in {size}s");
        }
    }
}
