//! Text that came from a call, made harmless to read.
//!
//! This module must not know where the text goes.

/// Characters that no terminal or log may get from a call: control characters, direction overrides, and those that are
/// not seen (Unicode TR 36 and 39).
fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The same text with every hostile character written as `\u{…}`; a line break becomes a space.
pub fn sanitise(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => out.push(' '),
            c if is_hostile(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// The sanitised text in at most `width` characters, the end cut off.
pub fn shorten(text: &str, width: usize) -> String {
    let clean = sanitise(text);
    if clean.chars().count() <= width {
        return clean;
    }
    let mut short: String = clean.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// Bytes as lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, b| {
        // Writing to a string cannot fail.
        let _ = write!(out, "{b:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_shown_and_not_obeyed() {
        assert_eq!(sanitise("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(sanitise("x\u{202e}y\u{200b}"), "x\\u{202e}y\\u{200b}");
        assert_eq!(sanitise("one\ntwo"), "one two");
        assert_eq!(sanitise("größe ok"), "größe ok");
    }

    #[test]
    fn long_text_is_cut_at_a_character() {
        assert_eq!(shorten("äöüß", 3), "äö…");
        assert_eq!(shorten("abc", 3), "abc");
    }
}
