//! What a program reads: one JSON object a line, `"v": 1`, lower-case words.

use crate::effect::Effect;
use crate::verdict::Verdict;
use serde::Serialize;

/// The answer to one line of `check --batch`, and of `check --json`.
#[derive(Debug, Serialize)]
struct Batch<'a> {
    v: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a serde_json::Value>,
    tool: Option<&'a str>,
    verb: &'a str,
    effects: &'a [Effect],
    decision: &'a str,
    obligations: Vec<String>,
    environments: &'a [String],
    rule: &'a str,
    because: &'a str,
    instead: &'a str,
    argv: &'a [String],
}

/// A verdict as one JSON line.
pub fn verdict_json(id: Option<&serde_json::Value>, tool: Option<&str>, verdict: &Verdict, argv: &[String]) -> String {
    let reason = verdict.reason();
    let line = Batch {
        v: 1,
        id,
        tool,
        verb: verdict.verb().word(),
        effects: verdict.effects(),
        decision: verdict.decision().word(),
        obligations: verdict.obligations().iter().map(ToString::to_string).collect(),
        environments: verdict.environments(),
        rule: reason.map_or("", |r| &r.rule),
        because: reason.map_or("", |r| &r.because),
        instead: reason.map_or("", |r| &r.instead),
        argv,
    };
    write(&line)
}

/// A refusal as one JSON line.
pub fn refusal_json(tool: &str, verdict: &Verdict, request: Option<&str>, why: Option<&str>) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        v: u8,
        tool: &'a str,
        decision: &'a str,
        verb: &'a str,
        effects: &'a [Effect],
        rule: &'a str,
        because: &'a str,
        instead: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        request: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<&'a str>,
        ran: bool,
    }
    let reason = verdict.reason();
    write(&Line {
        v: 1,
        tool,
        decision: verdict.decision().word(),
        verb: verdict.verb().word(),
        effects: verdict.effects(),
        rule: reason.map_or("", |r| &r.rule),
        because: reason.map_or("", |r| &r.because),
        instead: reason.map_or("", |r| &r.instead),
        request,
        why,
        ran: false,
    })
}

fn write(value: &impl Serialize) -> String {
    // Strings, numbers and lists of them always have a JSON form.
    serde_json::to_string(value).unwrap_or_default()
}
