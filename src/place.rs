//! A place on disk: how one in a file that a person wrote is cited, whose word the file is, and folders of our own.
//!
//! This module must not know what the files say.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Bits of a mode that let somebody else than the owner write.
const OTHERS_WRITE: u32 = 0o022;
/// The sticky bit: in such a folder nobody can replace another's file.
const STICKY: u32 = 0o1000;

/// Line and column (both from 1, the column in characters) of the byte `offset` in `text`.
pub fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = before.matches('\n').count() + 1;
    (line, before.get(line_start..).unwrap_or_default().chars().count() + 1)
}

/// An error at `offset` as `file:line:column: message`, the line itself, and a caret.
pub fn cite_at(file: &str, text: &str, offset: usize, message: &str) -> String {
    let (line, column) = position(text, offset);
    let shown = text.lines().nth(line - 1).unwrap_or_default();
    let mut out = format!("{file}:{line}:{column}: {message}");
    let number = line.to_string();
    // Writing to a string cannot fail.
    let _ = write!(out, "\n  {number} | {shown}\n  {} | {}^", " ".repeat(number.len()), " ".repeat(column - 1));
    out
}

/// A TOML error in the same form.
pub fn cite(file: &str, text: &str, error: &toml::de::Error) -> String {
    let message = error.message().lines().collect::<Vec<_>>().join(", ");
    cite_at(file, text, error.span().map_or(0, |s| s.start), &message)
}

/// Checks, as sudo does for its sudoers, that nobody but root and `owner` can change what `path` says: the file and the
/// folder it stands in.
///
/// # Errors
/// When the file or its folder belongs to, or is writable by, somebody else, or cannot be looked at.
pub fn trusted(path: &Path, owner: u32) -> io::Result<()> {
    let real: PathBuf = fs::canonicalize(path)?;
    let folder = real.parent().unwrap_or(Path::new("/"));
    for (what, sticky_helps) in [(real.as_path(), false), (folder, true)] {
        let meta = fs::metadata(what)?;
        let whose = if owner == 0 { "root".to_owned() } else { format!("root or uid {owner}") };
        if meta.uid() != 0 && meta.uid() != owner {
            let message = format!("{} belongs to uid {}; only {whose} may own it", what.display(), meta.uid());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
        }
        if meta.mode() & OTHERS_WRITE != 0 && !(sticky_helps && meta.mode() & STICKY != 0) {
            let message = format!("{} can be written by others; `chmod go-w` it", what.display());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
        }
    }
    Ok(())
}

/// The text of a file that is small by nature: a policy, a shim file, the name of a branch. What the guarded side put in
/// its place may be a pipe, which would be waited for for ever, or a device without an end.
///
/// # Errors
/// When it is no regular file, is larger than a megabyte, or cannot be read.
pub fn read_small(path: &Path) -> io::Result<String> {
    small(path, open)
}

/// As [`read_small`], of a file that nobody named: by what a tool, or sprag itself, is set up.
///
/// # Errors
/// As there.
pub fn read_own(path: &Path) -> io::Result<String> {
    small(path, |path| fs::File::open(path))
}

fn small(path: &Path, open: impl Fn(&Path) -> io::Result<fs::File>) -> io::Result<String> {
    const MOST: u64 = 1 << 20;
    let meta = fs::metadata(path)?;
    if !meta.is_file() || meta.len() > MOST {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file of at most 1 MiB"));
    }
    let mut text = String::new();
    open(path)?.take(MOST).read_to_string(&mut text)?;
    Ok(text)
}

/// What whoever names files has themselves, by their real paths.
type Has = Box<dyn Fn(&Path) -> bool + Send + Sync>;

static HAS: OnceLock<Has> = OnceLock::new();

/// From now on [`open`] opens only what whoever calls `has`: a guarded session, for which this process reads what it was named.
pub fn open_only(has: impl Fn(&Path) -> bool + Send + Sync + 'static) {
    // Only the first counts; a process reads for one call.
    let _ = HAS.set(Box::new(has));
}

/// Opens a file that the call names, to be read: what it is once it is open, whatever had its name before.
///
/// # Errors
/// What the kernel says; that whoever named it has it not.
pub fn open(path: &Path) -> io::Result<fs::File> {
    let file = fs::File::open(path)?;
    match HAS.get() {
        Some(has) if !is_stream(path) && !has(&fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))?) => {
            Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is nothing that this session has"))
        }
        _ => Ok(file),
    }
}

/// Makes a folder that only its owner can look into.
///
/// # Errors
/// What the kernel says.
pub fn make_private_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    fs::metadata(path).map(|_| ())
}

/// Whether a path names a standard stream of the call, which whoever calls brought themselves, or nothing at all.
pub fn is_stream(path: &Path) -> bool {
    const STREAMS: [&str; 10] = [
        "/dev/null",
        "/dev/stdin",
        "/dev/stdout",
        "/dev/stderr",
        "/dev/fd/0",
        "/dev/fd/1",
        "/dev/fd/2",
        "/proc/self/fd/0",
        "/proc/self/fd/1",
        "/proc/self/fd/2",
    ];
    STREAMS.iter().any(|stream| path.as_os_str() == *stream)
}

/// All that stands in a file that the call names.
///
/// # Errors
/// As [`open`].
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_caret_stands_under_the_place() {
        let cited = cite_at("f.toml", "a = 1\nbc = x\n", 11, "no");
        assert_eq!(cited, "f.toml:2:6: no\n  2 | bc = x\n    |      ^");
    }

    #[test]
    fn a_file_that_others_can_write_is_nobodys_word() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("p.toml");
        fs::write(&file, "").unwrap();
        let owner = fs::metadata(&file).unwrap().uid();
        assert!(trusted(&file, owner).is_ok());
        fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
        assert!(trusted(&file, owner).is_err());
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(trusted(&file, owner).is_err());
    }
}
