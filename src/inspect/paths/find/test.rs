//! Tests of one file. What is not looked at here, or is not the same in every find, may hold.

use super::pattern::Pattern;
use super::truth::Truth;
use std::fs::Metadata;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

/// A file that find comes to.
#[derive(Debug)]
pub(super) struct File {
    /// Where it lies.
    pub(super) path: PathBuf,
    /// How find prints it: from the start word on.
    pub(super) printed: String,
    /// How deep below the start.
    pub(super) depth: usize,
    pub(super) metadata: Metadata,
}

impl File {
    /// Its name; of a start it is the word's: `.` is called `.`.
    fn name(&self) -> &str {
        let printed = self.printed.trim_end_matches('/');
        if printed.is_empty() { "/" } else { printed.rsplit('/').next().unwrap_or(printed) }
    }
}

/// What a file is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Test {
    /// The same of every file.
    Always(Truth),
    Name(Pattern),
    Path(Pattern),
    /// One of these letters; with a link followed.
    Kind(String, bool),
    Empty,
    /// More bytes than these.
    Larger(u64),
    /// Exactly so many.
    Bytes(u64),
}

impl Test {
    /// The test of this word; it may hold where it is not one of those that are looked at.
    pub(super) fn of(word: &str, value: &str) -> Test {
        match word {
            "-name" => Test::Name(Pattern::new(value, false)),
            "-iname" => Test::Name(Pattern::new(value, true)),
            "-path" | "-wholename" => Test::Path(Pattern::new(value, false)),
            "-ipath" | "-iwholename" => Test::Path(Pattern::new(value, true)),
            "-type" => Test::Kind(value.to_owned(), false),
            "-xtype" => Test::Kind(value.to_owned(), true),
            "-empty" => Test::Empty,
            "-size" => size(value).unwrap_or(Test::Always(Truth::Maybe)),
            "-false" => Test::Always(Truth::No),
            _ if ALWAYS.contains(&word) => Test::Always(Truth::Yes),
            _ => Test::Always(Truth::Maybe),
        }
    }

    pub(super) fn holds(&self, file: &File) -> Truth {
        match self {
            Test::Always(truth) => *truth,
            Test::Name(pattern) => pattern.fits(file.name()),
            Test::Path(pattern) => pattern.fits(&file.printed),
            Test::Kind(letters, false) => is_kind(letters, &file.metadata),
            Test::Kind(letters, true) => is_followed_kind(letters, &file.path),
            Test::Empty => is_empty(file),
            Test::Larger(bytes) => Truth::of(file.metadata.len() > *bytes),
            Test::Bytes(bytes) => Truth::of(file.metadata.len() == *bytes),
        }
    }
}

/// Options, which hold of every file.
const ALWAYS: [&str; 14] = [
    "-true",
    "-depth",
    "-d",
    "-follow",
    "-mount",
    "-xdev",
    "-noleaf",
    "-daystart",
    "-warn",
    "-nowarn",
    "-maxdepth",
    "-mindepth",
    "-regextype",
    "-ignore_readdir_race",
];

/// The letter of `-type`; nothing where it cannot be said.
fn letter(metadata: &Metadata) -> Option<char> {
    let kind = metadata.file_type();
    [
        (kind.is_file(), 'f'),
        (kind.is_dir(), 'd'),
        (kind.is_symlink(), 'l'),
        (kind.is_fifo(), 'p'),
        (kind.is_socket(), 's'),
        (kind.is_block_device(), 'b'),
        (kind.is_char_device(), 'c'),
    ]
    .into_iter()
    .find_map(|(is, letter)| is.then_some(letter))
}

/// Whether it is of one of the kinds `f,d,l`.
fn is_kind(letters: &str, metadata: &Metadata) -> Truth {
    let known = letters.split(',').all(|l| l.len() == 1 && "fdlpsbc".contains(l));
    match letter(metadata).filter(|_| known) {
        Some(own) => Truth::of(letters.contains(own)),
        None => Truth::Maybe,
    }
}

/// The same of what a link leads to; one that leads nowhere is a link.
fn is_followed_kind(letters: &str, path: &Path) -> Truth {
    path.metadata().map_or(Truth::Maybe, |metadata| is_kind(letters, &metadata))
}

fn is_empty(file: &File) -> Truth {
    if file.metadata.is_dir() {
        return file.path.read_dir().map_or(Truth::Maybe, |mut entries| Truth::of(entries.next().is_none()));
    }
    Truth::of(file.metadata.is_file() && file.metadata.len() == 0)
}

/// `+10M`, `-size 0`, `-size 5c`; whether a unit that is begun counts is not the same everywhere where it matters.
fn size(value: &str) -> Option<Test> {
    let (more, rest) = value.strip_prefix('+').map_or((false, value), |rest| (true, rest));
    let (digits, unit) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
    let unit: u64 = match unit {
        "" | "b" => 512,
        "c" => 1,
        "k" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        _ => return None,
    };
    let bytes = digits.parse::<u64>().ok()?.checked_mul(unit)?;
    match more {
        true => Some(Test::Larger(bytes)),
        false if unit == 1 || bytes == 0 => Some(Test::Bytes(bytes)),
        false => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &Path, printed: &str) -> File {
        let metadata = path.symlink_metadata().unwrap();
        File { path: path.to_path_buf(), printed: printed.to_owned(), depth: 0, metadata }
    }

    #[test]
    fn a_file_is_called_by_the_word_that_leads_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let names = [(".", "."), ("a/b", "b"), ("a//", "a"), ("/", "/"), ("..", ".."), ("./x/.y", ".y")];
        for (printed, name) in names {
            assert_eq!(file(folder.path(), printed).name(), name);
        }
    }

    #[test]
    fn a_test_holds_does_not_or_may() {
        let folder = tempfile::tempdir().unwrap();
        let (one, none, link) = (folder.path().join("one"), folder.path().join("none"), folder.path().join("link"));
        std::fs::write(&one, "text").unwrap();
        std::fs::write(&none, "").unwrap();
        std::os::unix::fs::symlink("one", &link).unwrap();
        let asked = |path: &Path, word, value| Test::of(word, value).holds(&file(path, "./x"));
        for (path, word, value, truth) in [
            (&one, "-type", "f", Truth::Yes),
            (&one, "-type", "d,l", Truth::No),
            (&one, "-type", "D", Truth::Maybe),
            (&one, "-type", "fd", Truth::Maybe),
            (&link, "-type", "l", Truth::Yes),
            (&link, "-type", "f", Truth::No),
            (&link, "-xtype", "f", Truth::Yes),
            (&one, "-xtype", "l", Truth::No),
            (&one, "-empty", "", Truth::No),
            (&none, "-empty", "", Truth::Yes),
            (&one, "-size", "+1M", Truth::No),
            (&one, "-size", "+3c", Truth::Yes),
            (&one, "-size", "4c", Truth::Yes),
            (&one, "-size", "-1M", Truth::Maybe),
            (&one, "-size", "1", Truth::Maybe),
            (&none, "-size", "0", Truth::Yes),
            (&link, "-size", "3c", Truth::Yes),
            (&one, "-path", "./*", Truth::Yes),
            (&one, "-wholename", "./y", Truth::No),
            (&one, "-regex", ".*", Truth::Maybe),
            (&one, "-mtime", "+7", Truth::Maybe),
            (&one, "-false", "", Truth::No),
            (&one, "-true", "", Truth::Yes),
        ] {
            assert_eq!(asked(path, word, value), truth, "{word} {value} of {}", path.display());
        }
    }
}
