//! An archive that pg_restore would restore into a database: judged by the SQL that pg_restore itself makes of it, with the
//! caller's own choice of entries, before any of it runs.
//!
//! pg_restore sends that SQL without a psql between, so no row of a `COPY` is ever read as a statement.

use super::super::{Findings, Probe, ProbeError, Stdin as Given, Until};
use super::STOP;
use super::psql::{Psql, Stream};
use crate::call::{Call, absolute};
use crate::effect::{Effect, Evidence, Verb};
use crate::text::hex;
use crate::tool::Reading;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An archive in one file of this size is held, so that what was judged is what runs. A larger one, or a folder, is read
/// where it lies.
const MAX_HELD: u64 = 64 << 20;

/// The flags that have no meaning without a database, or another one with a file to write to.
const OF_THE_DATABASE: [&str; 10] = [
    "--dbname",
    "--jobs",
    "--single-transaction",
    "--exit-on-error",
    "--host",
    "--port",
    "--username",
    "--no-password",
    "--password",
    "--role",
];

pub(super) fn inspect(reading: &Reading<'_>, call: &Call, probe: &dyn Probe, findings: &mut Findings) {
    if reading.parsed.values("--dbname").next().is_none() || reading.parsed.is_on("--list") {
        return;
    }
    let held = match held(reading, call, probe, findings) {
        Ok(held) => held,
        Err(why) => {
            findings.effects.push(Effect::new(Verb::Unknown, "archive", Evidence::Stdin).because(why));
            return;
        }
    };
    let path = held.as_ref().map(|file| OsString::from(format!("/proc/self/fd/{}", file.as_raw_fd())));
    let operand = reading.parsed.operands.first().copied();
    let argv = to_standard_output(reading, operand, path.as_ref());
    let keep: Vec<Arc<OwnedFd>> = held.into_iter().collect();
    match probe.read_through(reading, &argv, &keep, Box::new(stream())) {
        Ok(effects) => findings.effects.extend(effects.into_iter().filter(|e| e.verb != Verb::Read)),
        Err(ProbeError::NotAsked) => return,
        Err(ProbeError::Refused(code)) => findings.ended = Some(code),
        Err(ProbeError::Failed(why)) => {
            let note = format!("the archive cannot be read: {why}");
            findings.effects.push(Effect::new(Verb::Unknown, "archive", Evidence::File).because(note));
        }
    }
    findings.evidence = match (keep.first(), operand.and_then(|at| reading.words.get(at))) {
        (Some(file), _) => digest(&[PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))]),
        (None, Some(name)) => digest(&files(&absolute(&call.cwd, Path::new(&name.raw)))),
        (None, None) => String::new(),
    };
    if let (Some(at), Some(path)) = (operand, path) {
        let mut words = reading.argv();
        if let Some(word) = words.get_mut(at) {
            *word = path;
        }
        findings.rewrite.argv = Some(words);
        findings.rewrite.keep.extend(keep);
    }
}

/// The archive in a sealed file, where it is one of a size that is held; else it is read by its name.
///
/// # Errors
/// When it comes on standard input and cannot be held.
fn held(
    reading: &Reading<'_>,
    call: &Call,
    probe: &dyn Probe,
    findings: &mut Findings,
) -> Result<Option<Arc<OwnedFd>>, String> {
    if let Some(name) = reading.operands().first() {
        let file = absolute(&call.cwd, Path::new(name));
        let small = std::fs::metadata(&file).is_ok_and(|m| m.is_file() && m.len() <= MAX_HELD);
        let bytes = small.then(|| crate::place::read(&file).ok()).flatten();
        return Ok(bytes.and_then(|bytes| probe.sealed(&bytes).ok()).map(Arc::new));
    }
    match probe.stdin(Until::End) {
        Ok(Given::Whole(bytes, sealed)) => {
            findings.rewrite.stdin = sealed;
            Ok(probe.sealed(&bytes).ok().map(Arc::new))
        }
        Ok(Given::Begun(_)) => Err(String::from("it comes on standard input; restore it from a file")),
        Err(ProbeError::NotAsked) => Ok(None),
        Err(e) => Err(format!("it comes on standard input, and {e}; restore it from a file")),
    }
}

/// The files that an archive is: itself, or those in its folder, in the order of their names.
fn files(archive: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(archive) else { return vec![archive.to_owned()] };
    let mut files: Vec<PathBuf> = entries.filter_map(Result::ok).map(|e| e.path()).collect();
    files.sort();
    files
}

/// A digest of what `files` hold: what an approval is bound to beside the words. One that cannot be read pg_restore cannot
/// read either.
fn digest(files: &[PathBuf]) -> String {
    let mut digest = Sha256::new();
    for file in files {
        let mut content = Sha256::new();
        if let Ok(file) = crate::place::open(file) {
            let mut reader = BufReader::with_capacity(1 << 16, file);
            while let Ok(bytes @ [_, ..]) = reader.fill_buf() {
                content.update(bytes);
                let length = bytes.len();
                reader.consume(length);
            }
        }
        digest.update(content.finalize());
    }
    hex(&digest.finalize())
}

/// The words that have pg_restore print, in place of run, what it would run.
fn to_standard_output(reading: &Reading<'_>, operand: Option<usize>, path: Option<&OsString>) -> Vec<OsString> {
    let dropped: Vec<usize> = reading
        .parsed
        .flags
        .iter()
        .filter(|f| OF_THE_DATABASE.contains(&f.name.as_str()))
        .flat_map(|f| f.at.iter().copied())
        .collect();
    let mut argv = vec![OsString::from("--file=-")];
    for (at, word) in reading.words.iter().enumerate().filter(|(at, _)| !dropped.contains(at)) {
        argv.push(if Some(at) == operand { path.unwrap_or(&word.raw).clone() } else { word.raw.clone() });
    }
    if let (None, Some(path)) = (operand, path) {
        argv.push(path.clone());
    }
    argv
}

/// A reader of what pg_restore prints.
fn stream() -> Stream {
    let mut nothing = |_: &str, _: bool| None;
    let stops = BTreeMap::from([(STOP.to_owned(), "1".to_owned())]);
    Stream::after(Psql::new(&stops, &mut nothing), Box::new(|_, _| None))
}
