//! Patterns of an ignore file that a call itself gives, as `git clean --exclude` takes them.

use gix::bstr::ByteSlice;
use gix::glob::pattern::Case;
use gix::ignore::Search;
use gix::ignore::search::Ignore;
use std::path::Path;

/// What the patterns of a call say of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excluded {
    /// It is left out, with all below it.
    Yes,
    /// A `!pattern` takes it in again.
    TakenIn,
    /// Nothing.
    Unsaid,
}

/// Patterns that a call gives.
#[derive(Debug)]
pub struct Exclude {
    search: Search,
    /// Patterns that are not surely understood, and so say nothing.
    pub unclear: bool,
    /// There is a `!pattern`.
    pub takes_in: bool,
    /// There is one without `!`.
    pub leaves_out: bool,
}

impl Exclude {
    /// The patterns of a call, the last first to count.
    pub fn of<'p>(patterns: impl Iterator<Item = &'p str>) -> Exclude {
        let all: Vec<&str> = patterns.collect();
        let clear: Vec<&str> = all.iter().copied().filter(|p| is_clear(p)).collect();
        let inverted = |p: &&str| p.starts_with('!');
        Exclude {
            unclear: clear.len() < all.len(),
            takes_in: all.iter().any(inverted),
            leaves_out: !all.iter().all(inverted),
            search: Search::from_overrides(clear, Ignore { support_precious: false }),
        }
    }

    /// What they say of `inside`, seen from the root of the worktree. What a folder on its way says stands for all below it.
    pub fn says(&self, inside: &Path, is_folder: bool) -> Excluded {
        let mut ancestors: Vec<&Path> = inside.ancestors().filter(|a| !a.as_os_str().is_empty()).collect();
        ancestors.reverse();
        for path in ancestors {
            let itself = path == inside;
            let name = path.as_os_str().as_encoded_bytes().as_bstr();
            let found = self.search.pattern_matching_relative_path(name, Some(!itself || is_folder), Case::Sensitive);
            match found.map(|found| found.pattern.is_negative()) {
                Some(false) => return Excluded::Yes,
                Some(true) if itself => return Excluded::TakenIn,
                Some(true) | None => {}
            }
        }
        Excluded::Unsaid
    }
}

/// Names, `*` and slashes mean the same to whoever reads them. A pattern that is not understood could also be one that takes in.
fn is_clear(pattern: &str) -> bool {
    let name = pattern.strip_prefix('!').unwrap_or(pattern);
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-+@*/".contains(c);
    !name.is_empty() && name.chars().all(plain) && !name.contains("**")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_say_what_is_left_out() {
        let says = |patterns: &[&str], path: &str| Exclude::of(patterns.iter().copied()).says(Path::new(path), false);
        for (patterns, path, said) in [
            (&[".env"][..], ".env", Excluded::Yes),
            (&[".env"], "d/.env", Excluded::Yes),
            (&["/.env"], "d/.env", Excluded::Unsaid),
            (&["*.key"], "d/a.key", Excluded::Yes),
            (&["d"], "d/e/f", Excluded::Yes),
            (&["d/"], "d/e/f", Excluded::Yes),
            (&["f/"], "d/e/f", Excluded::Unsaid),
            (&["d/f"], "e/d/f", Excluded::Unsaid),
            (&["/d/*"], "d/f", Excluded::Yes),
            (&["!.env"], "d/.env", Excluded::TakenIn),
            (&["f*", "!fo"], "fo", Excluded::TakenIn),
            (&["!fo", "f*"], "fo", Excluded::Yes),
            (&["d", "!f"], "d/f", Excluded::Yes),
            (&["!d"], "d/f", Excluded::Unsaid),
            (&["**/f", "[f]", "#f", "f\\", "f ", "!"], "f", Excluded::Unsaid),
        ] {
            assert_eq!(says(patterns, path), said, "{patterns:?} {path}");
        }
        let given = Exclude::of(["[a]", "!b"].into_iter());
        assert!(given.unclear && given.takes_in && given.leaves_out);
        let none = Exclude::of([].into_iter());
        assert!(!(none.unclear || none.takes_in || none.leaves_out));
    }
}
