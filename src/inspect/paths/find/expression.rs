//! The words of a find as a tree: what stands before an action, and what of it surely holds.

use super::test::{File, Test};
use super::truth::Truth;

/// Parentheses and negations deeper than this are not followed.
const DEEPEST: usize = 50;

/// A part of an expression between its operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Open,
    Close,
    Not,
    And,
    Or,
    Comma,
    Leaf(Expression),
}

/// An expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expression {
    Test(Test),
    /// The action that is the part of this number, and whether it is true.
    Action(usize, Truth),
    /// What is below is left out.
    Prune,
    Not(Box<Expression>),
    /// One after the other, while they are true.
    All(Vec<Expression>),
    /// One after the other, until one is true.
    Any(Vec<Expression>),
    /// One after the other. The last counts, but GNU find puts those that cost less first.
    List(Vec<Expression>),
    /// Nothing is known of the order: find would refuse it, or it is too deep.
    Unclear(Vec<Expression>),
}

/// What becomes of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fate {
    /// The actions that it may come to.
    pub(super) reached: Vec<usize>,
    /// What is below it is surely left out.
    pub(super) pruned: bool,
}

impl Expression {
    /// The expression of these parts.
    pub(super) fn of(tokens: &[Token]) -> Expression {
        let mut parser = Parser { rest: tokens };
        let parsed = if tokens.is_empty() { Some(Expression::All(vec![])) } else { parser.list(0) };
        parsed.filter(|_| parser.rest.is_empty()).unwrap_or_else(|| {
            let leaf = |token: &Token| if let Token::Leaf(leaf) = token { Some(leaf.clone()) } else { None };
            Expression::Unclear(tokens.iter().filter_map(leaf).collect())
        })
    }

    /// What becomes of `file`.
    pub(super) fn fate(&self, file: &File) -> Fate {
        let mut fate = Fate::default();
        self.judge(file, true, &mut fate);
        fate
    }

    /// Whether an action stands in it.
    fn acts(&self) -> bool {
        match self {
            Expression::Test(_) | Expression::Prune => false,
            Expression::Action(..) => true,
            Expression::Not(inner) => inner.acts(),
            Expression::All(parts) | Expression::Any(parts) | Expression::List(parts) | Expression::Unclear(parts) => {
                parts.iter().any(Expression::acts)
            }
        }
    }

    /// Whether it holds of `file`, which comes here surely or not.
    fn judge(&self, file: &File, surely: bool, fate: &mut Fate) -> Truth {
        match self {
            Expression::Test(test) => test.holds(file),
            Expression::Action(number, truth) => {
                fate.reached.push(*number);
                *truth
            }
            Expression::Prune => {
                fate.pruned |= surely;
                Truth::Yes
            }
            Expression::Not(inner) => inner.judge(file, surely, fate).not(),
            Expression::All(parts) => while_not(parts, Truth::No, file, surely, fate),
            Expression::Any(parts) => while_not(parts, Truth::Yes, file, surely, fate),
            Expression::List(parts) => {
                let last = parts.iter().map(|part| part.judge(file, surely, fate)).last();
                last.filter(|_| parts.len() == 1).unwrap_or(Truth::Maybe)
            }
            Expression::Unclear(parts) => {
                parts.iter().for_each(|part| {
                    part.judge(file, false, fate);
                });
                Truth::Maybe
            }
        }
    }
}

/// Goes through parts until one of them surely is `end`: `-a` ends with a no, `-o` with a yes. A part is surely come to where all
/// before it are true, or none is, and nothing behind it may be put in front: what only asks, and costs little, GNU find puts in front
/// of others and of `-prune`.
fn while_not(parts: &[Expression], end: Truth, file: &File, surely: bool, fate: &mut Fate) -> Truth {
    let mut all = end.not();
    for (n, part) in parts.iter().enumerate() {
        let last = parts.get(n + 1..).unwrap_or_default().iter().all(Expression::acts);
        let truth = part.judge(file, surely && last && all == end.not(), fate);
        all = if end == Truth::No { all.min(truth) } else { all.max(truth) };
        if all == end {
            break;
        }
    }
    all
}

/// Reads tokens by the order of find's operators: parentheses, `!`, `-a`, `-o`, `,`.
struct Parser<'t> {
    rest: &'t [Token],
}

impl Parser<'_> {
    fn takes(&mut self, token: &Token) -> bool {
        let is = self.rest.first() == Some(token);
        self.rest = self.rest.get(usize::from(is)..).unwrap_or_default();
        is
    }

    fn list(&mut self, depth: usize) -> Option<Expression> {
        let mut parts = vec![self.any(depth)?];
        while self.takes(&Token::Comma) {
            parts.push(self.any(depth)?);
        }
        Some(Expression::List(parts))
    }

    fn any(&mut self, depth: usize) -> Option<Expression> {
        let mut parts = vec![self.all(depth)?];
        while self.takes(&Token::Or) {
            parts.push(self.all(depth)?);
        }
        Some(Expression::Any(parts))
    }

    fn all(&mut self, depth: usize) -> Option<Expression> {
        let mut parts = vec![self.one(depth)?];
        while self.takes(&Token::And) || matches!(self.rest.first(), Some(Token::Open | Token::Not | Token::Leaf(_))) {
            parts.push(self.one(depth)?);
        }
        Some(Expression::All(parts))
    }

    fn one(&mut self, depth: usize) -> Option<Expression> {
        let (first, rest) = self.rest.split_first().filter(|_| depth < DEEPEST)?;
        self.rest = rest;
        match first {
            Token::Leaf(leaf) => Some(leaf.clone()),
            Token::Not => Some(Expression::Not(Box::new(self.one(depth + 1)?))),
            Token::Open => self.list(depth + 1).filter(|_| self.takes(&Token::Close)),
            Token::Close | Token::And | Token::Or | Token::Comma => None,
        }
    }
}
