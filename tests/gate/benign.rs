//! What loses nothing goes through: no question, terraform's own words, and nothing left to do afterwards.

use super::stack::{APPLY, Stack, THREE};
use serde_json::Value;

const PLAN: &str = "terraform plan";

/// `THREE` with another value in `a`.
fn updated() -> String {
    THREE.replacen('1', "2", 1)
}

#[test]
fn changes_that_lose_nothing_go_through() {
    let stack = Stack::fresh("");
    let more = format!("{}resource \"terraform_data\" \"d\" {{}}\n", updated());
    let moved = more.replace("\"c\"", "\"z\"") + "moved {\n  from = terraform_data.c\n  to = terraform_data.z\n}\n";
    let import = "resource \"terraform_data\" \"i\" {}\nimport {\n  to = terraform_data.i\n  id = \"i-1\"\n}\n";
    let imported = format!("{moved}{import}");
    let output = format!("{imported}output \"a\" {{ value = terraform_data.a.output }}\n");
    for (main, says) in [
        (THREE, "Resources: 3 added, 0 changed, 0 destroyed."),
        (&updated(), "Resources: 0 added, 1 changed, 0 destroyed."),
        (&more, "Resources: 1 added, 0 changed, 0 destroyed."),
        (&moved, "terraform_data.c has moved to terraform_data.z"),
        (&imported, "Resources: 1 imported, 0 added, 0 changed, 0 destroyed."),
        (&output, "Changes to Outputs:"),
        (&output, "No changes. Your infrastructure matches the configuration."),
    ] {
        stack.main(main);
        stack.goes_through(APPLY, says);
        stack.is_as_configured(PLAN);
    }
    assert!(stack.place.sprag(&["pending", "--json"]).stdout.is_empty(), "nobody was asked");
}

#[test]
fn flags_that_lose_nothing_go_through() {
    let stack = Stack::applied(THREE);
    for flags in ["-parallelism=1", "-compact-warnings", "-input=false", "-lock-timeout=1s", "-refresh=false", "-backup=b"] {
        let value = format!("\"{flags}\"");
        stack.main(&THREE.replacen("\"1\"", &value, 1));
        stack.goes_through(&format!("{APPLY} {flags}"), "1 changed");
        stack.is_as_configured(PLAN);
        assert!(stack.state().contains(flags));
    }
    stack.goes_through(&format!("{APPLY} -refresh-only"), "0 changed");
    stack.goes_through("terraform refresh -no-color", "Refreshing state");
    stack.is_as_configured(PLAN);
}

#[test]
fn a_target_is_all_that_is_applied() {
    let stack = Stack::applied(THREE);
    stack.main(&THREE.replace('1', "2"));
    let ran = stack.goes_through(&format!("{APPLY} -target=terraform_data.a"), "0 added, 1 changed, 0 destroyed");
    assert!(ran.stdout.contains("Applied changes may be incomplete"), "{ran:?}");
    let left = stack.bare("terraform plan -detailed-exitcode -no-color");
    assert!(left.code == 2 && left.stdout.contains("2 to change"), "{left:?}");
    stack.goes_through(APPLY, "2 changed");
    stack.is_as_configured(PLAN);
}

#[test]
fn a_value_reaches_the_apply_however_it_is_given() {
    let stack = Stack::applied("variable \"v\" { default = \"0\" }\nresource \"terraform_data\" \"a\" { input = var.v }\n");
    stack.place.write("work/prod/v.tfvars", "v = \"file\"\n");
    for (before, flags, value) in [
        ("", "-var v=flag", "flag"),
        ("", "-var v=spaced\\ value", "spaced value"),
        ("", "-var-file=v.tfvars", "file"),
        ("TF_VAR_v=variable", "", "variable"),
        ("TF_CLI_ARGS_apply='-var v=inserted'", "", "inserted"),
    ] {
        stack.goes_through(&format!("{before} {APPLY} {flags}"), "1 changed");
        assert!(stack.state().contains(&format!("\"value\": \"{value}\"")), "{}", stack.state());
        stack.is_as_configured(&format!("TF_VAR_v='{value}' terraform plan"));
    }
}

#[test]
fn an_ephemeral_value_is_passed_again_to_the_apply() {
    let main = r#"
variable "t" {
  type      = string
  ephemeral = true
  default   = null
}
resource "terraform_data" "a" {
  provisioner "local-exec" {
    command     = "echo -n \"$T\" >seen"
    environment = { T = var.t }
  }
}
"#;
    for apply in [format!("{APPLY} -var t=x-1"), format!("TF_VAR_t=x-1 {APPLY}")] {
        let stack = Stack::fresh(main);
        stack.goes_through(&apply, "1 added");
        let seen = std::fs::read_to_string(stack.place.path("work/prod/seen")).unwrap();
        assert_eq!(seen, "x-1", "{apply}");
        stack.is_as_configured("terraform plan -var t=x-1");
    }
}

#[test]
fn folders_and_state_files_may_be_elsewhere() {
    let stack = Stack::fresh(THREE);
    let place = &stack.place;
    let ran = place.run("terraform -chdir=prod apply -auto-approve -no-color");
    assert!(ran.code == 0 && ran.stdout.contains("3 added"), "{ran:?}");
    assert!(!place.path("work/terraform.tfstate").exists());
    stack.is_as_configured(PLAN);
    stack.goes_through(&format!("{APPLY} -state=other.tfstate"), "3 added");
    assert!(place.path("work/prod/other.tfstate").exists());
    stack.is_as_configured("terraform plan -state=other.tfstate");
    stack.is_as_configured(PLAN);
    // Each is remembered by itself: the one that is gone is missed, the other is as it was.
    stack.make("rm other.tfstate");
    let spelled =
        ["-state=other.tfstate", "-state ./other.tfstate", "-state=$PWD/other.tfstate", "-state=../prod/other.tfstate"];
    for flag in spelled {
        stack.held(&format!("{APPLY} {flag}"), &["state:missing"]);
    }
    stack.goes_through(APPLY, "No changes.");
    stack.make("mv terraform.tfstate away");
    stack.held(APPLY, &["state:missing"]);
    stack.make("ln -s prod ../link");
    for flag in ["-state=terraform.tfstate", "-state=./terraform.tfstate", "-state=$PWD/../link/terraform.tfstate"] {
        stack.held(&format!("{APPLY} {flag}"), &["state:missing"]);
    }
    stack.held(&format!("cd ../link && {APPLY}"), &["state:missing"]);
    stack.held(
        &format!("cd / && terraform -chdir={} apply -auto-approve", place.path("work/link").display()),
        &["state:missing"],
    );

    let elsewhere = Stack::fresh(THREE);
    elsewhere.make("rm -rf .terraform .terraform.lock.hcl && TF_DATA_DIR=.other terraform init");
    elsewhere.goes_through(&format!("TF_DATA_DIR=.other {APPLY}"), "3 added");
    assert!(!elsewhere.place.path("work/prod/.terraform").exists());
    elsewhere.is_as_configured("TF_DATA_DIR=.other terraform plan");
}

#[test]
fn a_saved_plan_that_loses_nothing_is_applied() {
    let stack = Stack::applied(THREE);
    stack.main(&updated());
    stack.goes_through("terraform plan -no-color -out=p", "1 to change");
    stack.goes_through("terraform apply -no-color p", "1 changed");
    stack.is_as_configured(PLAN);
    // A second time it is stale: terraform would refuse it, and sprag says why before.
    stack.held("terraform apply -no-color p", &["state:serial", "a plan made of one", "plan anew"]);
    let stale = stack.bare("terraform apply -no-color p");
    assert!(stale.code == 1 && stale.stderr.contains("Saved plan is stale"), "{stale:?}");
}

#[test]
fn json_comes_whole_and_once() {
    let lines = |text: &str| -> Vec<Value> {
        text.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}"))).collect()
    };
    /// What a line is about, without times, ids and durations.
    fn about(line: &Value) -> (String, String) {
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let change = if line["change"].is_null() { &line["hook"] } else { &line["change"] };
        (text(&line["type"]), text(&change["resource"]["addr"]))
    }
    let stack = Stack::fresh(THREE);
    let updated = updated();
    let output = format!("{updated}output \"o\" {{ value = 1 }}\n");
    let scenes = [(THREE, 3), (updated.as_str(), 1), (&output, 0), (&output, 0)];
    stack.make("mkdir ../twin");
    for (main, planned) in scenes {
        stack.main(main);
        let ran = stack.goes_through("terraform apply -auto-approve -json -parallelism=1", "change_summary");
        let bare = stack.bare("cp main.tf ../twin && cd ../twin && terraform apply -auto-approve -json -parallelism=1");
        let (got, wanted) = (lines(&ran.stdout), lines(&bare.stdout));
        let of = |kind: &str| got.iter().filter(|l| l["type"] == kind).count();
        assert_eq!((of("version"), of("planned_change")), (1, planned), "{}", ran.stdout);
        let sorted = |lines: &[Value]| {
            let mut all: Vec<_> = lines.iter().map(about).collect();
            all.sort();
            all
        };
        assert_eq!(sorted(&got), sorted(&wanted), "guarded:\n{}bare:\n{}", ran.stdout, bare.stdout);
        assert_eq!((&got[0]["type"], got[0]["type"] == wanted[0]["type"]), (&Value::from("version"), true));
        stack.is_as_configured(PLAN);
    }
}
