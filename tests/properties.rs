//! What holds for every call, policy and text, not only for those somebody thought of.

use proptest::prelude::*;
use sprag::call::{Around, Call, Stdin};
use sprag::effect::{Effect, Evidence, Verb, worst};
use sprag::inspect::{self, Unasked};
use sprag::policy::schema::{self, Layer, Policy};
use sprag::policy::{Context, decide, layers};
use sprag::say::{self, Refused};
use sprag::tool;
use sprag::verdict::Decision;
use std::collections::BTreeMap;
use std::path::PathBuf;

fn call(words: &[String]) -> Call {
    Call {
        name: words[0].clone(),
        other_name: None,
        link: PathBuf::new(),
        argv: words.iter().map(Into::into).collect(),
        env: BTreeMap::new(),
        cwd: "/nonexistent".into(),
        stdin: Stdin::Null,
        around: Around::default(),
    }
}

fn judged(words: &[String]) -> (Vec<Effect>, Vec<String>, Vec<String>) {
    let call = call(words);
    let tools = tool::find(&call.name).unwrap();
    let reading = tools[0].read(&call);
    let left = reading.argv().into_iter().map(|a| a.into_string().unwrap()).collect();
    let stripped = reading.stripped().to_vec();
    (inspect::deepen(&reading, &call, &Unasked(&call)).effects, left, stripped)
}

/// Words that make calls interesting: real ones, near misses, values that look like verbs.
fn word() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "apply",
        "destroy",
        "plan",
        "state",
        "rm",
        "-auto-approve",
        "--auto-approve",
        "-auto-approve=false",
        "-destroy",
        "-target=x",
        "-var",
        "a=destroy",
        "-chdir=x",
        "-help",
        "--",
        "-",
        "rds",
        "delete-db-instance",
        "--skip-final-snapshot",
        "s3",
        "sync",
        "--delete",
        "--dry-run",
        "--profile",
        "prod",
        "-c",
        "drop table x",
        "select 1",
        "-f",
        "nofile.sql",
        "-X",
        "-lock=false",
    ]);
    prop_oneof![8 => known.prop_map(str::to_owned), 2 => "[ -~]{0,12}", 1 => "\\PC{0,8}"]
}

fn words() -> impl Strategy<Value = Vec<String>> {
    let name = prop::sample::select(vec!["terraform", "tofu", "aws", "psql", "dropdb"]);
    (name, prop::collection::vec(word(), 0..7)).prop_map(|(n, w)| std::iter::once(n.to_owned()).chain(w).collect())
}

fn verb() -> impl Strategy<Value = Verb> {
    prop::sample::select(Verb::ALL.to_vec())
}

fn decision() -> impl Strategy<Value = Decision> {
    prop::sample::select(vec![Decision::Allow, Decision::Ask, Decision::Deny])
}

fn effect() -> impl Strategy<Value = Effect> {
    (verb(), "[a-z_.*]{0,8}").prop_map(|(v, t)| Effect::new(v, t, Evidence::Argv))
}

/// A layer with a few rules and defaults.
fn layer() -> impl Strategy<Value = Layer> {
    let rule = (decision(), verb(), "[a-z*]{1,4}").prop_map(|(d, v, t)| {
        format!("[[rule]]\nid = \"r\"\nverb = \"{v}\"\ntarget = \"{t}\"\ndecision = \"{}\"\nbecause = \"b\"\n", d.word())
    });
    let default = (verb(), decision()).prop_map(|(v, d)| (v, d));
    (prop::collection::vec(rule, 0..4), prop::option::of(default)).prop_map(|(rules, default)| {
        let default = default.map_or(String::new(), |(v, d)| format!("[default]\n{v} = \"{}\"\n", d.word()));
        schema::parse(&format!("version = 1\n{default}{}", rules.concat()), "p.toml").unwrap()
    })
}

fn policy(floors: Vec<Layer>) -> Policy {
    Policy { floors, ..layers::built_in().unwrap() }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(600) })]

    #[test]
    fn a_layer_that_may_only_tighten_never_loosens(effects in prop::collection::vec(effect(), 1..5), floor in layer(), more in layer()) {
        let context = Context { tool: "terraform".into(), facts: BTreeMap::new() };
        let base = decide(&policy(vec![]), &effects, &context).decision();
        let one = decide(&policy(vec![floor.clone()]), &effects, &context).decision();
        let two = decide(&policy(vec![floor, more]), &effects, &context).decision();
        prop_assert!(base <= one && one <= two);
    }

    #[test]
    fn one_more_effect_never_makes_a_call_milder(effects in prop::collection::vec(effect(), 1..5), extra in effect(), floor in layer()) {
        let (policy, context) = (policy(vec![floor]), Context::default());
        let before = decide(&policy, &effects, &context).decision();
        let after = decide(&policy, &[effects, vec![extra]].concat(), &context).decision();
        prop_assert!(before <= after);
    }

    #[test]
    fn a_word_that_no_grammar_knows_is_never_allowed(words in words(), nonsense in "--zz[a-z]{3,8}") {
        let mut words = words;
        words.insert(1, nonsense);
        let (effects, _, _) = judged(&words);
        let help = effects.iter().any(|e| e.target == "help");
        prop_assert!(help || worst(&effects) == Verb::Unknown, "{words:?}: {effects:?}");
    }

    #[test]
    fn what_runs_is_what_was_typed_without_the_stripped_flags(words in words()) {
        let (_, left, stripped) = judged(&words);
        let mut typed = words.iter().skip(1);
        for word in &left {
            prop_assert!(typed.any(|t| t == word), "{left:?} is no part of {words:?}");
        }
        let again: Vec<String> = words.iter().take(1).chain(&left).cloned().collect();
        prop_assert_eq!(&judged(&again).1, &left, "a second strip changes nothing");
        let before_end: Vec<&String> = left.iter().take_while(|w| *w != "--").collect();
        // What is not understood is held, and help changes nothing: neither carries a flag to an apply.
        let verb = worst(&judged(&words).0);
        if !stripped.is_empty() && verb != Verb::Unknown && verb != Verb::Read {
            prop_assert!(!before_end.iter().any(|w| w.trim_start_matches('-').starts_with("auto-approve") && w.starts_with('-')), "{left:?}");
        }
    }

    #[test]
    fn a_refusal_holds_nothing_a_terminal_obeys(target in "\\PC*|[\\x00-\\x1f\u{202e}\u{200b}a]*", command in "[\\x00-\\x1fa\u{9b}]*") {
        let effect = Effect::new(Verb::Destroy, target.clone(), Evidence::Argv).because(target);
        let verdict = decide(&policy(vec![]), &[effect], &Context::default());
        let text = say::refusal(&Refused { command: &command, verdict: &verdict, request: None, why: Some(&command), ran: None });
        prop_assert!(text.lines().count() <= 8);
        prop_assert!(text.chars().all(|c| c == '\n' || sprag::text::sanitise(&c.to_string()) == c.to_string()));
    }

    #[test]
    fn no_command_line_makes_the_grammar_panic(name in prop::sample::select(vec!["terraform", "aws", "psql", "dropdb"]), rest in prop::collection::vec("\\PC{0,10}", 0..8)) {
        let words: Vec<String> = std::iter::once(name.to_owned()).chain(rest).collect();
        prop_assert!(!judged(&words).0.is_empty(), "every call has an effect");
    }
}
