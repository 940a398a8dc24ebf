//! A statement that grows line by line, until SQLite would call it complete (`sqlite3_complete`).

/// The statement that is read.
#[derive(Debug, Default)]
pub(super) struct Statement {
    text: String,
    /// The quote that is open; `]` for a name in brackets.
    quote: Option<char>,
    /// Whether a comment is open.
    comment: bool,
    /// Whether there is anything but space and comments.
    dark: bool,
    /// The last character that is neither space nor comment.
    last: char,
    /// The word that is read, or was read last, in upper case.
    word: String,
    /// What stood before that word.
    before_word: char,
    /// Its first words: those that tell a trigger.
    first: Vec<String>,
}

impl Statement {
    /// Whether no statement is open, so that a line may be a command.
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Adds a line. `go` and `/` by themselves end a statement.
    pub(super) fn add(&mut self, line: &str) {
        let word = line.trim();
        let ends = self.dark && self.quote.is_none() && !self.comment && (word == "/" || word.eq_ignore_ascii_case("go"));
        let line = if ends { ";" } else { line };
        self.scan(line);
        self.text.push_str(line);
        self.text.push('\n');
        if !self.dark && self.quote.is_none() && !self.comment {
            self.text.clear();
        }
    }

    fn scan(&mut self, line: &str) {
        let mut letters = line.chars().peekable();
        let mut in_word = false;
        while let Some(c) = letters.next() {
            let next = letters.peek().copied();
            if self.comment {
                if c == '*' && next == Some('/') {
                    letters.next();
                    self.comment = false;
                }
                continue;
            }
            if let Some(open) = self.quote {
                if c == open {
                    self.quote = None;
                }
                continue;
            }
            let was_word = std::mem::replace(&mut in_word, c.is_alphanumeric() || c == '_');
            match c {
                '-' if next == Some('-') => return,
                '/' if next == Some('*') => {
                    letters.next();
                    self.comment = true;
                    continue;
                }
                '\'' | '"' | '`' => self.quote = Some(c),
                '[' => self.quote = Some(']'),
                _ => {}
            }
            if c.is_whitespace() {
                continue;
            }
            if in_word {
                self.letter(c, !was_word);
            }
            self.dark = true;
            self.last = c;
        }
    }

    /// Takes a letter of a word.
    fn letter(&mut self, c: char, begins: bool) {
        const TELLING: usize = 6;
        if begins {
            self.before_word = self.last;
            self.word.clear();
            if self.first.len() < TELLING {
                self.first.push(String::new());
            }
        }
        self.word.extend(c.to_uppercase());
        // Only while the first words are read does the last of them grow.
        let word = self.word.clone();
        if let Some(last) = self.first.last_mut().filter(|last| word.starts_with(last.as_str())) {
            *last = word;
        }
    }

    /// Whether it ends here: with a semicolon, and a trigger with one behind its `END`.
    pub(super) fn is_complete(&self) -> bool {
        let ends = self.dark && self.quote.is_none() && !self.comment && self.last == ';';
        ends && (!self.is_trigger() || (self.word == "END" && self.before_word == ';'))
    }

    /// `[EXPLAIN] CREATE [TEMP] TRIGGER`.
    fn is_trigger(&self) -> bool {
        let mut words = self.first.iter().map(String::as_str).skip_while(|w| *w != "CREATE").skip(1);
        match words.next() {
            Some("TEMP" | "TEMPORARY") => words.next() == Some("TRIGGER"),
            first => first == Some("TRIGGER"),
        }
    }

    /// Its text; a new one begins.
    pub(super) fn take(&mut self) -> String {
        std::mem::take(self).text
    }
}
