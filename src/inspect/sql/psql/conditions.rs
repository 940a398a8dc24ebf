//! psql's `\if`: which lines of a script run, as far as that can be told beforehand.

use super::lexer::Saved;

/// Whether something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sure {
    Yes,
    No,
    Maybe,
}

impl Sure {
    pub(super) fn and(self, other: Sure) -> Sure {
        match (self, other) {
            (Sure::No, _) | (_, Sure::No) => Sure::No,
            (Sure::Yes, Sure::Yes) => Sure::Yes,
            (Sure::Maybe, _) | (_, Sure::Maybe) => Sure::Maybe,
        }
    }

    fn not(self) -> Sure {
        match self {
            Sure::Yes => Sure::No,
            Sure::No => Sure::Yes,
            Sure::Maybe => Sure::Maybe,
        }
    }

    /// What psql makes of the text of a condition: what it cannot read is false.
    pub(super) fn of(text: &str) -> Sure {
        let text = text.to_ascii_lowercase();
        let begins = |words: &[&str]| !text.is_empty() && words.iter().any(|word| word.starts_with(&text));
        let yes = begins(&["true", "yes"]) || text == "on" || text == "1";
        if yes { Sure::Yes } else { Sure::No }
    }
}

/// One `\if` that is not ended.
#[derive(Debug)]
struct Branch {
    /// Whether what surrounds the `\if` runs.
    around: Sure,
    /// Whether this branch runs.
    runs: Sure,
    /// Whether a branch before this one, or this one, was taken.
    taken: Sure,
    /// The buffer before this branch.
    saved: Saved,
}

/// The conditions around a line.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    open: Vec<Branch>,
}

impl Conditions {
    /// Whether the line runs.
    pub(super) fn runs(&self) -> Sure {
        self.open.last().map_or(Sure::Yes, |branch| branch.runs)
    }

    /// The buffer before the branch; none outside of every condition.
    pub(super) fn saved(&self) -> Option<&Saved> {
        self.open.last().map(|branch| &branch.saved)
    }

    /// `\if`.
    pub(super) fn begin(&mut self, condition: Sure, saved: Saved) {
        let around = self.runs();
        self.open.push(Branch { around, runs: around.and(condition), taken: condition, saved });
    }

    /// `\elif` with its condition, or `\else`, which is one that always holds.
    pub(super) fn turn(&mut self, condition: Sure, saved: Saved) {
        if let Some(branch) = self.open.last_mut() {
            branch.runs = branch.around.and(branch.taken.not()).and(condition);
            branch.taken = branch.taken.not().and(condition.not()).not();
            branch.saved = saved;
        }
    }

    /// `\endif`.
    pub(super) fn end(&mut self) {
        self.open.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::sql::psql::lexer::Lexer;

    #[test]
    fn the_first_branch_that_holds_is_the_only_one() {
        let saved = || Lexer::default().save();
        let cases = [
            ([Sure::Yes, Sure::Yes, Sure::Yes], [Sure::Yes, Sure::No, Sure::No]),
            ([Sure::No, Sure::Yes, Sure::Yes], [Sure::No, Sure::Yes, Sure::No]),
            ([Sure::No, Sure::No, Sure::Yes], [Sure::No, Sure::No, Sure::Yes]),
            ([Sure::Maybe, Sure::Yes, Sure::Yes], [Sure::Maybe, Sure::Maybe, Sure::No]),
            ([Sure::Maybe, Sure::No, Sure::Yes], [Sure::Maybe, Sure::No, Sure::Maybe]),
        ];
        for (conditions, expected) in cases {
            let [first, second, third] = conditions;
            let mut open = Conditions::default();
            open.begin(first, saved());
            let mut runs = vec![open.runs()];
            for condition in [second, third] {
                open.turn(condition, saved());
                runs.push(open.runs());
            }
            assert_eq!(runs, expected, "{conditions:?}");
            open.end();
            assert_eq!(open.runs(), Sure::Yes);
        }
    }

    #[test]
    fn nothing_runs_inside_of_what_does_not() {
        let saved = || Lexer::default().save();
        let mut open = Conditions::default();
        open.begin(Sure::No, saved());
        open.begin(Sure::Yes, saved());
        assert_eq!(open.runs(), Sure::No);
        open.turn(Sure::Yes, saved());
        assert_eq!(open.runs(), Sure::No);
    }
}
