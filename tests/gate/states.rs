//! The state guard and what it goes by: the state that was here before, and no other.

use super::stack::{APPLY, PROMPT, Stack, THREE, id_in};
use serde_json::Value;
use std::path::PathBuf;

/// A configuration of so many resources.
fn many(count: u32) -> String {
    format!("resource \"terraform_data\" \"m\" {{ count = {count} }}\n")
}

/// What `sprag state --json` lists.
fn remembered(stack: &Stack) -> Vec<Value> {
    let ran = stack.place.sprag(&["state", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.stdout.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

/// The files of the memory.
fn memories(stack: &Stack) -> Vec<PathBuf> {
    std::fs::read_dir(stack.place.path("state/states")).unwrap().map(|e| e.unwrap().path()).collect()
}

/// `sprag state forget` on a terminal, answered with `answer`; what was said.
fn forget(stack: &Stack, words: &str, answer: &str) -> String {
    let mut terminal = stack.on_terminal(&format!("\"$SPRAG\" state forget {words}"), true);
    let shown = terminal.until(PROMPT);
    terminal.keys(&format!("{answer}\n"));
    shown + &terminal.end().1
}

#[test]
fn another_state_in_its_place_is_held() {
    let stack = Stack::applied(THREE);
    let own = stack.state();
    stack.place.write("work/other/main.tf", THREE);
    stack.make(&format!("cd ../other && {APPLY} && cp terraform.tfstate ../prod"));
    let words = ["state:lineage", "this is another state", "state-replaced"];
    // Whether or not something would change.
    stack.held(APPLY, &words);
    stack.main(&format!("{THREE}resource \"terraform_data\" \"d\" {{}}\n"));
    stack.held(APPLY, &words);
    stack.held(&format!("{APPLY} -refresh-only"), &words);
    stack.goes_through("terraform plan -no-color -out=p", "1 to add");
    stack.held("terraform apply p", &words);
    stack.place.write("work/prod/terraform.tfstate", &own);
    stack.goes_through(APPLY, "1 added");
}

#[test]
fn a_state_that_a_person_accepts_is_the_one_from_then_on() {
    let stack = Stack::applied(THREE);
    stack.make(&format!("rm terraform.tfstate && {APPLY}"));
    let id = id_in(&stack.held(APPLY, &["state:lineage"]).stderr);
    stack.approve(&id);
    assert_eq!(stack.run(APPLY).code, 0);
    stack.goes_through(APPLY, "No changes.");
    assert_eq!(remembered(&stack).len(), 1);
}

#[test]
fn a_state_that_is_gone_is_held() {
    let stack = Stack::applied(THREE);
    stack.make("mv terraform.tfstate away");
    let words = ["state:missing", "it held 3 resources", "state-missing"];
    stack.held(APPLY, &words);
    stack.held(&format!("{APPLY} -target=terraform_data.a"), &words);
    stack.make("mv away terraform.tfstate");
    stack.goes_through(APPLY, "No changes.");
    // An empty state of the same lineage is what a destroy leaves behind, or `state rm`.
    stack.make("terraform state rm terraform_data.a terraform_data.b terraform_data.c");
    stack.goes_through(APPLY, "3 added");
}

#[test]
fn a_backup_tells_of_a_state_that_was_never_seen() {
    let stack = Stack::fresh(THREE);
    let more = format!("{THREE}resource \"terraform_data\" \"d\" {{}}\n");
    stack.make(APPLY);
    stack.main(&more);
    stack.make(&format!("{APPLY} && rm terraform.tfstate"));
    stack.held(APPLY, &["state:missing", "terraform.tfstate.backup", "holds 3 resources"]);
    stack.make("rm terraform.tfstate.backup");
    stack.goes_through(APPLY, "4 added");
}

#[test]
fn an_older_state_is_held() {
    let stack = Stack::applied(THREE);
    let older = stack.state();
    stack.main(&format!("{THREE}resource \"terraform_data\" \"d\" {{}}\n"));
    stack.goes_through(APPLY, "1 added");
    let newest = stack.state();
    stack.place.write("work/prod/terraform.tfstate", &older);
    stack.held(APPLY, &["state:serial", "this is an older state", "state-older"]);
    stack.place.write("work/prod/terraform.tfstate", &newest);
    // What others did meanwhile, past sprag, is newer and no reason to ask.
    stack.main(THREE);
    stack.make(APPLY);
    stack.main(&THREE.replacen('1', "2", 1));
    stack.goes_through(APPLY, "1 changed");
}

#[test]
fn what_was_written_to_another_file_is_missed_in_the_usual_one() {
    let stack = Stack::applied(THREE);
    stack.main(&format!("{THREE}resource \"terraform_data\" \"d\" {{}}\n"));
    stack.goes_through(&format!("{APPLY} -state-out=out.tfstate"), "1 added");
    // The usual one does not know of `d`: it would be made a second time.
    stack.held(APPLY, &["state:serial"]);
    stack.make("mv out.tfstate terraform.tfstate");
    stack.goes_through(APPLY, "No changes.");
}

#[test]
fn much_made_anew_is_held_and_little_is_not() {
    let stack = Stack::fresh(&many(25));
    stack.held(APPLY, &["state:new", "25 resources would be made where the state holds 0", "mass-create"]);
    stack.held(&format!("{APPLY} -json"), &["state:new"]);
    stack.main(&many(3));
    stack.goes_through(APPLY, "3 added");
    // Here the state is known.
    stack.main(&many(25));
    stack.goes_through(APPLY, "22 added");

    // A person's yes is all it takes.
    let stack = Stack::fresh(&many(25));
    let id = id_in(&stack.held(APPLY, &["state:new"]).stderr);
    stack.approve_change(&id);
    let ran = stack.run(APPLY);
    assert!(ran.code == 0 && ran.stdout.contains("25 added"), "{ran:?}");
}

#[test]
fn each_workspace_is_remembered_by_itself() {
    let stack = Stack::applied(THREE);
    stack.goes_through("terraform workspace new -no-color dev", "Created and switched to workspace \"dev\"");
    stack.goes_through(APPLY, "3 added");
    stack.is_as_configured("terraform plan");
    let mut known: Vec<(Value, Value)> =
        remembered(&stack).iter().map(|k| (k["workspace"].clone(), k["resources"].clone())).collect();
    known.sort_by_key(|(workspace, _)| workspace.to_string());
    assert_eq!(known, [("default".into(), 3.into()), ("dev".into(), 3.into())]);
    let lineages: Vec<Value> = remembered(&stack).iter().map(|k| k["lineage"].clone()).collect();
    assert_ne!(lineages[0], lineages[1]);
    stack.make("rm terraform.tfstate.d/dev/terraform.tfstate");
    stack.held(APPLY, &["state:missing"]);
    stack.goes_through(&format!("TF_WORKSPACE=default {APPLY}"), "No changes.");
    stack.goes_through("terraform workspace select -no-color default", "Switched");
    stack.goes_through(APPLY, "No changes.");
    stack.held(&format!("TF_WORKSPACE=dev {APPLY}"), &["state:missing"]);
    // Many resources are many in each workspace.
    stack.main(&many(25));
    stack.goes_through("terraform workspace new -no-color big", "Created");
    stack.held(APPLY, &["state:new"]);
}

#[test]
fn what_is_remembered_is_listed_and_forgotten_by_a_person_alone() {
    let stack = Stack::fresh(THREE);
    assert!(remembered(&stack).is_empty());
    stack.goes_through(APPLY, "3 added");
    let known = remembered(&stack);
    let state: Value = serde_json::from_str(&stack.state()).unwrap();
    let folder = stack.place.path("work/prod").canonicalize().unwrap();
    assert_eq!(known.len(), 1);
    assert_eq!((&known[0]["v"], &known[0]["folder"]), (&1.into(), &folder.to_str().unwrap().into()));
    assert_eq!((&known[0]["resources"], &known[0]["workspace"]), (&3.into(), &"default".into()));
    assert_eq!((&known[0]["lineage"], &known[0]["serial"]), (&state["lineage"], &state["serial"]));
    assert_eq!((&known[0]["backend"], &known[0]["types"]), (&"local".into(), &serde_json::json!(["terraform_data"])));
    assert!(stack.place.sprag(&["state"]).stdout.contains("3 resources"));

    // A pipe is no person, nor is a terminal where something else was typed.
    let refused = stack.run("echo forget | \"$SPRAG\" state forget");
    assert!(refused.code != 0 && refused.stderr.contains("needs a terminal"), "{refused:?}");
    let unsure = forget(&stack, ".", "yes");
    assert!(unsure.contains("nothing was forgotten") && unsure.contains("left with 1"), "{unsure}");
    assert_eq!(remembered(&stack), known);
    stack.make("rm terraform.tfstate");
    stack.held(APPLY, &["state:missing"]);

    let said = forget(&stack, "", "forget");
    assert!(said.contains("3 resources") && said.contains("forgotten") && said.contains("left with 0"), "{said}");
    assert!(remembered(&stack).is_empty() && memories(&stack).is_empty());
    let log = stack.place.sprag(&["log"]);
    assert!(log.stdout.lines().any(|l| l.contains("forget") && l.contains(folder.to_str().unwrap())), "{log:?}");
    assert_eq!(stack.place.sprag(&["log", "verify"]).code, 0);
    stack.goes_through(APPLY, "3 added");
    let other = stack.run("\"$SPRAG\" state forget --workspace none");
    assert!(other.code != 0 && other.stderr.contains("nothing is known"), "{other:?}");
}

#[test]
fn a_torn_memory_is_held_until_a_person_mends_it() {
    let stack = Stack::applied(THREE);
    let file = memories(&stack).remove(0);
    let whole = std::fs::read_to_string(&file).unwrap();
    for torn in [&whole[..whole.len() / 2], "", "null", "[]"] {
        std::fs::write(&file, torn).unwrap();
        stack.held(APPLY, &["state:memory", "sprag state forget"]);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), torn, "nothing mends it by itself");
    }
    let listed = stack.place.sprag(&["state"]);
    assert!(listed.code != 0 && listed.stderr.contains(file.file_name().unwrap().to_str().unwrap()), "{listed:?}");
    let said = forget(&stack, ".", "forget");
    assert!(said.contains("cannot be read") && said.contains("left with 0"), "{said}");
    stack.goes_through(APPLY, "No changes.");
    assert_eq!(remembered(&stack).len(), 1);
}

#[test]
fn outputs_come_out_unless_one_is_sensitive() {
    let plain = "output \"ip\" { value = \"10.0.0.1\" }\n";
    let sensitive = "output \"pw\" {\n  value = \"hunter2-XYZ\"\n  sensitive = true\n}\n";
    let stack = Stack::applied(plain);
    for output in ["output -json", "output -raw ip", "output -json ip", "output -no-color ip", "output -no-color"] {
        let (ran, bare) = (stack.run(&format!("terraform {output}")), stack.bare(&format!("terraform {output}")));
        assert!(bare.code == 0 && bare.stdout.contains("10.0.0.1"), "{output}: {bare:?}");
        assert_eq!((ran.code, ran.stdout, ran.stderr), (bare.code, bare.stdout, bare.stderr), "{output}");
    }
    stack.main(&format!("{plain}{sensitive}"));
    stack.goes_through(APPLY, "Apply complete!");
    for output in ["output -json", "output -raw pw", "output pw", "output -json pw"] {
        let ran = stack.held(&format!("terraform {output}"), &["secrets of `pw`"]);
        assert!(ran.stdout.is_empty() && !ran.stderr.contains("hunter2"), "{output}: {ran:?}");
    }
    for output in ["output -raw ip", "output -no-color"] {
        let (ran, bare) = (stack.run(&format!("terraform {output}")), stack.bare(&format!("terraform {output}")));
        assert_eq!((ran.code, &ran.stdout, &ran.stderr), (0, &bare.stdout, &bare.stderr), "{output}");
        assert!(!ran.stdout.contains("hunter2"), "{output}");
    }
}

#[test]
fn each_backend_of_a_folder_is_a_state_of_its_own() {
    let stack = Stack::fresh(&format!("terraform {{\n  backend \"local\" {{}}\n}}\n{THREE}"));
    let apply = |name: &str| {
        format!(
            "export TF_DATA_DIR=.tf-{name}; [ -d .tf-{name} ] || terraform init -backend-config=path={name}.tfstate >/dev/null; {APPLY}"
        )
    };
    for (name, says) in [("dev", "3 added"), ("prod", "3 added"), ("dev", "No changes."), ("prod", "No changes.")] {
        stack.goes_through(&apply(name), says);
    }
    assert_eq!(remembered(&stack).len(), 2);
    stack.make("rm dev.tfstate");
    stack.held(&apply("dev"), &["state:missing"]);
}

#[test]
fn a_folder_that_was_never_initialised_has_no_backend_to_forget() {
    let stack = Stack::fresh(&format!("terraform {{\n  backend \"local\" {{}}\n}}\n{THREE}"));
    stack.make("rm -rf .terraform");
    let init = "terraform init -reconfigure -input=false -no-color -backend-config=path=a.tfstate";
    assert_eq!(stack.run(init).code, 0);
    let again = stack.run(init);
    assert!(again.code == 75 && again.stderr.contains("forgets the old backend"), "{again:?}");
}
