//! The gate before `terraform apply`: what the plan would lose is held whatever the words say, what it would not goes
//! through as if nothing stood there. Real terraform, real state.

#[path = "gate/approvals.rs"]
mod approvals;
#[path = "gate/benign.rs"]
mod benign;
mod fixture;
#[path = "gate/kills.rs"]
mod kills;
#[path = "gate/output.rs"]
mod output;
#[path = "fixture/stack.rs"]
mod stack;
#[path = "gate/states.rs"]
mod states;
#[path = "fixture/terminal.rs"]
mod terminal;

use stack::{APPLY, Stack, THREE, walk};

/// Two of the three.
const TWO: &str = r#"
resource "terraform_data" "a" { input = "1" }
resource "terraform_data" "b" { input = "1" }
"#;

#[test]
fn what_a_changed_configuration_would_lose_is_held() {
    let stack = Stack::applied(THREE);
    let forgets = format!("{TWO}removed {{\n  from = terraform_data.c\n  lifecycle {{ destroy = false }}\n}}\n");
    for (after, words) in [
        (TWO, ["would destroy `terraform_data.c`", "no longer in the configuration"]),
        ("", ["destroy 3 resources: `terraform_data.a`", "no longer in the configuration"]),
        (&THREE.replace("\"c\"", "\"renamed\""), ["would destroy `terraform_data.c`", "a `moved` block keeps it"]),
        (&forgets, ["would destroy `terraform_data.c`", "the state forgets it"]),
    ] {
        stack.main(after);
        stack.held(APPLY, &words);
        let last = stack.place.record().pop().unwrap();
        assert_eq!((last["kind"].as_str(), last["verb"].as_str()), (Some("refusal"), Some("destroy")), "{after}");
    }
    // Without any file terraform itself refuses.
    let before = stack.states();
    stack.make("rm main.tf");
    let (ran, bare) = (stack.run(APPLY), stack.bare(APPLY));
    assert_eq!((ran.code, bare.code, ran.stderr.contains("No configuration files")), (1, 1, true), "{ran:?} {bare:?}");
    assert!(before == stack.states());
}

#[test]
fn instances_that_a_changed_configuration_would_lose_are_held() {
    let with = |count: &str, keys: &str, trigger: &str| {
        format!(
            "resource \"terraform_data\" \"n\" {{ {count} }}\n\
             resource \"terraform_data\" \"k\" {{ for_each = toset([{keys}]) }}\n\
             resource \"terraform_data\" \"t\" {{ triggers_replace = \"{trigger}\" }}\n"
        )
    };
    let keys = "\"x\", \"y\"";
    let stack = Stack::applied(&with("count = 3", keys, "1"));
    for (after, words) in [
        (with("count = 2", keys, "1"), ["terraform_data.n[2]", "`count` is smaller"]),
        (with("", keys, "1"), ["terraform_data.n[1]", "`count`"]),
        (with("count = 3", "\"x\"", "1"), ["terraform_data.k[\"y\"]", "no longer in `for_each`"]),
        (with("count = 3", keys, "2"), ["terraform_data.t", "`triggers_replace` cannot be changed in place"]),
    ] {
        stack.main(&after);
        stack.held(APPLY, &words);
    }
}

#[test]
fn a_variable_that_forces_a_replace_is_held_however_it_is_given() {
    let main = "variable \"size\" { default = \"s\" }\nresource \"terraform_data\" \"t\" { triggers_replace = var.size }\n";
    let stack = Stack::applied(main);
    stack.place.write("work/prod/big.tfvars", "size = \"xl\"\n");
    for apply in [
        format!("{APPLY} -var size=xl"),
        format!("{APPLY} -var-file=big.tfvars"),
        format!("TF_VAR_size=xl {APPLY}"),
        format!("TF_CLI_ARGS='-var size=xl' {APPLY}"),
    ] {
        stack.held(&apply, &["terraform_data.t", "cannot be changed in place"]);
    }
    stack.place.write("work/prod/terraform.tfvars", "size = \"xl\"\n");
    stack.held(APPLY, &["terraform_data.t", "cannot be changed in place"]);
    stack.goes_through(&format!("{APPLY} -var size=s"), "No changes.");
}

#[test]
fn a_module_that_is_gone_is_held() {
    let stack = Stack::fresh(TWO);
    stack.place.write("work/prod/m/main.tf", "resource \"terraform_data\" \"inside\" {}\n");
    stack.main(&format!("{TWO}module \"m\" {{ source = \"./m\" }}\n"));
    stack.init();
    stack.goes_through(APPLY, "3 added");
    stack.main(TWO);
    stack.held(APPLY, &["module.m.terraform_data.inside"]);
}

#[test]
fn a_taint_is_held_and_so_is_an_apply_of_one() {
    let stack = Stack::applied(THREE);
    stack.held("terraform taint terraform_data.b", &["would destroy `terraform_data.b`"]);
    stack.make("terraform taint terraform_data.b");
    stack.held(APPLY, &["terraform_data.b", "it is tainted"]);
}

#[test]
fn what_flags_and_variables_would_lose_is_held() {
    let stack = Stack::applied(THREE);
    stack.held(&format!("{APPLY} -replace=terraform_data.b"), &["terraform_data.b", "that was asked for"]);
    stack.held(&format!("TF_CLI_ARGS_apply=-destroy {APPLY}"), &["destroy 3 resources: `terraform_data.a`"]);
    stack.held("TF_CLI_ARGS_apply='-auto-approve -replace terraform_data.b' terraform apply", &["terraform_data.b"]);
    stack.held(&format!("{APPLY} -lock=false"), &["state:lock"]);
    stack.held(&format!("TF_CLI_ARGS_apply=-lock=0 {APPLY}"), &["state:lock"]);
    // What terraform itself would not read there moves nothing: not a plan of sprag's own either.
    stack.goes_through(&format!("TF_CLI_ARGS_plan=-destroy {APPLY}"), "0 destroyed");
}

#[test]
fn a_saved_plan_is_what_its_bytes_are() {
    let stack = Stack::applied(THREE);
    let all = ["destroy 3 resources: `terraform_data.a`"];
    stack.goes_through("TF_CLI_ARGS_plan=-destroy terraform plan -no-color -out=p", "3 to destroy");
    stack.held("terraform apply p", &all);
    stack.held("terraform apply -auto-approve -no-color p", &all);
    stack.held("TF_CLI_ARGS_apply=p terraform apply", &all);
    // A plan that does no harm, and under its name one that does.
    stack.main(&THREE.replacen('1', "2", 1));
    stack.goes_through("terraform plan -no-color -out=good", "1 to change");
    stack.make("cp good kept && mv p good");
    stack.held("terraform apply good", &all);
    stack.make("ln -s kept link && terraform plan -destroy -out=bad >bad.txt && ln -sf bad link");
    stack.held("terraform apply link", &all);
    stack.make("ln -sf kept link");
    stack.goes_through("terraform apply -no-color link", "1 changed, 0 destroyed");
    stack.is_as_configured("terraform plan");
}

/// What only a plan says.
const FAILED: &str = "\nPlanning failed. Terraform encountered an error while generating this plan.\n\n";

#[test]
fn a_plan_that_fails_says_and_answers_what_terraform_does() {
    let need = "variable \"region\" {}\nresource \"terraform_data\" \"a\" { input = var.region }\n";
    let condition = "variable \"n\" { default = 1 }\nresource \"terraform_data\" \"a\" {\n  lifecycle {\n    precondition {\n      condition = var.n > 2\n      error_message = \"no\"\n    }\n  }\n}\n";
    let stack = Stack::applied("resource \"terraform_data\" \"a\" {}\n");
    for (main, says) in [
        ("resource \"terraform_data\" \"a\" { input = var.nothing }\n", "undeclared input variable"),
        ("resource \"terraform_data\" \"a\" {\n", "Unclosed configuration block"),
        ("resource \"terraform_dat\" \"a\" {}\n", "Invalid resource type"),
        (need, "No value for required variable"),
        (condition, "Resource precondition failed"),
    ] {
        let (before, recorded) = (stack.states(), stack.place.record().len());
        stack.main(main);
        for apply in ["terraform apply -auto-approve -no-color -input=false", "terraform apply -no-color -input=false"] {
            let (bare, ran) = (stack.bare(apply), stack.run(apply));
            assert!(bare.code == 1 && bare.stderr.contains(says), "{main}: {bare:?}");
            // A plan that fails says so, an apply does not.
            let stdout = ran.stdout.replace(FAILED, "");
            assert_eq!((ran.code, &stdout, &ran.stderr), (bare.code, &bare.stdout, &bare.stderr), "{main}");
        }
        assert!(before == stack.states(), "{main}: the state changed");
        let record = stack.place.record();
        let kinds: Vec<&str> = record[recorded..].iter().map(|l| l["kind"].as_str().unwrap()).collect();
        assert!(!kinds.is_empty() && kinds.iter().all(|k| *k == "aid"), "{main}: {kinds:?}");
    }
}

#[test]
fn an_apply_that_fails_half_way_is_on_record_and_its_state_remembered() {
    let main = r#"
resource "terraform_data" "a" {}
resource "terraform_data" "b" {
  depends_on = [terraform_data.a]
  provisioner "local-exec" { command = "exit 3" }
}
"#;
    let stack = Stack::fresh(main);
    let ran = stack.run(APPLY);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("exit status 3"), "{ran:?}");
    let last = stack.place.record().pop().unwrap();
    assert_eq!((last["kind"].as_str(), last["exit"].as_i64()), (Some("outcome"), Some(1)));
    let known = stack.place.sprag(&["state", "--json"]);
    let known: serde_json::Value = serde_json::from_str(&known.stdout).unwrap();
    assert_eq!(known["resources"], 2, "what was made stands in the file: {known}");
    stack.held(APPLY, &["terraform_data.b", "it is tainted"]);
}

#[test]
fn no_value_of_a_variable_is_kept_anywhere() {
    const SECRET: &str = "hunter2-XYZ";
    let with = |name: &str, attributes: &str| {
        format!("variable \"{name}\" {{ {attributes} }}\nresource \"terraform_data\" \"kept\" {{ input = var.{name} }}\n")
    };
    for (name, attributes) in [("pw", "sensitive = true"), ("size", "")] {
        let main = with(name, attributes);
        let stack = Stack::fresh(&format!("{main}resource \"terraform_data\" \"gone\" {{ input = var.{name} }}\n"));
        stack.place.write("work/prod/v.tfvars", &format!("{name} = \"{SECRET}\"\n"));
        stack.goes_through(&format!("{APPLY} -var {name}={SECRET}"), "2 added");
        stack.main(&main);
        let mut said = String::new();
        for apply in [
            format!("{APPLY} -var {name}={SECRET}"),
            format!("{APPLY} -var={name}={SECRET}"),
            format!("TF_VAR_{name}={SECRET} {APPLY}"),
            format!("TF_CLI_ARGS_apply='-var {name}={SECRET}' {APPLY}"),
            format!("{APPLY} -var-file=v.tfvars"),
            format!("SPRAG_FORMAT=json {APPLY} -var {name}={SECRET}"),
        ] {
            let ran = stack.run(&apply);
            assert!(ran.code == 75 && ran.stderr.contains("terraform_data.gone"), "{apply}: {ran:?}");
            said.push_str(&ran.stderr);
        }
        for words in [["pending", "--json"], ["log", "--json"], ["state", "--json"]] {
            said.push_str(&stack.place.sprag(&words).stdout);
        }
        assert!(said.contains("terraform_data.gone") && !said.contains(SECRET), "{said}");
        let mut files = Vec::new();
        walk(&stack.place.path("state"), &mut |path| {
            let text = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
            assert!(!text.contains(SECRET), "{}: {text}", path.display());
            files.push(path.strip_prefix(stack.place.path("state")).unwrap().display().to_string());
        });
        for part in ["record.jsonl", "requests/", "states/"] {
            assert!(files.iter().any(|f| f.starts_with(part)), "{part} was looked at: {files:?}");
        }
        assert!(stack.state().contains(SECRET), "terraform's own state holds it");
    }
}
