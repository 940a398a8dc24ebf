//! From effects to a verdict: a pure function. No clock, no environment, no files.

use super::schema::{Environment, Layer, Policy, Rule};
use crate::effect::{Effect, Verb};
use crate::verdict::{Decision, Reason, Verdict};
use std::collections::BTreeMap;
use wildmatch::WildMatch;

/// What a decision may know about a call beside its effects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// The tool's name.
    pub tool: String,
    /// Facts about the place: `aws-profile`, `pg-host`, `workspace`, …
    pub facts: BTreeMap<String, String>,
}

/// Why the default is what it is, for each verb, in the order of [`Verb::ALL`].
const DEFAULT_BECAUSE: [&str; 7] = [
    "nothing is changed by it",
    "a secret would come out",
    "what it changes can be changed back",
    "permissions would change",
    "it runs code, or opens a host, that cannot be seen into",
    "something would be lost",
    "what would happen could not be worked out",
];

fn default_because(verb: Verb) -> &'static str {
    Verb::ALL.iter().position(|v| *v == verb).and_then(|at| DEFAULT_BECAUSE.get(at)).copied().unwrap_or_default()
}

fn any_matches(patterns: &[String], text: &str) -> bool {
    patterns.iter().any(|p| WildMatch::new(p).matches(text))
}

impl Environment {
    /// Whether a call with these facts happens here.
    fn holds(&self, context: &Context) -> bool {
        self.matches.iter().any(|(key, patterns)| context.facts.get(key).is_some_and(|v| any_matches(patterns, v)))
    }

    /// Its entry for a verb. An environment that speaks of `destroy` but not of `unknown` means both.
    fn entry(&self, verb: Verb) -> Option<Decision> {
        let own = self.verbs.get(&verb).copied();
        if verb == Verb::Unknown { own.or_else(|| self.verbs.get(&Verb::Destroy).copied()) } else { own }
    }
}

impl Rule {
    /// Whether the rule speaks of this effect of a call.
    pub fn matches(&self, effect: &Effect, context: &Context, environments: &[&Environment]) -> bool {
        let one_of = |list: &[String], text: &str| list.is_empty() || any_matches(list, text);
        let by_tool =
            one_of(&self.tool, &context.tool) || (!effect.tool.is_empty() && any_matches(&self.tool, &effect.tool));
        by_tool
            && (self.verb.is_empty() || self.verb.contains(&effect.verb))
            && (one_of(&self.target, &effect.target) || (!effect.kind.is_empty() && any_matches(&self.target, &effect.kind)))
            && self.is_large(effect)
            && (self.environment.is_empty() || environments.iter().any(|e| any_matches(&self.environment, &e.name)))
    }

    /// Whether the effect is as large as the rule asks; one that is not counted is one thing of one.
    fn is_large(&self, effect: &Effect) -> bool {
        let count = effect.count.unwrap_or(1);
        let all = effect.of.unwrap_or(count);
        self.at_least.is_none_or(|least| count >= least)
            && self.percent.is_none_or(|percent| count.saturating_mul(100) >= percent.saturating_mul(all))
    }

    fn reason(&self) -> Reason {
        Reason {
            rule: self.id.clone(),
            place: self.place.clone(),
            because: self.because.clone(),
            instead: self.instead.clone(),
            decision: self.decision,
        }
    }
}

/// What one layer says of one effect: the strictest of the matching rules; with none, the strictest entry of the
/// matching environments; else the default; else nothing.
fn layer_says(layer: &Layer, effect: &Effect, context: &Context, environments: &[&Environment]) -> Option<Reason> {
    let here: Vec<&Environment> = layer.environments.iter().filter(|e| e.holds(context)).collect();
    let rules = layer.rules.iter().filter(|r| r.matches(effect, context, environments));
    if let Some(rule) = rules.max_by_key(|r| r.decision) {
        return Some(rule.reason());
    }
    let entries = here.iter().filter_map(|e| e.entry(effect.verb).map(|d| (d, *e)));
    if let Some((decision, environment)) = entries.max_by_key(|(d, _)| *d) {
        return Some(Reason {
            rule: format!("environment-{}-{}", environment.name, effect.verb),
            place: environment.place.clone(),
            because: format!("{} in `{}`", default_because(effect.verb), environment.name),
            instead: String::new(),
            decision,
        });
    }
    layer.default.get(&effect.verb).map(|decision| Reason {
        rule: format!("default-{}", effect.verb),
        place: format!("{}:{}", layer.file, layer.default_line),
        because: default_because(effect.verb).to_owned(),
        instead: String::new(),
        decision: *decision,
    })
}

/// Decides. The strictest over all effects wins; a layer that may only tighten counts where it is stricter than the base.
pub fn decide(policy: &Policy, effects: &[Effect], context: &Context) -> Verdict {
    let layers = || std::iter::once(&policy.base).chain(&policy.floors);
    let environments: Vec<&Environment> = layers().flat_map(|l| &l.environments).filter(|e| e.holds(context)).collect();
    let reasons = effects.iter().map(|effect| {
        let said = layers().filter_map(|layer| layer_says(layer, effect, context, &environments));
        // The first of equals: the base's reason stands unless a floor is stricter.
        let strictest = said.reduce(|best, next| if next.decision > best.decision { next } else { best });
        strictest.unwrap_or_else(|| Reason {
            rule: format!("default-{}", effect.verb),
            place: String::new(),
            because: default_because(effect.verb).to_owned(),
            instead: String::new(),
            decision: Decision::Ask,
        })
    });
    let reasons = reasons.collect();
    let mut names: Vec<String> = environments.iter().map(|e| e.name.clone()).collect();
    names.dedup();
    Verdict::new(effects.to_vec(), reasons, names)
}
