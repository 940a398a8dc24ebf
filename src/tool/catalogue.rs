//! The tools that are known: those compiled in, and those of the system's folder.
//!
//! The shipped files are turned into compact tables by `build.rs`; a TOML file is parsed at start only for a tool that
//! the system's folder has, and only the called one.

use super::argv;
use super::schema::{Loss, Tool};
use crate::call::Call;
use crate::profile::Profile;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

include!(concat!(env!("OUT_DIR"), "/catalogue.rs"));

/// Where a system's own shim files stand. One file a name: `/etc/sprag/shims/<name>.toml`.
const SYSTEM: &str = "/etc/sprag/shims";

/// A shim file that cannot be used.
#[derive(Debug)]
pub enum ShimError {
    /// It cannot be read, or is not the system's own.
    File(PathBuf, String),
    /// It does not say what a shim file must say.
    Content(String),
    /// The table compiled in is broken: a bug.
    Table(String),
}

impl fmt::Display for ShimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ShimError::File(path, why) => write!(f, "{}: {why}", path.display()),
            ShimError::Content(message) => f.write_str(message),
            ShimError::Table(name) => write!(f, "the table of `{name}` in this binary cannot be read; install sprag again"),
        }
    }
}

/// Every name a link is made for by default, sorted.
pub fn names() -> impl Iterator<Item = &'static str> {
    TOOLS.iter().filter(|(_, _, linked)| *linked).map(|(name, _, _)| *name)
}

/// Every name of a shipped tool whose walls fit.
pub fn with_walls(fit: impl Fn(&Profile) -> bool) -> BTreeSet<String> {
    let fits = |table: &[u8]| postcard::from_bytes::<Packed<'_>>(table).is_ok_and(|packed| fit(&packed.tool.profile));
    TOOLS.iter().filter(|(_, table, _)| fits(table)).map(|(name, _, _)| (*name).to_owned()).collect()
}

/// Every name that a shipped file has, sorted; those without a link too.
pub fn all_names() -> impl Iterator<Item = &'static str> {
    TOOLS.iter().map(|(name, _, _)| *name)
}

/// Whether a shim has this name.
pub fn is_known(name: &str) -> bool {
    TOOLS.binary_search_by_key(&name, |(n, _, _)| n).is_ok() || system_file(name).is_some()
}

/// A shipped tool as `build.rs` packs it: its commands apart, each with its path in front, so that a start reads only
/// those the call can mean. Reading all of aws's costs a millisecond.
#[derive(Deserialize)]
struct Packed<'a> {
    tool: Tool,
    #[serde(borrow)]
    commands: Vec<(&'a str, &'a [u8])>,
    losses: &'a [u8],
}

/// What changes in a plan of this tool lose: the shipped rows, then the system's.
///
/// # Errors
/// When a file or table cannot be used.
pub fn losses(name: &str) -> Result<Vec<Loss>, ShimError> {
    let mut losses = Vec::new();
    if let Some(table) = table(name) {
        let rows = postcard::from_bytes::<Packed<'_>>(table).and_then(|packed| postcard::from_bytes(packed.losses));
        let rows: Vec<Loss> = rows.map_err(|_| ShimError::Table(name.to_owned()))?;
        losses.extend(rows);
    }
    if let Some(path) = system_file(name) {
        losses.extend(from_system(&path, name)?.loss);
    }
    Ok(losses)
}

fn table(name: &str) -> Option<&'static [u8]> {
    let at = TOOLS.binary_search_by_key(&name, |(n, _, _)| n).ok()?;
    TOOLS.get(at).map(|(_, table, _)| *table)
}

/// The shipped tool of this name, with those commands whose every path word stands among `words`; with all where no words
/// are given.
fn shipped(name: &str, words: Option<&[String]>) -> Option<Result<Tool, ShimError>> {
    Some(unpack(table(name)?, words).map_err(|_| ShimError::Table(name.to_owned())))
}

fn unpack(table: &[u8], words: Option<&[String]>) -> Result<Tool, postcard::Error> {
    let packed: Packed<'_> = postcard::from_bytes(table)?;
    let mut tool = packed.tool;
    for (path, command) in packed.commands {
        let meant = words.is_none_or(|words| path.split(' ').all(|part| part.is_empty() || stands_in(part, words)));
        if meant {
            tool.command.push(postcard::from_bytes(command)?);
        }
    }
    Ok(tool)
}

fn stands_in(part: &str, words: &[String]) -> bool {
    words.iter().any(|w| argv::is_word(part, w))
}

fn system_file(name: &str) -> Option<PathBuf> {
    let plain = !name.is_empty() && !name.starts_with('.') && !name.contains('/');
    let path = Path::new(SYSTEM).join(format!("{name}.toml"));
    (plain && path.exists()).then_some(path)
}

/// Reads a shim file of the system layer.
fn from_system(path: &Path, name: &str) -> Result<Tool, ShimError> {
    let fail = |why: String| ShimError::File(path.to_owned(), why);
    crate::place::trusted(path, 0).map_err(|e| fail(e.to_string()))?;
    let text = crate::place::read_own(path).map_err(|e| fail(format!("cannot be read: {e}")))?;
    let tool = parse(&text, &path.display().to_string())?;
    if tool.names.iter().any(|n| n == name) { Ok(tool) } else { Err(fail(format!("its `names` do not hold `{name}`"))) }
}

/// Parses a shim file; `file` stands at the front of every message.
///
/// # Errors
/// `file:line:column: why`, the line itself and a caret.
pub fn parse(text: &str, file: &str) -> Result<Tool, ShimError> {
    let tool: Tool = toml::from_str(text).map_err(|e| ShimError::Content(crate::place::cite(file, text, &e)))?;
    check(&tool).map_err(|why| ShimError::Content(format!("{file}:1:1: {why}")))?;
    Ok(tool)
}

/// What a type cannot say: a command needs a path unless it is the only one.
fn check(tool: &Tool) -> Result<(), String> {
    if tool.names.is_empty() {
        return Err("`names` is empty; name the tool".to_owned());
    }
    let undecided = |l: &&Loss| l.attribute.is_some() == (l.is.is_empty() && !l.absent && !l.shrinks);
    if let Some(loss) = tool.loss.iter().find(undecided) {
        return Err(format!("the loss `{}` needs an `attribute` and a value of it, or neither", loss.note));
    }
    if let Some(part) = tool.command.iter().flat_map(|c| &c.path).find(|part| part.contains(' ')) {
        return Err(format!("the word `{part}` of a path holds a blank; give each word by itself"));
    }
    let bare = tool.command.iter().filter(|c| c.path.is_empty()).count();
    if bare > 0 && tool.command.len() > 1 {
        return Err("a command without a `path` must be the only one; give it a path".to_owned());
    }
    Ok(())
}

/// Everything known about the tool of this name: the shipped file first, then the system's, which can only tighten.
///
/// # Errors
/// When a file or table cannot be used; the call must then not run.
pub fn find(name: &str) -> Result<Vec<Tool>, ShimError> {
    all(name, None)
}

/// The same, with no other commands than those `call` can mean.
///
/// # Errors
/// As [`find`].
pub fn find_for(name: &str, call: &Call) -> Result<Vec<Tool>, ShimError> {
    // Words can also come from variables; those that name no variable of that kind are the whole line.
    let from_variables = call.env.keys().any(|k| k.to_string_lossy().contains("_CLI_ARGS"));
    let words = call.words();
    all(name, (!from_variables).then_some(words.as_slice()))
}

fn all(name: &str, words: Option<&[String]>) -> Result<Vec<Tool>, ShimError> {
    let mut tools = Vec::new();
    if let Some(tool) = shipped(name, words) {
        tools.push(tool?);
    }
    if let Some(path) = system_file(name) {
        tools.push(from_system(&path, name)?);
    }
    Ok(tools)
}
