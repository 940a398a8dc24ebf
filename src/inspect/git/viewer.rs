//! Pagers and editors: what a text does that names one, beside showing a file.

use crate::effect::{Effect, Evidence, Verb};
use crate::inspect::inner::Launcher;
use crate::text::sanitise;
use wildmatch::WildMatch;

/// Viewers, editors and no-ops, and which words behind their names leave them what they are.
struct Known {
    /// The names, a space between two.
    names: &'static str,
    /// The letters that a group of short flags may have; with a `^` in front those that it may not.
    letters: &'static str,
    /// Patterns of the long flags that it may have, and of those among them that it may not.
    long: &'static [&'static str],
    but: &'static [&'static str],
    /// Patterns of what may stand behind a `+`, beside a place in the file, and as the value of one of these flags.
    commands: &'static [&'static str],
    takes: &'static [&'static str],
    /// A word that is no flag is a flag's value, or one more file to show.
    words: bool,
}

const ANY: Known = Known { names: "", letters: "^", long: &["--*"], but: &[], commands: &[], takes: &[], words: true };
const NONE: Known = Known { names: "", letters: "", long: &[], but: &[], commands: &[], takes: &[], words: false };

const KNOWN: [Known; 10] = [
    Known { names: "cat head tail true false : echo ed diff-so-fancy lv moar", ..ANY },
    Known { names: "less more most", letters: "^oOk", but: &["--lo*", "--LO*", "--le*"], commands: &["G", "g", "F"], ..ANY },
    Known { names: "bat batcat delta", but: &["--pager*", "--config*"], ..ANY },
    Known { names: "ov", letters: "^e", but: &["--exec*", "--config*"], ..ANY },
    Known {
        names: "vi vim nvim gvim mvim vimx view nvr",
        letters: "bCdfgMnNoOpRXyZ0123456789",
        long: &["--clean", "--nofork", "--noplugin", "--remote-wait*", "--remote-tab-wait*"],
        commands: &[
            "startinsert",
            "set tw=??",
            "set textwidth=??",
            "set cc=??",
            "set spell",
            "set nospell",
            "set ft=gitcommit",
            "set filetype=gitcommit",
            "set noswapfile",
            "NONE",
            "NORC",
            "DEFAULTS",
        ],
        takes: &["-c", "--cmd", "-u"],
        ..NONE
    },
    Known {
        names: "emacs emacsclient",
        letters: "cnqQtw",
        long: &[
            "--create-frame",
            "--no-init-file",
            "--no-splash",
            "--no-window-system",
            "--quick",
            "--tty",
            "--alternate-editor=",
            "--alternate-editor=emacs",
        ],
        commands: &["", "ed", "emacs", "nano", "vi", "vim"],
        takes: &["-a", "--alternate-editor"],
        ..NONE
    },
    Known {
        names: "nano pico",
        letters: "^Cfos",
        but: &["--ba*", "--op*", "--rc*", "--sp*"],
        commands: &["?", "??"],
        takes: &["-r", "-T"],
        ..ANY
    },
    Known {
        names: "code code-insiders codium cursor windsurf zed zeditor subl mate atom gedit kate idea",
        letters: "abgnrsw",
        long: &[
            "--add",
            "--block",
            "--disable-*",
            "--goto",
            "--new-window",
            "--reuse-window",
            "--standalone",
            "--stay",
            "--wait",
        ],
        ..NONE
    },
    Known { names: "hx kak joe jed ne mcedit micro", letters: "n", ..NONE },
    Known { names: "w3m", letters: "F", ..NONE },
];

impl Known {
    /// Whether these words behind its name make it do nothing else.
    fn only_shows(&self, words: &[String]) -> bool {
        let is_in = |list: &[&str], word: &str| list.iter().any(|pattern| WildMatch::new(pattern).matches(word));
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            let plain = if self.takes.contains(&word) {
                words.next().is_some_and(|value| is_in(self.commands, value))
            } else if let Some(command) = word.strip_prefix('+') {
                is_a_place(command) || is_in(self.commands, command)
            } else if word.starts_with("--") {
                is_in(self.long, word) && !is_in(self.but, word)
            } else {
                word.strip_prefix('-').map_or(self.words, |letters| self.has(letters))
            };
            if !plain {
                return false;
            }
        }
        true
    }

    fn has(&self, letters: &str) -> bool {
        match self.letters.strip_prefix('^') {
            Some(others) => !letters.contains(|c| others.contains(c)),
            None => letters.chars().all(|c| self.letters.contains(c)),
        }
    }
}

/// Behind a `+`: the end, a line, a column, what is looked for.
fn is_a_place(text: &str) -> bool {
    text.starts_with('/') || text.chars().all(|c| c.is_ascii_digit() || ",:".contains(c))
}

/// A pager or an editor: one that is known by name, with flags that leave it what it is, does nothing else, as does any program
/// alone; another text is looked into.
pub(in crate::inspect) fn viewer(
    from: &Launcher<'_>,
    target: &str,
    value: &str,
    is_installed: &dyn Fn(&str) -> bool,
) -> Vec<Effect> {
    let words = shell_words::split(value).unwrap_or_default();
    let simple = !value.contains([';', '&', '|', '$', '`', '<', '>', '(', '\n', '!']);
    let (first, rest) = words.split_first().map_or(("", words.as_slice()), |(f, r)| (f.as_str(), r));
    let by_name = first.rsplit('/').next().unwrap_or(first);
    let known = KNOWN.iter().find(|known| known.names.split(' ').any(|name| name == by_name));
    let harmless = rest.is_empty() || known.is_some_and(|known| known.only_shows(rest));
    if value.is_empty() || simple && harmless && (!first.contains('/') || is_installed(first)) {
        return Vec::new();
    }
    if known.is_some() && simple {
        let note = format!("`{}` does what stands behind its name", sanitise(by_name));
        return vec![Effect::new(Verb::Escape, target, Evidence::Argv).because(note)];
    }
    let note = |e: Effect| if e.note.is_empty() { e.because(format!("`{}` starts it", sanitise(target))) } else { e };
    from.text(value).effects.into_iter().filter(|e| e.verb > Verb::Read).map(note).collect()
}

#[cfg(test)]
mod tests {
    use super::KNOWN;

    fn only_shows(text: &str) -> bool {
        let words = shell_words::split(text).unwrap();
        let known = KNOWN.iter().find(|known| known.names.split(' ').any(|name| name == words[0])).unwrap();
        known.only_shows(&words[1..])
    }

    #[test]
    fn words_behind_a_viewer_are_taken_at_their_word() {
        for text in [
            "less -FRX --mouse +G",
            "less -x4 +/error",
            "bat -l man -p --paging=always",
            "head -n 50",
            "vim -f +startinsert",
            "vim +12",
            "vim -u NONE -c 'set tw=72'",
            "nvim '+set spell'",
            "emacsclient -c -a emacs",
            "emacs -nw -Q",
            "emacsclient -t -a ''",
            "nano -w -r 72",
            "code --wait -n",
            "subl -n -w",
        ] {
            assert!(only_shows(text), "{text}");
        }
        for text in [
            "less -ofile",
            "less -FRXok",
            "less --log-file=x",
            "less '+!id'",
            "less +s",
            "bat --pager=x",
            "vim '+source x'",
            "vim -c '!id'",
            "vim -S x",
            "vim -u x",
            "vim -V9x",
            "vim '+set tw=72 rtp=x'",
            "vim x",
            "emacs --eval x",
            "emacs -l x",
            "emacsclient -a ./x",
            "nano --speller=x",
            "code --install-extension x",
            "kak -e x",
        ] {
            assert!(!only_shows(text), "{text}");
        }
    }
}
