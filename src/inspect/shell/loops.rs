//! Loops and conditions of a shell: what runs again starts where the last turn ended.

#![expect(clippy::wildcard_enum_match_arm, reason = "what is understood is a positive list; all else is unknown")]

use super::walk::{Place, Walker};
use super::word::holds_commands;
use rable::{Node, NodeKind};

/// Turns that are followed in one text, all together.
const MOST_TURNS: usize = 200;

impl Walker<'_> {
    /// A loop of any kind.
    pub(super) fn looped(&mut self, node: &Node) {
        match &node.kind {
            NodeKind::While { condition, body, redirects } | NodeKind::Until { condition, body, redirects } => {
                self.again(&[condition, body]);
                self.redirects(redirects);
            }
            NodeKind::For { var, words, body, redirects } => {
                self.each(var, words.as_deref(), body);
                self.redirects(redirects);
            }
            NodeKind::Select { words, body, redirects, .. } => {
                self.place.sure.forget();
                words.iter().flatten().for_each(|word| drop(self.word(word)));
                self.again(&[body]);
                self.redirects(redirects);
            }
            NodeKind::ForArith { init, cond, incr, body, redirects } => {
                self.place.sure.forget();
                self.text(&[init, cond, incr].map(String::as_str));
                self.again(&[body]);
                self.redirects(redirects);
            }
            _ => self.unknown("shell", "a construct of the shell that is not understood"),
        }
    }

    /// Commands that run again and again, from wherever the last turn left the shell.
    fn again(&mut self, parts: &[&Node]) {
        loop {
            let before = self.place.clone();
            parts.iter().for_each(|part| self.node(part));
            self.place = before.or(&self.place);
            if self.place == before || !self.turn() {
                return;
            }
        }
    }

    /// `for x in …`: a turn for each word, where they are known.
    fn each(&mut self, name: &str, words: Option<&[Node]>, body: &Node) {
        let mut fields = words.map(|_| Vec::new());
        for word in words.into_iter().flatten() {
            let more = self.word(word).fields(self.folder());
            fields = fields.zip(more).map(|(fields, more)| [fields, more].concat());
        }
        let followed = fields.is_some_and(|fields| {
            fields.iter().all(|field| {
                let before = self.place.clone();
                self.place.sure.set(name, Some(field));
                self.node(body);
                self.place = before.or(&self.place);
                self.turn()
            })
        });
        self.place.sure.set(name, None);
        if !followed {
            self.again(&[body]);
        }
    }

    /// Counts a turn of a loop. Behind the last that is followed nothing is known any more.
    fn turn(&mut self) -> bool {
        self.turns += 1;
        let follows = self.turns < MOST_TURNS;
        if !follows {
            self.place = Place { path: true, variables: self.place.variables.clone(), ..Place::default() };
        }
        follows
    }

    /// `[[ … ]]`: commands may fill in its words, as they do those of `:`.
    pub(super) fn condition(&mut self, node: &Node) {
        match &node.kind {
            NodeKind::UnaryTest { op, operand } if !["-v", "-R"].contains(&op.as_str()) => self.condition(operand),
            // The others are arithmetic.
            NodeKind::BinaryTest { op, left, right } if !op.starts_with('-') => {
                self.condition(left);
                self.condition(right);
            }
            NodeKind::CondAnd { left, right } | NodeKind::CondOr { left, right } => {
                self.condition(left);
                self.condition(right);
            }
            NodeKind::CondNot { operand: inner } | NodeKind::CondParen { inner } => self.condition(inner),
            NodeKind::CondTerm { value, .. } if holds_commands(value) => match super::parse(&format!(": {value}")) {
                Some(Ok(nodes)) => nodes.iter().for_each(|node| self.node(node)),
                _ => self.text(&[value]),
            },
            NodeKind::CondTerm { .. } => {}
            _ => self.text(&[node.to_string().as_str()]),
        }
    }
}
