//! sprag is killed in the middle: terraform ends, lets go of the state, and what was left lying is swept away.

use super::stack::{APPLY, Stack};
use super::terminal::{Ear, SILENCE_MS};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// Waits until something holds.
fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_millis(SILENCE_MS.into());
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The processes that work in the stack's folder, by their command lines.
fn processes(stack: &Stack) -> Vec<String> {
    let here =
        |folder: &PathBuf| std::fs::read_link(folder.join("cwd")).is_ok_and(|cwd| cwd.starts_with(stack.place.path("work")));
    let all = std::fs::read_dir("/proc").unwrap().filter_map(|e| Some(e.ok()?.path())).filter(here);
    all.filter_map(|p| std::fs::read(p.join("cmdline")).ok())
        .map(|c| String::from_utf8_lossy(&c).replace('\0', " "))
        .collect()
}

/// The private folders of a process's runs.
fn rooms(owner: u32) -> usize {
    let folders = std::fs::read_dir("/tmp").unwrap().filter_map(|e| Some(e.ok()?.path()));
    let name = format!("sprag-{owner}-");
    folders.filter(|f| f.file_name().is_some_and(|n| n.to_string_lossy().starts_with(&name))).count()
}

/// A process that was started, and what it says on standard output.
struct Started {
    child: Child,
    ear: Ear,
}

impl Started {
    /// Becomes `words`, sprag where guarded, else terraform itself.
    fn new(stack: &Stack, words: &str, guarded: bool) -> Started {
        let mut command = stack.place.command(&format!("cd prod && exec {words}"), guarded);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        Started { ear: Ear::at(child.stdout.take().unwrap()), child }
    }

    /// Kills it and waits until nothing works in the folder but `others`.
    fn kill(&mut self, stack: &Stack, others: usize) {
        assert!(processes(stack).len() > others + 1, "sprag and terraform: {:?}", processes(stack));
        assert!(rooms(self.child.id()) > 0);
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), Signal::SIGKILL).unwrap();
        assert_eq!(self.child.wait().unwrap().signal(), Some(9));
        until("all that sprag started has ended", || processes(stack).len() <= others);
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // Of a test that failed nothing shall stay behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Demands that the next run that changes something leaves nothing of the killed one.
fn assert_swept(stack: &Stack, killed: &Started) {
    stack.goes_through("terraform apply -refresh-only -auto-approve -no-color", "");
    assert_eq!(rooms(killed.child.id()), 0);
    let mut names: Vec<String> = std::fs::read_dir(stack.place.path("work/prod"))
        .unwrap()
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|n| !n.starts_with("terraform.tfstate"))
        .collect();
    names.sort();
    assert_eq!(names, ["main.tf"], "no lock and no plan is left");
}

#[test]
fn killed_in_an_apply_it_leaves_a_state_that_is_whole_and_free() {
    let stack = Stack::fresh(
        "resource \"terraform_data\" \"a\" {}\nresource \"terraform_data\" \"slow\" {\n  depends_on = [terraform_data.a]\n  \
         provisioner \"local-exec\" { command = \"echo under way; exec sleep 600\" }\n}\n",
    );
    let mut run = Started::new(&stack, APPLY, true);
    run.ear.until("(local-exec): under way");
    assert!(stack.place.path("work/prod/.terraform.tfstate.lock.info").exists());
    run.kill(&stack, 0);
    assert_swept(&stack, &run);
    assert!(stack.state().contains("\"a\""), "what was made is not lost: {}", stack.state());
    // The record has the intent and, rightly, no end.
    let kinds: Vec<String> = stack.place.record().iter().map(|l| l["kind"].to_string()).collect();
    let (intents, ends) = ["\"intent\"", "\"outcome\""].map(|k| kinds.iter().filter(|x| *x == k).count()).into();
    assert_eq!((intents, ends), (2, 1), "{kinds:?}");
    assert_eq!(stack.place.sprag(&["log", "verify"]).code, 0);
}

#[test]
fn killed_in_a_plan_it_leaves_nothing() {
    let stack = Stack::fresh(
        "resource \"terraform_data\" \"slow\" {\n  \
         provisioner \"local-exec\" { command = \"echo under way; exec sleep 600\" }\n}\n",
    );
    let mut other = Started::new(&stack, APPLY, false);
    other.ear.until("(local-exec): under way");
    let others = processes(&stack).len();
    let mut run = Started::new(&stack, &format!("{APPLY} -lock-timeout=600s"), true);
    run.ear.until("Acquiring state lock");
    run.kill(&stack, others);
    assert!(stack.place.path("work/prod/.terraform.tfstate.lock.info").exists(), "the other's lock is the other's");
    kill(Pid::from_raw(other.child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    other.child.wait().unwrap();
    until("the other has ended", || processes(&stack).is_empty());
    assert!(stack.place.record().iter().all(|l| l["kind"] == "aid"), "no apply began");
    assert_swept(&stack, &run);
}
