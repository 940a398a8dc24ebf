//! What terraform prints of a plan, as the caller would have seen it from one apply: planned once, nothing about the file.

use crate::verdict::Sift;
use serde_json::Value;

/// How the line begins that names the file.
const SAVED: &str = "Saved the plan to: ";
/// What stands behind it.
const HOW: &str = "To perform exactly these actions, run the following command to apply:";
/// What ends the colours of a plan's last line stands at the beginning of the next: of an apply's first, or of the rule.
const RESET: &[u8] = b"\x1b[0m";

/// Cuts off what `plan -out` says of where it saved the plan: a rule, and how to apply it.
#[derive(Debug)]
pub struct WithoutTail {
    /// The line by which the tail is known.
    saved: Vec<u8>,
    /// Lines held back that can be the tail's first.
    rules: Vec<u8>,
    /// The line that is coming in.
    line: Vec<u8>,
    /// Its beginning has passed.
    mid_line: bool,
    /// What can be the tail, cut off if nothing else follows: a provider can print the same line.
    tail: Vec<u8>,
    /// Where in it the file's name ends.
    behind: usize,
}

impl WithoutTail {
    /// For a plan that is saved at `path`.
    pub fn new(path: &str) -> WithoutTail {
        let saved = format!("{SAVED}{path}").into_bytes();
        WithoutTail { saved, rules: Vec::new(), line: Vec::new(), mid_line: false, tail: Vec::new(), behind: 0 }
    }

    /// Whether the line goes on with what stands behind the file's name, wherever a narrow terminal breaks it.
    fn belongs_to_tail(&self) -> bool {
        let behind = [self.tail.get(self.behind..).unwrap_or_default(), &self.line].concat();
        let text = String::from_utf8_lossy(&behind);
        let said = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let path = String::from_utf8_lossy(self.saved.strip_prefix(SAVED.as_bytes()).unwrap_or_default());
        let how = |tool: &&str| format!("{HOW} {tool} apply \"{path}\"").starts_with(&said);
        ["terraform", "tofu"].iter().any(how)
    }

    fn can_be_tail(&self, whole: bool) -> bool {
        Self::is_rule(&self.line) || (!whole && self.saved.starts_with(&self.line))
    }

    /// Whether a line can belong to the rule before the tail: nothing but its dashes, blanks and colours.
    fn is_rule(line: &[u8]) -> bool {
        let text = String::from_utf8_lossy(line);
        let mut rest = text.trim_end_matches(['\n', '\r', char::REPLACEMENT_CHARACTER]);
        while let Some(c) = rest.chars().next() {
            rest = match c {
                '\u{1b}' => match rest.split_once('m') {
                    Some((escape, after)) if escape.len() < "\u{1b}[00;00".len() => after,
                    _ => return rest.len() < "\u{1b}[00;00".len(),
                },
                '─' | ' ' => rest.get(c.len_utf8()..).unwrap_or_default(),
                _ => return false,
            };
        }
        true
    }
}

impl Sift for WithoutTail {
    fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for piece in bytes.split_inclusive(|b| *b == b'\n') {
            let whole = piece.ends_with(b"\n");
            self.line.extend_from_slice(piece);
            if !self.mid_line && self.line.starts_with(&self.saved) {
                out.append(&mut self.tail);
                if self.rules.starts_with(RESET) {
                    out.extend(self.rules.drain(..RESET.len()));
                }
                self.tail.append(&mut self.rules);
                self.behind = self.tail.len() + self.saved.len();
                self.tail.append(&mut self.line);
                self.mid_line = false;
            } else if !self.tail.is_empty() && self.belongs_to_tail() {
                self.tail.append(&mut self.line);
            } else if self.mid_line || !self.tail.is_empty() || !self.can_be_tail(whole) {
                out.append(&mut self.tail);
                out.append(&mut self.rules);
                out.append(&mut self.line);
                self.mid_line = !whole;
            } else if whole {
                self.rules.append(&mut self.line);
            }
        }
        out
    }

    fn end(&mut self) -> Vec<u8> {
        let mut out = std::mem::take(&mut self.rules);
        out.append(&mut self.line);
        out
    }
}

/// Cuts out of an apply's `-json` what the plan before it has said: the version, and what is planned.
#[derive(Debug, Default)]
pub(super) struct PlanOnce {
    held: Vec<u8>,
    done: bool,
}

impl PlanOnce {
    fn was_said(line: &[u8]) -> bool {
        let kind = serde_json::from_slice::<Value>(line).ok().and_then(|l| l.get("type")?.as_str().map(str::to_owned));
        kind.is_some_and(|k| k == "version" || k == "planned_change")
    }
}

impl Sift for PlanOnce {
    fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.done {
            return bytes.to_vec();
        }
        self.held.extend_from_slice(bytes);
        while let Some(end) = self.held.iter().position(|b| *b == b'\n') {
            if !Self::was_said(self.held.get(..end).unwrap_or_default()) {
                self.done = true;
                return std::mem::take(&mut self.held);
            }
            self.held.drain(..=end);
        }
        Vec::new()
    }

    fn end(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole output in pieces of `size` bytes.
    fn sifted(sift: &mut dyn Sift, text: &str, size: usize) -> String {
        let mut out: Vec<u8> = text.as_bytes().chunks(size).flat_map(|c| sift.pass(c)).collect();
        out.extend(sift.end());
        String::from_utf8(out).unwrap()
    }

    const PLAN: &str = "Plan: 1 to add.\n────────\n\nNote: changed outside\n────────\n";

    #[test]
    fn the_tail_is_cut_off_however_it_comes() {
        for (rule, end) in [("────────\n", "\n"), ("\u{1b}[90m\n────────\u{1b}[0m\n", "\r\n"), ("────\r\n", "\r\n")]
        {
            let tail = format!(
                "{rule}{end}Saved the plan to: /proc/self/fd/5{end}{end}To perform exactly these actions, run the following command to apply:\n    terraform apply \"/proc/self/fd/5\"\n"
            );
            for size in [1, 2, 3, 7, 64, 4096] {
                let mut sift = WithoutTail::new("/proc/self/fd/5");
                assert_eq!(
                    sifted(&mut sift, &format!("{PLAN}x\n{tail}"), size),
                    format!("{PLAN}x\n"),
                    "in {size}s: {tail:?}"
                );
            }
        }
    }

    #[test]
    fn what_ends_the_plans_colours_is_left() {
        for rule in ["\u{1b}[0m\r\n\r\n", "\u{1b}[0m\u{1b}[90m\r\n────\u{1b}[0m\r\n"] {
            for size in [1, 5, 4096] {
                let tail = format!("{rule}\r\nSaved the plan to: /p\r\n");
                assert_eq!(sifted(&mut WithoutTail::new("/p"), &format!("x\r\n{tail}"), size), "x\r\n\u{1b}[0m");
            }
        }
    }

    #[test]
    fn what_only_looks_like_the_tail_hides_nothing() {
        let fake = "x: Refreshing... [id=\n────\n\nSaved the plan to: /p\n\nTo perform exactly these actions, x\n]\n  # a will be destroyed\n";
        for size in [1, 3, 4096] {
            assert_eq!(sifted(&mut WithoutTail::new("/p"), fake, size), fake);
            let tail = "────\n\nSaved the plan to: /p\n\nTo perform exactly these actions, run the\nfollowing command to apply:\n    terraform apply \"/p\"\n";
            assert_eq!(sifted(&mut WithoutTail::new("/p"), &format!("{fake}{tail}"), size), fake);
        }
    }

    #[test]
    fn what_is_no_tail_passes_at_once() {
        let mut sift = WithoutTail::new("/p");
        assert_eq!(sift.pass(b"var.x\n  Enter a value: "), b"var.x\n  Enter a value: ", "a prompt waits for nothing");
        assert_eq!(sift.pass("\n────\nSaved".as_bytes()), b"\n", "what can be the tail is held back");
        assert_eq!(sift.pass(b" by the bell\n"), "────\nSaved by the bell\n".as_bytes());
        for size in [1, 5, 100] {
            let text = format!("{PLAN}    Saved the plan to: /p\n  | Saved the plan to: /p\nSaved the plan to: /q\n");
            assert_eq!(sifted(&mut WithoutTail::new("/p"), &text, size), text);
        }
    }

    #[test]
    fn what_the_plan_said_is_not_said_again() {
        let said = "{\"type\":\"version\"}\n{\"type\":\"planned_change\"}\n";
        let rest = "{\"type\":\"apply_start\"}\n{\"type\":\"planned_change\"}\nno json\n";
        for size in [1, 10, 1000] {
            assert_eq!(sifted(&mut PlanOnce::default(), &format!("{said}{rest}"), size), rest);
        }
        assert_eq!(sifted(&mut PlanOnce::default(), "no json", 3), "no json");
    }
}
