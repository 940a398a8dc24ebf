//! What the person sees of a guarded apply is what terraform prints, in a pipe and on a terminal.

use super::stack::{APPLY, NOTE, Stack};

/// One after the other, so that what is said of each comes in one order.
fn chain(a: &str, b: &str) -> String {
    format!(
        "resource \"terraform_data\" \"a\" {{ input = \"{a}\" }}\n\
         resource \"terraform_data\" \"b\" {{\n  input = \"{b}\"\n  depends_on = [terraform_data.a]\n}}\n"
    )
}

/// A text with ids and durations left out.
fn masked(text: &str) -> String {
    const ID: usize = "2e980b48-af1b-ab6c-82f2-d1299929a639".len();
    let is_id = |s: &[char]| {
        s.len() == ID
            && s.iter().enumerate().all(|(i, c)| match i {
                8 | 13 | 18 | 23 => *c == '-',
                _ => c.is_ascii_hexdigit(),
            })
    };
    let chars: Vec<char> = text.chars().collect();
    let (mut out, mut at) = (String::new(), 0);
    while let Some(c) = chars.get(at) {
        if chars.get(at..at + ID).is_some_and(is_id) {
            out.push_str("ID");
            at += ID;
        } else {
            out.push(*c);
            at += 1;
        }
    }
    (0..3).fold(out, |text, seconds| text.replace(&format!("after {seconds}s"), "after SOME"))
}

/// Which of terraform's own applies a guarded one is compared with.
#[derive(Clone, Copy, PartialEq)]
enum Like {
    /// One that is told not to ask.
    Unasked,
    /// One that asks, its question cut out: there the plan's warnings stand behind the plan and not behind the apply.
    Asked,
}

/// Scenes on one configuration: each is a state of `main.tf` and the flags of an apply.
fn scenes() -> Vec<(String, &'static str, Like)> {
    let moved = chain("2", "1").replace("\"a\" {", "\"z\" {").replace("data.a]", "data.z]")
        + "moved {\n  from = terraform_data.a\n  to = terraform_data.z\n}\n";
    let output = format!("{moved}output \"z\" {{ value = terraform_data.z.output }}\n");
    let hidden = "output \"s\" {\n  sensitive = true\n  value = \"x\"\n}\n";
    let hello = "resource \"terraform_data\" \"n\" {\n  depends_on = [terraform_data.b]\n  provisioner \"local-exec\" { command = \"echo hello\" }\n}\n";
    let with = |value: &str| format!("{output}{CHECK}").replace("\"2\"", &format!("\"{value}\""));
    vec![
        (chain("1", "1"), "", Like::Unasked),
        (chain("1", "1"), "", Like::Unasked),
        (chain("2", "2"), "-target=terraform_data.a", Like::Asked),
        (chain("2", "1"), "-refresh=false", Like::Unasked),
        (moved, "", Like::Unasked),
        (output.clone(), "", Like::Unasked),
        (format!("{output}{hidden}"), "", Like::Unasked),
        (format!("{output}{hidden}"), "-refresh-only", Like::Unasked),
        (with("3"), "", Like::Asked),
        (with("4"), "-compact-warnings", Like::Asked),
        (format!("{output}{hello}"), "", Like::Unasked),
    ]
}

/// A check that warns.
const CHECK: &str = "check \"c\" {\n  assert {\n    condition = terraform_data.b.output == \"9\"\n    error_message = \"it is not nine\"\n  }\n}\n";

/// A twin of the stack's folder beside it, never guarded.
fn twinned() -> Stack {
    let stack = Stack::fresh("");
    stack.make("mkdir ../twin");
    stack
}

fn write(stack: &Stack, main: &str) {
    stack.main(main);
    stack.place.write("work/twin/main.tf", main);
}

/// What terraform says without its question.
fn unasked(text: &str, before: &str, end: &str) -> String {
    let (plan, question) = text.split_once(&format!("{before}{end}Do you want to")).unwrap();
    let (_, answer) = question.split_once("Enter a value:").unwrap();
    format!("{plan}{}", answer.split_once(end).unwrap().1)
}

#[test]
fn in_a_pipe_it_is_the_same_byte_for_byte() {
    let stack = twinned();
    for (main, flags, like) in scenes() {
        write(&stack, &main);
        let apply = format!("{APPLY} {flags}");
        let ran = stack.run(&apply);
        let mut bare = match like {
            Like::Unasked => stack.bare(&format!("cd ../twin && {apply}")),
            Like::Asked => stack.bare(&format!("cd ../twin && echo yes | terraform apply -no-color {flags}")),
        };
        if like == Like::Asked {
            bare.stdout = unasked(&bare.stdout, "", "\n");
        }
        assert_eq!(masked(&ran.stdout), masked(&bare.stdout), "{apply} of:\n{main}");
        assert_eq!((ran.code, ran.stderr), (0, format!("{NOTE}{}", bare.stderr)), "{apply} of:\n{main}");
        assert!(bare.code == 0 && !ran.stdout.contains("Saved the plan"), "{}", ran.stdout);
    }
    assert!(stack.state().contains("\"n\""), "the last scene was reached");
}

#[test]
fn on_a_terminal_it_is_the_same_in_the_same_colours() {
    let stack = twinned();
    for (columns, (main, flags, like)) in [0, 40, 200].into_iter().cycle().zip(scenes()) {
        write(&stack, &main);
        let apply = format!("stty columns {columns}; terraform apply -auto-approve {flags}");
        let (_, seen) = stack.on_terminal(&apply, true).end();
        let bare = match like {
            Like::Unasked => stack.on_terminal(&format!("cd ../twin; {apply}"), false).end().1,
            Like::Asked => {
                let apply = apply.replace("-auto-approve", "");
                let mut terminal = stack.on_terminal(&format!("cd ../twin; stty -echo; {apply}"), false);
                let shown = terminal.until("Enter a value:");
                terminal.keys("yes\n");
                unasked(&(shown + &terminal.end().1), "\u{1b}[0m\u{1b}[1m", "\r\n")
            }
        };
        let note = NOTE.replace('\n', "\r\n");
        assert_eq!(seen.matches(&note).count(), 1, "{seen}");
        assert_eq!(masked(&seen.replace(&note, "")), masked(&bare), "{apply} of:\n{main}");
        assert!(bare.contains("\u{1b}[") && bare.ends_with("left with 0\r\n"), "{bare}");
        assert!(!seen.contains("Saved the plan"), "{seen}");
    }
}

#[test]
fn a_warning_where_nothing_is_to_be_done_is_all_that_is_said_twice() {
    let stack = twinned();
    write(&stack, &format!("{}{CHECK}", chain("1", "1")));
    stack.make(&format!("{APPLY} && cd ../twin && {APPLY}"));
    let (ran, bare) = (stack.run(APPLY), stack.bare(&format!("cd ../twin && {APPLY}")));
    let from = bare.stdout.find("\nWarning: Check block").unwrap();
    let end = bare.stdout.find("it is not nine\n").unwrap() + "it is not nine\n".len();
    let twice = format!("{}{}", &bare.stdout[..end], &bare.stdout[from..]);
    assert_eq!(masked(&ran.stdout), masked(&twice));
}

#[test]
fn in_automation_it_is_the_same() {
    let stack = twinned();
    write(&stack, &chain("1", "1"));
    let apply = format!("TF_IN_AUTOMATION=1 {APPLY}");
    let (ran, bare) = (stack.run(&apply), stack.bare(&format!("cd ../twin && {apply}")));
    assert_eq!((ran.code, masked(&ran.stdout)), (0, masked(&bare.stdout)));
    assert!(ran.stdout.contains("2 added"), "{ran:?}");
}

#[test]
fn what_only_reads_is_the_same_too() {
    let stack = Stack::applied(&chain("1", "1"));
    stack.main(&chain("2", "1"));
    for read in ["plan -no-color", "show -no-color", "state list", "validate -no-color", "plan -no-color -detailed-exitcode"]
    {
        let (ran, bare) = (stack.run(&format!("terraform {read}")), stack.bare(&format!("terraform {read}")));
        assert_eq!((ran.code, ran.stdout, ran.stderr), (bare.code, bare.stdout, bare.stderr), "{read}");
    }
    let saved = stack.run("terraform plan -no-color -out=p");
    assert!(saved.stdout.contains("Saved the plan to: p"), "what was asked for is said: {saved:?}");
}
