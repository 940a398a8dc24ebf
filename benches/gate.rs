//! The cost of judging a plan, and of applying through it, as ratios in one run.
//!
//! First the JSON alone, for a plan of twenty megabytes. Then an in-place update of 2, 200 and 1,000 resources by the real
//! terraform in three ways, in turn, round after round: the guarded apply; plan, show and apply by hand; the direct apply.

use sprag::inspect::terraform::{self, plan::Plan};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Resources, and rounds.
const SIZES: [(usize, usize); 3] = [(2, 60), (200, 5), (1000, 3)];
const JSON_ROUNDS: usize = 20;
const JSON_RESOURCES: usize = 3200;

fn median(times: &mut [Duration]) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
}

/// A plan as a provider of machines would make it: most resources stay as they are, one in ten changes.
fn large_plan() -> String {
    let values = |i: usize| {
        let tags: Vec<String> = (0..20).map(|t| format!("\"tag{t}\":\"{}\"", "v".repeat(20))).collect();
        format!("{{\"id\":\"i-{i:08x}\",\"user_data\":\"{}\",\"tags\":{{{}}}}}", "x".repeat(800), tags.join(","))
    };
    let mut changes = String::new();
    let mut state = String::new();
    for i in 0..JSON_RESOURCES {
        let (comma, action) = (if i > 0 { "," } else { "" }, if i % 10 == 0 { "update" } else { "no-op" });
        let head = format!("\"address\":\"module.m[{i}].aws_instance.x\",\"mode\":\"managed\",\"type\":\"aws_instance\"");
        let values = values(i);
        write!(
            changes,
            "{comma}{{{head},\"change\":{{\"actions\":[\"{action}\"],\"before\":{values},\"after\":{values}}}}}"
        )
        .unwrap();
        write!(state, "{comma}{{\"resources\":[{{{head},\"values\":{values}}}]}}").unwrap();
    }
    let module = format!("{{\"root_module\":{{\"child_modules\":[{state}]}}}}");
    format!(
        "{{\"format_version\":\"1.2\",\"planned_values\":{module},\"resource_changes\":[{changes}],\
         \"prior_state\":{{\"values\":{module}}},\"timestamp\":\"2026-01-01T00:00:00Z\"}}"
    )
}

fn bench_json() {
    let text = large_plan();
    let (mut judging, mut digesting) = (Vec::new(), Vec::new());
    for _ in 0..JSON_ROUNDS {
        let start = Instant::now();
        let effects = terraform::effects(text.as_bytes(), "plan");
        judging.push(start.elapsed());
        // The gate reads a plan once for both.
        let plan = Plan::read(text.as_bytes()).unwrap();
        let start = Instant::now();
        let digest = plan.digest(text.as_bytes());
        digesting.push(start.elapsed());
        assert!(effects.len() >= JSON_RESOURCES / 10 && digest.len() == 64);
    }
    let (judging, digesting) = (median(&mut judging) * 1e3, median(&mut digesting) * 1e3);
    println!("{judging:8.1} ms  judging {:.1} MB of plan JSON; {digesting:.1} ms its digest", text.len() as f64 / 1e6);
}

/// Starts this bench again where sprag's memory and record are a folder of its own.
fn in_a_place_of_its_own() {
    const MARK: &str = "SPRAG_BENCH_INSIDE";
    if std::env::var_os(MARK).is_some() {
        return;
    }
    let script = "d=$(getent passwd \"$(id -un)\" | cut -d: -f6)/.local/state/sprag; mkdir -p \"$d\" && \
                  t=$(mktemp -d) && mount --bind \"$t\" \"$d\" && \"$0\" \"$@\"; rc=$?; umount \"$d\"; rm -rf \"$t\"; exit $rc";
    let mut command = Command::new("unshare");
    if !nix::unistd::getuid().is_root() {
        command.arg("--map-root-user");
    }
    command.args(["--mount", "--propagation", "private", "bash", "-c", script]);
    command.arg(std::env::current_exe().unwrap()).args(std::env::args_os().skip(1));
    let status = command.env(MARK, "1").status().unwrap();
    std::process::exit(status.code().unwrap_or(1));
}

/// Runs `script` in `folder`; it must succeed.
fn run(folder: &Path, script: &str, path: &str) -> Duration {
    let mut command = Command::new("bash");
    command.args(["-ec", script]).current_dir(folder).env("PATH", path).env("CHECKPOINT_DISABLE", "1");
    command.env_remove("TF_CLI_CONFIG_FILE").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let status = command.status().unwrap();
    let took = start.elapsed();
    assert!(status.success(), "`{script}` in {}: {status}", folder.display());
    took
}

fn bench_gate(room: &Path, guarded: &str, bare: &str) {
    const WAYS: [&str; 3] = [
        "terraform apply -auto-approve -var v=$V",
        "terraform plan -out=p -var v=$V; terraform show -json p; terraform apply p",
        "terraform apply -auto-approve -var v=$V",
    ];
    // With a number among its words, the bench measures that size alone.
    let only: Option<usize> = std::env::args().find_map(|word| word.parse().ok());
    for (count, rounds) in SIZES.into_iter().filter(|(count, _)| only.is_none_or(|only| only == *count)) {
        let mut times: Vec<Vec<Duration>> = vec![Vec::new(); WAYS.len()];
        let folders: Vec<PathBuf> = (0..WAYS.len()).map(|way| room.join(format!("{count}-{way}"))).collect();
        for folder in &folders {
            std::fs::create_dir(folder).unwrap();
            let configuration = format!(
                "variable \"v\" {{}}\nresource \"terraform_data\" \"a\" {{\n  count = {count}\n  input = var.v\n}}\n"
            );
            std::fs::write(folder.join("main.tf"), configuration).unwrap();
            run(folder, "terraform init; terraform apply -auto-approve -var v=0", bare);
        }
        for round in 0..=rounds {
            for (way, folder) in folders.iter().enumerate() {
                let script = WAYS[way].replace("$V", &(round + 1).to_string());
                let took = run(folder, &script, if way == 0 { guarded } else { bare });
                // The first round warms the caches, and the guard learns the state.
                if round > 0 {
                    times[way].push(took);
                }
            }
        }
        let [gate, hand, direct] = [0, 1, 2].map(|way| median(&mut times[way]));
        println!(
            "{count:5} resources: guarded apply {gate:7.3} s = {:.3} x plan, show and apply by hand ({hand:.3} s) = {:.2} x direct apply ({direct:.3} s)",
            gate / hand,
            gate / direct
        );
    }
}

fn main() {
    in_a_place_of_its_own();
    bench_json();
    if which::which("terraform").is_err() {
        println!("terraform is not in PATH: the gate was not measured");
        return;
    }
    let room = tempfile::tempdir().unwrap();
    let links = room.path().join("links");
    let sprag = Path::new(env!("CARGO_BIN_EXE_sprag"));
    let install =
        Command::new(sprag).args(["install", "--dir"]).arg(&links).stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(install.unwrap().success());
    let bare = std::env::var("PATH").unwrap();
    bench_gate(room.path(), &format!("{}:{bare}", links.display()), &bare);
}
