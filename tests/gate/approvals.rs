//! What a person is asked, and what their yes is bound to: the plan, whatever becomes of the files meanwhile.

use super::TWO;
use super::stack::{APPLY, GO_ON, PROMPT, Stack, THREE, id_in};

const QUESTION: &str = "apply this plan?";

#[test]
fn a_yes_is_for_that_plan_once() {
    let stack = Stack::applied(THREE);
    stack.main(TWO);
    let id = id_in(&stack.held(APPLY, &["terraform_data.c"]).stderr);
    assert_eq!(id_in(&stack.held(APPLY, &["terraform_data.c"]).stderr), id, "the same plan is the same question");
    let shown = stack.approve(&id);
    assert!(shown.contains("destroy `terraform_data.c`") && shown.contains("work/prod"), "{shown}");
    // Another plan under the same words.
    stack.main(&TWO.replace("\"b\"", "\"x\""));
    let other = id_in(&stack.held(APPLY, &["`terraform_data.b` and `terraform_data.c`"]).stderr);
    assert_ne!(other, id);
    // A value no effect tells of is another plan, too.
    stack.main(&TWO.replacen('1', "2", 1));
    let third = id_in(&stack.held(APPLY, &["terraform_data.c"]).stderr);
    assert!(third != id && third != other);
    stack.main(TWO);
    let ran = stack.run(APPLY);
    assert!(ran.code == 0 && ran.stdout.contains("Resources: 0 added, 0 changed, 1 destroyed."), "{ran:?}");
    assert!(!stack.state().contains("\"c\""));
    stack.is_as_configured("terraform plan");
    let answers = stack.place.record().into_iter().filter(|l| l["kind"] == "answer").map(|l| l["request"].clone());
    assert_eq!(answers.collect::<Vec<_>>(), [id.as_str(), id.as_str()], "given, and used");

    stack.main(THREE);
    stack.goes_through(APPLY, "1 added");
    stack.main(TWO);
    assert_ne!(id_in(&stack.held(APPLY, &["terraform_data.c"]).stderr), id, "one yes, one run");
    assert_eq!(stack.place.sprag(&["log", "verify"]).code, 0);
}

#[test]
fn a_yes_to_a_saved_plan_is_for_its_bytes() {
    let stack = Stack::applied(THREE);
    stack.make("terraform plan -destroy -target=terraform_data.c -out=p && terraform plan -destroy -out=all");
    let id = id_in(&stack.held("terraform apply p", &["would destroy `terraform_data.c`"]).stderr);
    stack.approve(&id);
    stack.make("mv p approved && cp all p");
    stack.held("terraform apply p", &["destroy 3 resources"]);
    stack.make("cp approved p");
    let ran = stack.run("terraform apply -no-color p");
    assert_eq!(ran.code, 75, "other words are another call: {ran:?}");
    let ran = stack.run("terraform apply p");
    assert!(ran.code == 0 && ran.stdout.contains("1 destroyed"), "{ran:?}");
    assert!(stack.state().contains("\"b\"") && !stack.state().contains("\"c\""));
}

#[test]
fn on_a_terminal_a_destroy_is_asked_about_once_and_done() {
    let stack = Stack::applied(THREE);
    stack.main(TWO);
    // With the flag and without: the person's yes is the only one.
    for (apply, back) in [("terraform apply -auto-approve", true), ("terraform apply", false)] {
        let mut terminal = stack.on_terminal(apply, true);
        let shown = terminal.until(PROMPT);
        assert!(shown.contains("will be") && shown.contains("destroyed"), "the plan itself is shown: {shown}");
        assert!(shown.contains("would destroy `terraform_data.c`"), "{shown}");
        terminal.keys("terraform_data.c\n");
        let (_, rest) = terminal.end();
        assert!(rest.contains("1 destroyed") && rest.contains("left with 0"), "{rest}");
        let asked = format!("{shown}{rest}");
        assert!(asked.matches(PROMPT).count() == 1 && !asked.contains("Enter a value"), "{asked}");
        assert!(!stack.state().contains("\"c\""));
        if back {
            stack.main(THREE);
            stack.goes_through(APPLY, "1 added");
            stack.main(TWO);
        }
    }
}

#[test]
fn without_the_flag_one_question_is_asked() {
    let stack = Stack::fresh(THREE);
    for (answer, code, made) in [("no", 1, false), ("y", 1, false), ("", 1, false), ("yes", 0, true)] {
        let mut terminal = stack.on_terminal("terraform apply", true);
        let shown = terminal.until(PROMPT);
        assert!(shown.contains("3 to add") && shown.contains(QUESTION), "{shown}");
        terminal.keys(&format!("{answer}\n"));
        let (_, rest) = terminal.end();
        assert!(rest.contains(&format!("left with {code}")), "{answer:?}: {rest}");
        let said = format!("{shown}{rest}");
        let asked = (said.matches(QUESTION).count(), said.contains("Enter a value"), said.contains("Do you want to"));
        assert_eq!(asked, (1, false, false), "{said}");
        assert_eq!(stack.place.path("work/prod/terraform.tfstate").exists(), made, "{answer:?}: {rest}");
    }
    for (answer, code) in [("no", 1), ("", 1), ("yes", 0)] {
        stack.main(&THREE.replacen('1', "2", 1));
        let before = stack.states();
        let ran = stack.run(&format!("echo '{answer}' | terraform apply -no-color"));
        assert_eq!((ran.code, ran.stderr.matches(QUESTION).count()), (code, 1), "{answer:?}: {ran:?}");
        assert_eq!(before == stack.states(), code == 1, "{answer:?}: {ran:?}");
    }
    stack.is_as_configured("terraform plan");
    // Where nothing is to be done terraform asks nothing, and neither does sprag.
    let ran = stack.run("terraform apply -no-color </dev/null");
    assert!(ran.code == 0 && ran.stdout.contains("No changes.") && ran.stderr.is_empty(), "{ran:?}");
}

#[test]
fn what_was_shown_is_applied_whatever_the_configuration_has_become() {
    let stack = Stack::applied(THREE);
    stack.main(&format!("{THREE}resource \"terraform_data\" \"d\" {{}}\n"));
    let mut terminal = stack.on_terminal("terraform apply", true);
    let shown = terminal.until(PROMPT);
    assert!(shown.contains("1 to add"), "{shown}");
    stack.main("");
    terminal.keys("yes\n");
    let (_, rest) = terminal.end();
    assert!(rest.contains("1 added, 0 changed, 0 destroyed") && rest.contains("left with 0"), "{rest}");
    for name in ["\"a\"", "\"b\"", "\"c\"", "\"d\""] {
        assert!(stack.state().contains(&format!("\"name\": {name}")), "{name}: {}", stack.state());
    }
    // What became of it is judged by the next apply.
    stack.held(APPLY, &["destroy 4 resources"]);
}

#[test]
fn a_saved_plan_that_is_swapped_while_a_person_reads_is_not_what_runs() {
    let stack = Stack::applied(THREE);
    stack.place.policy("version = 1\n[default]\nwrite = \"ask\"\n");
    stack.main(&THREE.replacen('1', "2", 1));
    stack.make("terraform plan -out=p && terraform plan -destroy -out=all");
    let mut terminal = stack.on_terminal("terraform apply p", true);
    let shown = terminal.until(GO_ON);
    assert!(shown.contains("terraform_data.a"), "{shown}");
    stack.make("mv all p");
    terminal.keys("y\n");
    let (_, rest) = terminal.end();
    assert!(rest.contains("0 added, 1 changed, 0 destroyed") && rest.contains("left with 0"), "{rest}");
}
