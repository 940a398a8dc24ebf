//! A person's yes: on the terminal where the call was made, or on another one later; for exactly what was shown, once.

mod fixture;
#[path = "fixture/puppet.rs"]
mod puppet;
#[path = "fixture/terminal.rs"]
mod terminal;

use puppet::Stage;
use terminal::{Terminal, on_a_terminal};

const BUCKET: &str = "aws s3 rb s3://courses";
const PROMPT: &str = "anything else stops: ";

/// Runs a command line on a terminal; its exit code is said at the end.
fn on_terminal(stage: &Stage, line: &str) -> Terminal {
    Terminal::start(stage.command(&on_a_terminal(&format!("bash -c '{line}; echo left with $?'")), true))
}

/// The id that a refusal names.
fn id_in(text: &str) -> String {
    text.split("sprag approve ").nth(1).unwrap_or_else(|| panic!("no id in {text}")).chars().take(4).collect()
}

/// Approves a request on a terminal of its own, by typing `answer`; returns what was shown.
fn approve(stage: &Stage, id: &str, answer: &str) -> String {
    let mut terminal = on_terminal(stage, &format!("\"$SPRAG\" approve {id}"));
    let shown = terminal.until(PROMPT);
    terminal.keys(&format!("{answer}\n"));
    shown + &terminal.end().1
}

#[test]
fn on_a_terminal_the_name_of_what_is_lost_goes_through_and_nothing_else() {
    let stage = Stage::new();
    for (answer, code) in [("s3://courses", 0), ("courses", 77), ("y", 77), ("", 77), ("s3://courses2", 77)] {
        let mut terminal = on_terminal(&stage, BUCKET);
        let shown = terminal.until(PROMPT);
        assert!(shown.contains("would destroy `s3://courses`"), "{shown}");
        assert!(shown.contains("type the name `s3://courses`"), "{shown}");
        terminal.keys(&format!("{answer}\n"));
        let (_, rest) = terminal.end();
        assert!(rest.contains(&format!("left with {code}")), "{answer:?}: {rest}");
    }
    let answers: Vec<String> = stage
        .place
        .record()
        .iter()
        .filter(|l| l["kind"] == "answer")
        .map(|l| l["answer"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(answers, ["approve", "refuse", "refuse", "refuse", "refuse"]);
}

#[test]
fn links_are_removed_by_a_person_and_nothing_else_is() {
    let stage = Stage::new();
    let folder = stage.place.path("other");
    assert_eq!(stage.place.sprag(&["install", "--dir", folder.to_str().unwrap(), "terraform"]).code, 0);
    std::fs::write(folder.join("aws"), "mine").unwrap();
    for (answer, code) in [("yes", 1), ("remove", 0)] {
        let mut terminal = on_terminal(&stage, &format!("\"$SPRAG\" uninstall --dir {}", folder.display()));
        terminal.until(PROMPT);
        terminal.keys(&format!("{answer}\n"));
        let (_, rest) = terminal.end();
        assert!(rest.contains(&format!("left with {code}")), "{rest}");
        assert_eq!(folder.join("terraform").is_symlink(), code == 1, "{answer}");
    }
    assert_eq!(std::fs::read_to_string(folder.join("aws")).unwrap(), "mine");
}

#[test]
fn what_was_typed_before_the_question_is_no_answer() {
    let stage = Stage::new();
    // The shell waits for a line before it calls; what stands behind that line is typed ahead.
    let mut terminal = on_terminal(&stage, &format!("read go; {BUCKET}"));
    terminal.keys("go\ns3://courses\n");
    terminal.until(PROMPT);
    terminal.keys("\n");
    let (_, rest) = terminal.end();
    assert!(rest.contains("left with 77"), "{rest}");
}

#[test]
fn an_end_of_input_or_an_interrupt_is_a_no() {
    let stage = Stage::new();
    for (keys, code) in [("\u{4}", "left with 77"), ("\u{3}", "")] {
        let mut terminal = on_terminal(&stage, BUCKET);
        terminal.until(PROMPT);
        terminal.keys(keys);
        let (status, rest) = terminal.end();
        assert!(rest.contains(code) && !rest.contains("left with 0"), "{rest}");
        assert!(code == "left with 77" || !status.success(), "{status:?} {rest}");
    }
}

#[test]
fn without_a_terminal_the_request_waits_and_a_yes_counts_once() {
    let stage = Stage::new();
    let asked = stage.run(BUCKET);
    assert_eq!(asked.code, 75, "{asked:?}");
    let id = id_in(&asked.stderr);
    assert_eq!(id_in(&stage.run(BUCKET).stderr), id, "the same question is the same request");
    let pending = stage.run("\"$SPRAG\" pending");
    assert!(pending.stdout.contains(&id) && pending.stdout.contains("aws s3 rb s3://courses"), "{pending:?}");
    let refused = stage.run(&format!("\"$SPRAG\" approve {id}"));
    assert!(refused.code != 0 && refused.stderr.contains("needs a terminal"), "{refused:?}");
    assert_eq!(stage.run(BUCKET).code, 75, "nobody has said yes yet");

    let shown = approve(&stage, &id, "no");
    assert!(shown.contains("left with 1"), "{shown}");
    assert_eq!(stage.run(BUCKET).code, 75);
    let shown = approve(&stage, &id, "s3://courses");
    assert!(shown.contains("left with 0") && shown.contains("destroy `s3://courses`"), "{shown}");

    // Another command, another folder, another profile: each is another question.
    for other in ["aws s3 rb s3://other", "cd /tmp && aws s3 rb s3://courses", "AWS_PROFILE=x aws s3 rb s3://courses"] {
        assert_eq!(stage.run(other).code, 75, "{other}");
    }
    assert_eq!(stage.run(BUCKET).code, 0);
    assert_eq!(stage.run(BUCKET).code, 75, "one yes, one run");
    assert_eq!(stage.run("\"$SPRAG\" log verify").code, 0);
}

#[test]
fn a_request_can_be_refused_and_another_policy_asks_anew() {
    let stage = Stage::new();
    let id = id_in(&stage.run(BUCKET).stderr);
    assert_eq!(stage.run(&format!("\"$SPRAG\" refuse {id}")).code, 0);
    assert_ne!(stage.run(&format!("\"$SPRAG\" refuse {id}")).code, 0, "it is gone");
    let id = id_in(&stage.run(BUCKET).stderr);
    approve(&stage, &id, "s3://courses");
    stage.place.policy("version = 1\n[default]\nwrite = \"ask\"\n");
    assert_eq!(stage.run(BUCKET).code, 75, "what was approved was approved under another policy");
}

#[test]
fn an_approval_ends_with_its_time() {
    let stage = Stage::new();
    stage.place.policy("version = 1\n[approval]\napprove_within_minutes = 0\nrun_within_minutes = 15\n");
    let id = id_in(&stage.run(BUCKET).stderr);
    let late = stage.run(&format!("\"$SPRAG\" approve {id}"));
    assert!(late.code != 0 && late.stderr.contains("its time is over"), "{late:?}");
    assert_eq!(stage.run("\"$SPRAG\" pending").stdout, "");
}

#[test]
fn a_deny_is_no_question() {
    let stage = Stage::new();
    stage.place.policy("version = 1\n[[rule]]\nid = \"never\"\nverb = \"destroy\"\ndecision = \"deny\"\nbecause = \"b\"\n");
    let (_, said) = on_terminal(&stage, BUCKET).end();
    assert!(said.contains("left with 77") && !said.contains(PROMPT) && !said.contains("to ask:"), "{said}");
}
