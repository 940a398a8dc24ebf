//! The chain: every line holds its number and the hash of the line before, and ends with its own.
//!
//! A line is `{"seq":N,"prev":"…",<fields>,"hash":"…"}`; the hash covers everything before `,"hash"`.

use crate::text::hex;
use sha2::{Digest, Sha256};
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// What stands for the hash before the first line.
const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const HASH_FIELD: &str = ",\"hash\":\"";

/// The end of a record, under the writer's lock.
pub(super) struct Chain<'a> {
    file: &'a File,
    head: File,
    seq: u64,
    last: String,
    length: u64,
    /// How many bytes of an unfinished line were cut off.
    pub(super) cut_off: Option<u64>,
}

impl<'a> Chain<'a> {
    /// Finds the end: by the head file where it fits the record's length, else by the last whole line.
    pub(super) fn open(file: &'a File, head: &Path) -> io::Result<Chain<'a>> {
        let length = file.metadata()?.len();
        let mut head = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(head)?;
        let mut text = String::new();
        head.read_to_string(&mut text)?;
        let known = Head::parse(&text);
        let mut chain = Chain { file, head, seq: 0, last: NOTHING.to_owned(), length, cut_off: None };
        match known {
            Some(known) if known.length == length => (chain.seq, chain.last) = (known.seq, known.hash),
            None if length == 0 => {}
            // A crash between line and head, or somebody's edit: go on from what is there. Numbers the head knows are not
            // given again, so that `verify` finds the gap where lines were cut off.
            known => {
                chain.recover()?;
                chain.seq = chain.seq.max(known.map_or(0, |k| k.seq));
            }
        }
        Ok(chain)
    }

    /// Takes the end from the last whole line, cutting off an unfinished one.
    fn recover(&mut self) -> io::Result<()> {
        let mut file = self.file;
        file.seek(SeekFrom::Start(0))?;
        let (mut whole, mut last) = (0u64, None);
        let mut lines = BufReader::new(file);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line)? > 0 {
            if line.last() == Some(&b'\n') {
                whole += line.len() as u64;
                last = Line::parse(&String::from_utf8_lossy(&line)).map(|l| (l.seq, l.hash.to_owned())).or(last);
            }
            line.clear();
        }
        if whole < self.length {
            self.cut_off = Some(self.length - whole);
            self.file.set_len(whole)?;
            self.length = whole;
        }
        if let Some((seq, hash)) = last {
            (self.seq, self.last) = (seq, hash);
        }
        Ok(())
    }

    /// Writes one line of `fields` (a JSON object) and moves the head.
    pub(super) fn append(&mut self, fields: &str) -> io::Result<()> {
        let inner = fields.strip_prefix('{').and_then(|f| f.strip_suffix('}')).unwrap_or_default();
        let seq = self.seq + 1;
        let body = format!("{{\"seq\":{seq},\"prev\":\"{}\",{inner}", self.last);
        let hash = hex(&Sha256::digest(body.as_bytes()));
        let line = format!("{body}{HASH_FIELD}{hash}\"}}\n");
        let mut file = self.file;
        if let Err(e) = file.write_all(line.as_bytes()) {
            // A full disk takes part of a line; what cannot be whole shall not be there.
            self.file.set_len(self.length)?;
            return Err(e);
        }
        let length = self.length + line.len() as u64;
        if let Err(e) = self.move_head(&Head { seq, hash: hash.clone(), length }) {
            self.file.set_len(self.length)?;
            return Err(e);
        }
        (self.seq, self.last, self.length) = (seq, hash, length);
        Ok(())
    }

    /// Writes the head in place. It is as long as the one before, so a full disk cannot tear it.
    fn move_head(&mut self, head: &Head) -> io::Result<()> {
        self.head.seek(SeekFrom::Start(0))?;
        self.head.write_all(head.to_string().as_bytes())
    }
}

/// The newest line: number, hash, length of the record with it.
struct Head {
    seq: u64,
    hash: String,
    length: u64,
}

impl Head {
    fn parse(text: &str) -> Option<Head> {
        let mut words = text.split_whitespace();
        Some(Head { seq: words.next()?.parse().ok()?, hash: words.next()?.to_owned(), length: words.next()?.parse().ok()? })
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:020} {} {:020}", self.seq, self.hash, self.length)
    }
}

/// A line's own view of its place in the chain.
struct Line<'a> {
    seq: u64,
    prev: &'a str,
    hash: &'a str,
    body: &'a str,
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Option<Line<'a>> {
        let line = line.trim_end_matches('\n');
        let (body, end) = line.rsplit_once(HASH_FIELD)?;
        let rest = body.strip_prefix("{\"seq\":")?;
        let (seq, rest) = rest.split_once(",\"prev\":\"")?;
        let (prev, _) = rest.split_once('"')?;
        Some(Line { seq: seq.parse().ok()?, prev, hash: end.strip_suffix("\"}")?, body })
    }
}

/// Where a record is not what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

/// Checks a record against its chain and its head; returns how many lines there are.
///
/// # Errors
/// The first place where it is not what was written, or an error of reading.
pub fn verify(file: &Path, head: &Path) -> io::Result<Result<usize, Broken>> {
    let broken = |line: usize, why: &str| Ok(Err(Broken { line, why: why.to_owned() }));
    let mut lines = BufReader::new(File::open(file)?);
    let (mut count, mut last, mut text) = (0usize, NOTHING.to_owned(), String::new());
    while lines.read_line(&mut text)? > 0 {
        count += 1;
        let Some(line) = Line::parse(&text) else { return broken(count, "it is no line of the record") };
        if hex(&Sha256::digest(line.body.as_bytes())) != line.hash {
            return broken(count, "it was changed: its hash is another");
        }
        if line.prev != last || line.seq != count as u64 {
            return broken(count, "a line before it was removed, added or moved");
        }
        last = line.hash.to_owned();
        text.clear();
    }
    let head = fs::read_to_string(head).unwrap_or_default();
    match Head::parse(&head) {
        // Not yet written: a writer that died between the very first line and the head leaves none.
        None if count <= 1 && head.is_empty() => Ok(Ok(count)),
        Some(head) if head.seq == count as u64 && head.hash == last => Ok(Ok(count)),
        // A writer that died between the line and the head leaves the head one behind; the chain itself is whole.
        Some(head) if head.seq + 1 == count as u64 => Ok(Ok(count)),
        Some(head) if head.seq > count as u64 => broken(count, "lines after it were cut off"),
        Some(_) | None => broken(count, "the head file names another line as the newest"),
    }
}
