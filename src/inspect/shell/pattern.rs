//! Patterns in words of shell text, and the files that they stand for.

use std::path::Path;

/// Stands for a `*` that is a pattern.
pub(super) const ANY: char = '\u{e000}';
/// Stands for a `?` that is a pattern.
pub(super) const ONE: char = '\u{e001}';
/// A word that stands for more is not filled in.
pub(super) const MOST_FIELDS: usize = 256;

/// A pattern as it stands.
pub(super) fn unmarked(text: &str) -> String {
    text.replace(ANY, "*").replace(ONE, "?")
}

/// The names that a pattern of the shell stands for, from `cwd`: with `*` and `?` alone, as [`ANY`] and [`ONE`]
/// mark them. `None` where that is not sure.
pub(super) fn matches(pattern: &str, cwd: &Path) -> Option<Vec<String>> {
    let odd = pattern.split('/').any(|part| part.contains([ANY, ONE]) && (part.starts_with('.') || part.contains("**")));
    if odd || pattern.ends_with('/') || pattern.contains(&format!("{ANY}{ANY}")) {
        return None;
    }
    let mut wanted = String::new();
    if !pattern.starts_with('/') {
        wanted = glob::Pattern::escape(cwd.to_str()?) + "/";
    }
    for letter in pattern.chars() {
        match letter {
            ANY => wanted.push('*'),
            ONE => wanted.push('?'),
            letter => wanted.push_str(&glob::Pattern::escape(letter.encode_utf8(&mut [0; 4]))),
        }
    }
    let options =
        glob::MatchOptions { require_literal_leading_dot: true, require_literal_separator: true, case_sensitive: true };
    let mut found = Vec::new();
    for path in glob::glob_with(&wanted, options).ok()? {
        let path = path.ok()?;
        let named = if pattern.starts_with('/') { path.as_path() } else { path.strip_prefix(cwd).ok()? };
        let dot = if pattern.starts_with("./") { "./" } else { "" };
        found.push(format!("{dot}{}", named.display()));
        if found.len() > MOST_FIELDS {
            return None;
        }
    }
    // What matches nothing stands for itself.
    Some(if found.is_empty() { vec![unmarked(pattern)] } else { found })
}
