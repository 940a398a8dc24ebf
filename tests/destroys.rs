//! One destroy, in every spelling and from every kind of program: each is held, says what would be lost, and leaves the
//! state as it was, byte for byte. Real terraform, real state.

mod fixture;

use fixture::{Place, need};

const CONFIGURATION: &str = r#"
resource "terraform_data" "network" { input = "10.0.0.0/16" }
resource "terraform_data" "database" { input = "courses" }
"#;

/// A place with an applied configuration in `work/prod`.
fn place() -> Place {
    need("terraform");
    let place = Place::new();
    place.write("work/prod/main.tf", CONFIGURATION);
    let made = place.bare("cd prod && terraform init -no-color >&2 && terraform apply -auto-approve -no-color >&2");
    assert_eq!(made.code, 0, "{made:?}");
    place
}

/// Runs `script` in `work/prod` and demands that the destroy was held. `own_code`: the program that calls terraform has an
/// exit code of its own.
fn assert_held(place: &Place, script: &str, own_code: bool) {
    let state = place.path("work/prod/terraform.tfstate");
    let before = std::fs::read(&state).unwrap();
    let ran = place.run(&format!("cd prod && {{ {script}\n}}"));
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(own_code || ran.code == 75 || ran.code == 77, "`{script}` left with {}: {said}", ran.code);
    assert_ne!(ran.code, 0, "`{script}`: {said}");
    assert!(said.contains("sprag: refused: `terraform"), "`{script}` does not say so: {said}");
    assert!(
        said.contains("would destroy") && said.contains("terraform_data.database"),
        "`{script}` does not say what: {said}"
    );
    assert!(said.contains("nothing was run"), "`{script}`: {said}");
    assert!(before == std::fs::read(&state).unwrap(), "`{script}` changed the state");
}

#[test]
fn every_spelling_is_held() {
    let place = place();
    for script in [
        "terraform destroy",
        "terraform destroy -auto-approve",
        "terraform destroy --auto-approve",
        "terraform destroy -auto-approve=1",
        "terraform destroy -auto-approve=false -auto-approve",
        "terraform destroy -auto-approve --",
        "terraform apply -destroy",
        "terraform apply -destroy -auto-approve",
        "terraform apply --destroy=true -auto-approve",
        "terraform -chdir=. destroy -auto-approve",
        "cd .. && terraform -chdir=prod destroy -auto-approve",
        "TF_CLI_ARGS_apply=-destroy terraform apply -auto-approve",
        "TF_CLI_ARGS='destroy -auto-approve' terraform",
        "TF_CLI_ARGS_=\"destroy -auto-approve\" terraform",
        "TF_CLI_ARGS_destroy=-auto-approve terraform destroy",
        "echo yes | terraform destroy",
        "yes yes | terraform apply -destroy",
        "terraform apply -auto-approve -replace=terraform_data.database",
        "terraform destroy -auto-approve -target=terraform_data.database",
        "terraform plan -destroy -out=p.bin >/dev/null && terraform apply p.bin",
        "terraform plan -destroy -out=p.bin >/dev/null && TF_CLI_ARGS_apply=p.bin terraform apply",
        "mv main.tf main.old && touch main.tf && { terraform apply -auto-approve; rc=$?; mv main.old main.tf; exit $rc; }",
    ] {
        assert_held(&place, script, false);
    }
}

#[test]
fn it_is_held_whoever_calls() {
    let place = place();
    for tool in ["make", "npm", "xargs", "python3", "perl"] {
        need(tool);
    }
    place.write("work/prod/Makefile", "gone:\n\tterraform destroy -auto-approve\n");
    place.write("work/prod/package.json", r#"{"scripts": {"gone": "terraform destroy -auto-approve"}}"#);
    place.write("work/prod/gone.sh", "terraform destroy -auto-approve\n");
    std::os::unix::fs::symlink(place.path("links/terraform"), place.path("work/prod/tf")).unwrap();
    for script in [
        "bash -c 'exec -a ls terraform destroy -auto-approve'",
        "./tf destroy -auto-approve",
        "bash gone.sh",
        "sh -c 'terraform destroy -auto-approve'",
        "source ./gone.sh",
        "d=destroy; t=terraform; $t $d -auto-approve",
        "echo dGVycmFmb3JtIGRlc3Ryb3kgLWF1dG8tYXBwcm92ZQo= | base64 -d | sh",
        "bash <<'END'\nterraform destroy -auto-approve\nEND",
        "setsid -w terraform destroy -auto-approve",
        "nohup terraform destroy -auto-approve",
        "timeout 60 terraform destroy -auto-approve",
        "env X=1 terraform destroy -auto-approve",
    ] {
        assert_held(&place, script, false);
    }
    for script in [
        "make gone",
        "npm run --silent gone",
        "echo -auto-approve | xargs terraform destroy",
        "python3 -c 'import subprocess, sys; sys.exit(subprocess.run([\"terraform\", \"destroy\", \"-auto-approve\"]).returncode)'",
        "perl -e 'exit(system(\"terraform\", \"destroy\", \"-auto-approve\") >> 8)'",
    ] {
        assert_held(&place, script, true);
    }
}

#[test]
fn an_apply_that_destroys_nothing_runs_without_its_flag() {
    let place = place();
    place.write("work/prod/more.tf", "resource \"terraform_data\" \"cache\" { input = \"x\" }\n");
    let ran = place.run("cd prod && terraform apply -auto-approve -no-color");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("1 added, 0 changed, 0 destroyed"), "{ran:?}");
    assert!(ran.stderr.contains("sprag: ran without `-auto-approve`"), "{ran:?}");
    let words = place.record().iter().filter(|l| l["kind"] == "intent").map(|l| l["argv"].to_string()).collect::<String>();
    assert!(words.contains("-auto-approve"), "the record says what was typed: {words}");
    let plan = place.run("cd prod && terraform plan -detailed-exitcode >/dev/null; echo $?");
    assert_eq!(plan.stdout.trim(), "0", "nothing is left to do: {plan:?}");
}

#[test]
fn an_apply_without_the_flag_asks_once_and_takes_no_for_an_answer() {
    let place = place();
    place.write("work/prod/more.tf", "resource \"terraform_data\" \"cache\" { input = \"x\" }\n");
    let count = "grep -c '\"name\": \"cache\"' terraform.tfstate";
    let no = place.run(&format!("cd prod; terraform apply </dev/null; echo rc=$?; {count}"));
    assert!(no.stdout.contains("rc=1") && no.stdout.ends_with("0\n"), "{no:?}");
    let no = place.run(&format!("cd prod; echo no | terraform apply; echo rc=$?; {count}"));
    assert!(no.stdout.contains("rc=1") && no.stdout.ends_with("0\n"), "{no:?}");
    let yes = place.run(&format!("cd prod; echo yes | terraform apply; echo rc=$?; {count}"));
    assert!(yes.stdout.contains("rc=0") && yes.stdout.ends_with("1\n"), "{yes:?}");
}

#[test]
fn without_the_real_tool_the_call_ends_as_a_shell_says_it() {
    let place = Place::new();
    place.write("work/prod/main.tf", CONFIGURATION);
    let ran =
        place.run("cd prod && PATH=$(dirname \"$(command -v terraform)\"):/usr/bin:/bin terraform apply -auto-approve");
    assert_eq!(ran.code, 127, "{ran:?}");
    assert!(ran.stderr.contains("is not installed") && ran.stderr.ends_with("nothing was run\n"), "{ran:?}");
}
