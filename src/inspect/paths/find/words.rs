//! The words of a find, taken apart as GNU find does.

use super::expression::{Expression, Token};
use super::test::Test;
use super::truth::Truth;
use crate::inspect::inner::UNSEEN;
use std::ffi::{OsStr, OsString};

/// Tests and options without a value.
const PLAIN: [&str; 36] = [
    "-print",
    "-print0",
    "-ls",
    "-prune",
    "-quit",
    "-depth",
    "-d",
    "-follow",
    "-mount",
    "-xdev",
    "-noleaf",
    "-ignore_readdir_race",
    "-noignore_readdir_race",
    "-daystart",
    "-warn",
    "-nowarn",
    "-empty",
    "-executable",
    "-readable",
    "-writable",
    "-nogroup",
    "-nouser",
    "-true",
    "-false",
    "-delete",
    "-help",
    "--help",
    "-version",
    "--version",
    "-E",
    "-X",
    "-x",
    "-s",
    "-acl",
    "-H",
    "-P",
];
/// Tests and options with one.
const WITH_VALUE: [&str; 43] = [
    "-name",
    "-iname",
    "-path",
    "-ipath",
    "-wholename",
    "-iwholename",
    "-regex",
    "-iregex",
    "-regextype",
    "-type",
    "-xtype",
    "-maxdepth",
    "-mindepth",
    "-mtime",
    "-mmin",
    "-atime",
    "-amin",
    "-ctime",
    "-cmin",
    "-newer",
    "-anewer",
    "-cnewer",
    "-size",
    "-perm",
    "-user",
    "-group",
    "-uid",
    "-gid",
    "-links",
    "-inum",
    "-samefile",
    "-lname",
    "-ilname",
    "-fstype",
    "-used",
    "-context",
    "-printf",
    "-files0-from",
    "-fprint",
    "-fprint0",
    "-fls",
    "-flags",
    "-D",
];
/// Actions that only tell what is found, or end the search.
const TELLS: [&str; 9] = ["-print", "-print0", "-printf", "-fprint", "-fprint0", "-fprintf", "-ls", "-fls", "-quit"];
const RUNS: [&str; 4] = ["-exec", "-execdir", "-ok", "-okdir"];

/// A call that is started.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) words: Vec<OsString>,
    /// Which action of the expression it is.
    pub(super) action: usize,
    /// In the folder of what is found.
    pub(super) inside: bool,
    /// Once for all that is found, not for each.
    pub(super) at_once: bool,
}

/// What the words of a find come to.
#[derive(Debug, Default)]
pub(super) struct Search {
    pub(super) starts: Vec<OsString>,
    /// The actions that are a `-delete`.
    pub(super) deletes: Vec<usize>,
    pub(super) calls: Vec<Started>,
    /// Files that are written.
    pub(super) outputs: Vec<OsString>,
    pub(super) unknown: Vec<String>,
    /// A folder comes after what is in it: nothing is left out below.
    depth_first: bool,
    shallowest: Option<usize>,
    deepest: Option<Option<usize>>,
    pub(super) follows: bool,
    /// A start that is a link stands for what it leads to.
    pub(super) follows_starts: bool,
    pub(super) help: bool,
    tokens: Vec<Token>,
}

/// Takes the words apart as GNU find does.
pub(super) fn search(words: &[&OsStr]) -> Search {
    let mut out = Search::default();
    let mut at = out.flags(words);
    while let Some(word) = words.get(at) {
        let text = word.to_string_lossy();
        if (text.starts_with('-') && text.len() > 1) || ["(", ")", "!", ","].contains(&text.as_ref()) {
            break;
        }
        out.starts.push((*word).to_os_string());
        at += 1;
    }
    if out.starts.is_empty() {
        out.starts.push(OsString::from("."));
    }
    while at < words.len() {
        at += out.primary(words, at);
    }
    out
}

impl Search {
    /// Reads the flags before the starts; returns how many words they are.
    fn flags(&mut self, words: &[&OsStr]) -> usize {
        let mut at = 0;
        while let Some(word) = words.get(at) {
            match word.to_string_lossy().as_ref() {
                "-H" => self.follows_starts = true,
                "-P" => self.follows_starts = false,
                "-L" => self.follows = true,
                "-D" => at += 1,
                w if w.starts_with("-O") => {}
                _ => break,
            }
            at += 1;
        }
        at
    }

    /// The expression.
    pub(super) fn expression(&self) -> Expression {
        // It does nothing then, and not every find says that it is true.
        let idle = |token: &Token| self.depth_first && *token == Token::Leaf(Expression::Prune);
        let maybe = || Token::Leaf(Expression::Test(Test::Always(Truth::Maybe)));
        let own = |token: &Token| if idle(token) { maybe() } else { token.clone() };
        Expression::of(&self.tokens.iter().map(own).collect::<Vec<_>>())
    }

    /// The starts, for a person.
    pub(super) fn named(&self) -> String {
        self.starts.iter().map(|s| s.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    /// Whether something so deep below a start is asked at all.
    pub(super) fn is_asked(&self, depth: usize) -> bool {
        self.shallowest.is_none_or(|shallowest| depth >= shallowest) && self.goes_to(depth)
    }

    /// Whether find goes so deep below a start.
    pub(super) fn goes_to(&self, depth: usize) -> bool {
        self.deepest.flatten().is_none_or(|deepest| depth <= deepest)
    }

    /// Reads one part of the expression; returns how many words it has.
    fn primary(&mut self, words: &[&OsStr], at: usize) -> usize {
        let word = words.get(at).map(|w| w.to_string_lossy().into_owned()).unwrap_or_default();
        let value = words.get(at + 1).map(|w| w.to_string_lossy().into_owned());
        if RUNS.contains(&word.as_str()) {
            return self.call(words, at);
        }
        if word == "-fprintf" {
            self.outputs.extend(words.get(at + 1).map(|w| (*w).to_os_string()));
            self.leaf(&word, "");
            return 3;
        }
        if WITH_VALUE.contains(&word.as_str()) || (word.starts_with("-newer") && word.len() == 8) {
            let Some(value) = value else {
                self.unknown.push(format!("`{word}` needs a value"));
                return 1;
            };
            self.leaf(&word, &value);
            self.option(&word, value);
            return 2;
        }
        let token = match word.as_str() {
            "(" => Token::Open,
            ")" => Token::Close,
            "!" | "-not" => Token::Not,
            "-a" | "-and" => Token::And,
            "-o" | "-or" => Token::Or,
            "," => Token::Comma,
            "-prune" => Token::Leaf(Expression::Prune),
            "-delete" => {
                self.depth_first = true;
                self.deletes.push(self.tokens.len());
                Token::Leaf(Expression::Action(self.tokens.len(), Truth::Maybe))
            }
            plain => return self.plain(plain),
        };
        self.tokens.push(token);
        1
    }

    /// A test or an option without a value.
    fn plain(&mut self, word: &str) -> usize {
        match word {
            "-depth" | "-d" => self.depth_first = true,
            "-follow" => self.follows = true,
            "-help" | "--help" | "-version" | "--version" => self.help = true,
            known if PLAIN.contains(&known) => {}
            _ => self.unknown.push(format!("`{word}` is no test or action of find that is known")),
        }
        self.leaf(word, "");
        1
    }

    fn leaf(&mut self, word: &str, value: &str) {
        let tells = TELLS.contains(&word).then_some(Expression::Action(self.tokens.len(), Truth::Yes));
        self.tokens.push(Token::Leaf(tells.unwrap_or_else(|| Expression::Test(Test::of(word, value)))));
    }

    /// What counts wherever it stands. Of several depths the widest: which one counts is not the same in every find.
    fn option(&mut self, word: &str, value: String) {
        match word {
            "-maxdepth" => {
                let deepest = value.parse().ok();
                let both = |before: Option<usize>| before.zip(deepest).map(|(before, new)| before.max(new));
                self.deepest = Some(self.deepest.map_or(deepest, both));
            }
            "-mindepth" => {
                let shallowest = value.parse().unwrap_or(0);
                self.shallowest = Some(self.shallowest.map_or(shallowest, |before| before.min(shallowest)));
            }
            "-fprint" | "-fprint0" | "-fls" => self.outputs.push(OsString::from(value)),
            "-files0-from" => self.starts.push(OsString::from(UNSEEN)),
            _ => {}
        }
    }

    /// `-exec … ;` or `-exec … {} +`.
    fn call(&mut self, words: &[&OsStr], at: usize) -> usize {
        let rest = words.get(at + 1..).unwrap_or_default();
        let plus = |n: usize| rest.get(n).is_some_and(|w| *w == "+") && n > 0 && rest.get(n - 1).is_some_and(|w| *w == "{}");
        // Without an end find refuses the line; what would be started is judged all the same.
        let end = (0..rest.len()).find(|n| rest.get(*n).is_some_and(|w| *w == ";") || plus(*n)).unwrap_or(rest.len());
        let action = self.tokens.len();
        self.calls.push(Started {
            words: rest.iter().take(end).map(|w| (*w).to_os_string()).collect(),
            action,
            inside: words.get(at).is_some_and(|w| w.to_string_lossy().ends_with("dir")),
            at_once: plus(end),
        });
        // What is put off to the end is true whatever comes of it.
        let truth = if plus(end) { Truth::Yes } else { Truth::Maybe };
        self.tokens.push(Token::Leaf(Expression::Action(action, truth)));
        end + 2
    }
}

#[cfg(test)]
mod tests {
    use super::super::expression::Fate;
    use super::super::test::File;
    use super::*;
    use std::path::Path;

    fn read(line: &str) -> Search {
        let words = shell_words::split(line).unwrap();
        search(&words.iter().map(OsStr::new).collect::<Vec<_>>())
    }

    /// What becomes of a file that find prints as `printed`.
    fn fate(line: &str, printed: &str) -> Fate {
        let metadata = Path::new(env!("CARGO_MANIFEST_DIR")).symlink_metadata().unwrap();
        read(line).expression().fate(&File { path: "/".into(), printed: printed.to_owned(), depth: 1, metadata })
    }

    #[test]
    fn an_expression_is_taken_apart() {
        let found = read("a b -maxdepth 1 -name '*.o' -delete");
        assert_eq!((found.starts.len(), found.deletes.len(), found.goes_to(1), found.goes_to(2)), (2, 1, true, false));
        assert!(read(". -name -delete").deletes.is_empty());
        assert!(read(". -exec echo -delete ';'").deletes.is_empty());
        assert_eq!(read(". -exec echo {} + -delete").deletes.len(), 1);
        assert_eq!(read("-exec rm {} ';'").calls.len(), 1);
        assert_eq!(read(". -exec rm").calls.len(), 1);
        assert_eq!(read(". -fprintf out %p -fls o2").outputs.len(), 2);
        assert_eq!(read("-L -O3 -D tree x -newermt 2020-01-01").unknown.len(), 0);
    }

    #[test]
    fn of_several_depths_the_widest_counts() {
        let found = read(". -mindepth 2 -maxdepth 3");
        assert_eq!([1, 2, 3, 4].map(|depth| found.is_asked(depth)), [false, true, true, false]);
        let found = read(". -maxdepth 3 -maxdepth 1 -mindepth 1 -mindepth 9");
        assert_eq!([0, 1, 3, 4].map(|depth| found.is_asked(depth)), [false, true, true, false]);
        assert!(read(". -maxdepth x").goes_to(99) && read(". -maxdepth 1 -maxdepth x").goes_to(99));
        assert!(read(". -mindepth x").is_asked(0));
    }

    #[test]
    fn an_action_counts_for_a_file_unless_it_is_surely_not_reached() {
        for (line, printed) in [
            (". -name x -delete", "./x"),
            (". -name y -o -delete", "./x"),
            (". -name y , -delete", "./x"),
            (". ! -name y -delete", "./x"),
            (". ! ! -name x -delete", "./x"),
            (". ! ( -name y -o -name z ) -delete", "./x"),
            (". -name y -name z -o -name x -delete", "./x"),
            (". -regex no -delete", "./x"),
            (". ! -regex no -delete", "./x"),
            (". -regex no -o -delete", "./x"),
            (". -exec true ';' -o -delete", "./x"),
            (". -delete -name y", "./x"),
            (". -path './a/*' -delete", "./a/b/x"),
            (". -not -path './a/*' -delete", "./a"),
            (". -path ./a -prune -o -delete", "./a/x"),
            (". -depth -prune -o -delete", "./x"),
            // What find would refuse is no evidence.
            (". ( -name y -delete", "./x"),
            (". -name y ) -delete", "./x"),
            (". -name y -a -o -delete", "./x"),
            (". -name y -delete -o", "./x"),
            (". ! -delete -name", "./x"),
        ] {
            assert!(fate(line, printed).reached.iter().any(|n| read(line).deletes.contains(n)), "{line} for {printed}");
        }
        for (line, printed) in [
            (". -name y -delete", "./x"),
            (". -name x -o -delete", "./x"),
            (". ! -name x -delete", "./x"),
            (". ( -name y -o -name z ) -delete", "./x"),
            (". -name y -o -name z -delete", "./x"),
            (". -name x -o -name x -delete", "./x"),
            (". -not -path './a/*' -delete", "./a/b/x"),
            (". -false -delete -o -name x", "./x"),
            (". -print -o -delete", "./x"),
            (". -exec true {} + -o -delete", "./x"),
            (". -exec echo -delete ';'", "./x"),
        ] {
            assert_eq!(fate(line, printed).reached.iter().find(|n| read(line).deletes.contains(n)), None, "{line}");
        }
        let deep = format!(". {} -name y -delete", "! ".repeat(5000));
        assert!(!fate(&deep, "./x").reached.is_empty());
    }

    #[test]
    fn only_what_is_surely_pruned_is_left_out() {
        for line in [
            ". -name x -prune",
            ". -name x -prune -o -print",
            ". ( -name y -o -name x ) -prune",
            ". ! -name y -prune -o -name z -ls",
        ] {
            assert!(fate(line, "./x").pruned, "{line}");
        }
        for line in [
            ". -name y -prune",
            ". -regex x -prune",
            ". -name y -o -regex x -o -prune",
            ". -exec true ';' -prune",
            ". -depth -name x -prune",
            ". -name x -prune -o -delete",
            ". -name x -prune -regex x",
            ". -prune -name x -o -print",
            ". ( -prune -o -name y ) -print",
            ". ( -name x -prune",
        ] {
            assert!(!fate(line, "./x").pruned, "{line}");
        }
    }
}
