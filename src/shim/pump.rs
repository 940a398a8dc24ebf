//! What comes on standard input while the tool runs: each piece is decided on, and put on record, before it goes on.

use super::judge::Flowing;
use crate::call::Call;
use crate::effect::{Effect, Verb, worst};
use crate::policy::decide;
use crate::record::{Durability, Event, Record, Told};
use crate::verdict::{Decision, Fed, Feed, Verdict};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// The first piece that was not allowed, if there was one.
pub(super) type Held = Arc<Mutex<Option<Verdict>>>;

/// A pump: it stops for good at the first piece that is not allowed.
#[derive(Debug)]
pub(super) struct Pump {
    flowing: Flowing,
    record: Record,
    run: String,
    tool: String,
    words: Vec<String>,
    cwd: PathBuf,
    /// Effects that were allowed and are on record.
    allowed: Vec<Effect>,
    held: Held,
}

/// How much of what came already goes on at once.
const PART: usize = 64 << 10;
/// So many effects are remembered as allowed; others are decided on again.
const MOST: usize = 256;

impl Pump {
    /// A pump for the run `run` of `call`, which is told by `words`.
    pub(super) fn new(flowing: Flowing, record: &Record, run: &str, call: &Call, words: &[String]) -> Pump {
        Pump {
            flowing,
            record: record.clone(),
            run: run.to_owned(),
            tool: call.name.clone(),
            words: words.to_vec(),
            cwd: call.cwd.clone(),
            allowed: Vec::new(),
            held: Held::default(),
        }
    }

    /// Where the first piece that was not allowed will stand.
    pub(super) fn held(&self) -> Held {
        Arc::clone(&self.held)
    }

    /// Whether a piece may go on. What is no read is on record before it does.
    fn allows(&mut self, effects: &[Effect]) -> bool {
        // What was allowed once is, and a dump does the same to a table many thousand times.
        let new: Vec<Effect> =
            effects.iter().filter(|e| !self.allowed.iter().any(|a| a.says_the_same_as(e))).cloned().collect();
        let effects = new.as_slice();
        if worst(effects) == Verb::Read {
            return true;
        }
        let verdict = decide(&self.flowing.policy, effects, &self.flowing.context);
        let allowed = verdict.decision() == Decision::Allow && {
            let told = Told::new(&self.run, &self.tool, &self.words, &self.cwd, &verdict);
            self.record.append(&Event::Intent(told), Durability::Kernel).is_ok()
        };
        if allowed {
            self.allowed.extend(new);
            self.allowed.truncate(MOST);
        } else if let Ok(mut held) = self.held.lock() {
            *held = Some(verdict);
        }
        allowed
    }
}

impl Feed for Pump {
    fn pass(&mut self, bytes: &[u8]) -> Fed {
        // What came before the tool was started goes on in parts too: the tool begins before all of it is judged.
        let begun: Vec<u8> = self.flowing.begun.drain(..PART.min(self.flowing.begun.len())).collect();
        let mut fed = Fed { more: !self.flowing.begun.is_empty(), ..Fed::default() };
        for piece in [begun.as_slice(), bytes].into_iter().flat_map(|b| self.flowing.reader.take(b)).collect::<Vec<_>>() {
            if !self.allows(&piece.effects) {
                fed.stop = true;
                break;
            }
            fed.bytes.extend(piece.bytes);
        }
        fed
    }

    fn end(&mut self) -> Fed {
        let piece = self.flowing.reader.end();
        let stop = !self.allows(&piece.effects);
        Fed { bytes: if stop { Vec::new() } else { piece.bytes }, stop, ended: true, ..Fed::default() }
    }
}
