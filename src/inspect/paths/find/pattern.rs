//! Patterns as find compares them (fnmatch without flags): `*` matches `/` and a leading dot too.

use super::truth::Truth;

/// A pattern of `-name`, `-path` or their kin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    text: String,
    /// Upper and lower case are one.
    fold: bool,
}

impl Pattern {
    pub(super) fn new(text: &str, fold: bool) -> Pattern {
        Pattern { text: if fold { text.to_ascii_lowercase() } else { text.to_owned() }, fold }
    }

    /// Whether `text` fits. Which characters of other letters are one, and what lies between two of them, only the locale says.
    pub(super) fn fits(&self, text: &str) -> Truth {
        let plain = !self.fold && !self.text.contains(['?', '[']);
        let unseen = |text: &str| text.contains(char::REPLACEMENT_CHARACTER);
        if unseen(text) || unseen(&self.text) || !(plain || (text.is_ascii() && self.text.is_ascii())) {
            return Truth::Maybe;
        }
        let Some(parts) = parts(&self.text) else { return Truth::Maybe };
        let text = if self.fold { text.to_ascii_lowercase() } else { text.to_owned() };
        if fits(&parts, text.as_bytes()) { Truth::Yes } else { Truth::No }
    }
}

/// A part of a pattern.
#[derive(Debug)]
enum Part<'p> {
    /// `*`.
    Any,
    /// `?`.
    One,
    Byte(u8),
    /// `[…]`, or what is not in it.
    Set(&'p [u8], bool),
}

impl Part<'_> {
    fn is(&self, byte: u8) -> bool {
        match self {
            Part::Any | Part::One => true,
            Part::Byte(own) => *own == byte,
            Part::Set(set, negated) => holds(set, byte) != *negated,
        }
    }
}

/// Whether a set holds `byte`: one by one, or between the ends of `0-9`.
fn holds(set: &[u8], byte: u8) -> bool {
    match set {
        [from, b'-', to, rest @ ..] => (*from..=*to).contains(&byte) || holds(rest, byte),
        [one, rest @ ..] => *one == byte || holds(rest, byte),
        [] => false,
    }
}

/// The parts of a pattern; nothing where it is not surely understood.
fn parts(pattern: &str) -> Option<Vec<Part<'_>>> {
    let mut rest = pattern.as_bytes();
    let mut found = Vec::new();
    while let [first, others @ ..] = rest {
        let (part, behind) = match (first, others) {
            (b'*', _) => (Part::Any, others),
            (b'?', _) => (Part::One, others),
            (b'\\', [next, behind @ ..]) => (Part::Byte(*next), behind),
            (b'\\', []) => return None,
            (b'[', _) => set(others)?,
            (byte, _) => (Part::Byte(*byte), others),
        };
        found.push(part);
        rest = behind;
    }
    Some(found)
}

/// The set that begins here, and what is behind it. Of ranges only those of digits are the same everywhere.
fn set(text: &[u8]) -> Option<(Part<'_>, &[u8])> {
    let (negated, text) = match text {
        [b'!' | b'^', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let end = text.iter().position(|b| *b == b']').filter(|end| *end > 0)?;
    let (inside, behind) = (text.get(..end)?, text.get(end + 1..)?);
    let digits = |window: &[u8]| matches!(window, [b'0'..=b'9', b'-', b'0'..=b'9']);
    let simple = |b: &u8| b.is_ascii_alphanumeric() || b"._-~#+".contains(b);
    let dashes = inside.iter().filter(|b| **b == b'-').count();
    let ranges = inside.windows(3).filter(|w| digits(w)).count();
    (inside.iter().all(simple) && dashes == ranges).then_some((Part::Set(inside, negated), behind))
}

/// Goes back to the last `*` alone, so that no pattern takes long.
fn fits(parts: &[Part<'_>], text: &[u8]) -> bool {
    let (mut part, mut at) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = text.get(at) {
        match parts.get(part) {
            Some(Part::Any) => {
                star = Some((part, at));
                part += 1;
            }
            Some(own) if own.is(*byte) => (part, at) = (part + 1, at + 1),
            _ => match star {
                Some((before, from)) => {
                    star = Some((before, from + 1));
                    (part, at) = (before + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    parts.get(part..).unwrap_or_default().iter().all(|rest| matches!(rest, Part::Any))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_fits_does_not_or_may() {
        let fits = |pattern, text| Pattern::new(pattern, false).fits(text);
        for (pattern, text) in [
            ("*.pyc", "a.pyc"),
            ("*.pyc", ".pyc"),
            ("*.py[co]", "a.pyo"),
            ("*.[!ch]", "a.o"),
            ("a?c", "abc"),
            ("./a/*", "./a/b/c"),
            ("*/m/*.py", "./x/m/y/z.py"),
            ("v[0-9]*", "v1.2"),
            ("[a0-9]x", "7x"),
            (r"\*.x", "*.x"),
            ("*a*b*", "xxaxxbxx"),
            ("*", "ä"),
            ("**", ""),
            ("]", "]"),
        ] {
            assert_eq!(fits(pattern, text), Truth::Yes, "{pattern} {text}");
        }
        for (pattern, text) in [
            ("*.pyc", "a.pyco"),
            ("a", "A"),
            ("*.py[co]", "a.pyd"),
            ("*.[!ch]", "a.c"),
            ("./a/*", "./a"),
            ("a?c", "ac"),
            (r"\*.x", "a.x"),
            ("", "a"),
            ("*.ä", "ö"),
            ("v[0-9]", "v/"),
        ] {
            assert_eq!(fits(pattern, text), Truth::No, "{pattern} {text}");
        }
        for (pattern, text) in [
            ("?", "ä"),
            ("[a-z]", "q"),
            ("[[:digit:]]", "1"),
            ("[ab", "a"),
            ("[]a]", "a"),
            ("a\\", "a"),
            ("[0-]", "-"),
            ("[0-9-a]", "5"),
            ("*", "\u{fffd}"),
            ("\u{fffd}", "a"),
        ] {
            assert_eq!(fits(pattern, text), Truth::Maybe, "{pattern} {text}");
        }
        assert_eq!(Pattern::new("*.JPG", true).fits("a.jpg"), Truth::Yes);
        assert_eq!(Pattern::new("ä*", true).fits("Ä"), Truth::Maybe);
    }
}
