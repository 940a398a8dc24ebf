//! What a person is asked to approve: the subject, which an approval is bound to, and the envelope it travels in.

use crate::effect::{Effect, Recovery, Verb};
use crate::text::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// What an approval is bound to. Two calls with the same digest are the same call to a person: nothing that makes a
/// difference to what happens may be missing here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The tool.
    pub tool: String,
    /// The words that would run, byte for byte, escaped where they are not ASCII.
    pub argv: Vec<String>,
    /// The folder the tool works in.
    pub folder: String,
    /// The environments.
    pub environments: Vec<String>,
    /// Facts about the place, and the user.
    pub identity: BTreeMap<String, String>,
    /// What would happen.
    pub effects: Vec<Effect>,
    /// The digest of what the effects were read from: the plan, the SQL.
    pub evidence: String,
    /// The digest of the policy that asks.
    pub policy: String,
}

impl Subject {
    /// The name a person must type where something is lost: that of the worst target.
    pub fn name_to_type(&self) -> Option<String> {
        const LONGEST: usize = 60;
        let worst = self.effects.iter().max_by_key(|e| (e.verb == Verb::Destroy, e.recovery, e.verb))?;
        let typeable = |t: &str| !t.is_empty() && t.len() <= LONGEST && t.chars().all(|c| c.is_ascii_graphic());
        let lost = worst.verb == Verb::Destroy || worst.recovery == Recovery::Irreversible;
        lost.then(|| if typeable(&worst.target) { worst.target.clone() } else { "destroy".to_owned() })
    }

    /// The command line for a person.
    pub fn command(&self) -> String {
        shell_words::join(std::iter::once(&self.tool).chain(&self.argv))
    }

    /// SHA-256 over the fields in their order.
    pub fn digest(&self) -> String {
        // Strings, numbers and maps of them always have a JSON form.
        hex(&Sha256::digest(serde_json::to_vec(self).unwrap_or_default()))
    }
}

/// What makes an answer count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Proof {
    /// It was typed at a terminal, by this user.
    Terminal {
        /// The user's id.
        uid: u32,
        /// The user's name.
        name: String,
    },
}

/// A yes that was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// When it stops counting, in seconds since 1970.
    pub run_until: u64,
    /// What makes it count.
    pub proof: Proof,
}

/// A request: a subject, and when, by whom, until when it is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Four or more letters and digits.
    pub id: String,
    /// What is asked.
    pub subject: Subject,
    /// The digest of the subject.
    pub digest: String,
    /// The user who asks.
    pub requester: String,
    /// When it was asked, in seconds since 1970.
    pub asked_at: u64,
    /// When it can no longer be approved, in seconds since 1970.
    pub approve_until: u64,
    /// The yes, once given.
    #[serde(default)]
    pub given: Option<Given>,
}

impl Request {
    /// Whether it still stands at `now`: waiting, or approved and not yet run.
    pub fn stands(&self, now: u64) -> bool {
        now < self.given.as_ref().map_or(self.approve_until, |g| g.run_until)
    }

    /// Who said yes, in words.
    pub fn answered_by(&self) -> String {
        match self.given.as_ref().map(|g| &g.proof) {
            Some(Proof::Terminal { uid, name }) => format!("{name} (uid {uid}) at a terminal"),
            None => String::new(),
        }
    }
}
