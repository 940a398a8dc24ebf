//! A day of ordinary work is silent: three hundred commands do and print the same with and without sprag.

mod fixture;

use fixture::{Place, need};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const COMMANDS: &str = include_str!("day/commands.txt");

/// A cluster for kubectl, ended with the test.
struct Cluster(Child, String);

impl Cluster {
    fn start() -> Cluster {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/day/cluster.py");
        let mut child = Command::new("python3").arg(script).stdout(Stdio::piped()).spawn().unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Cluster(child, port.trim().to_owned())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The day in a project of its own below `work/<name>`: what each line came to, and what is left in the end.
fn day(place: &Place, cluster: &Cluster, name: &str) -> BTreeMap<String, String> {
    let folder = place.path("work").join(name);
    std::fs::create_dir_all(folder.join("out")).unwrap();
    let config = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: day\nclusters: [{{name: day, cluster: {{server: \"http://127.0.0.1:{}\"}}}}]\n\
         contexts: [{{name: day, context: {{cluster: day, user: day}}}}]\nusers: [{{name: day, user: {{}}}}]\n",
        cluster.1
    );
    place.write(&format!("work/{name}/kubeconfig"), &config);
    place.write(&format!("work/{name}/commands.txt"), COMMANDS);
    let setup = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/day/setup.sh");
    let driver = format!(
        r#"cd {name} && D=$PWD && sh '{}' "$D" && cd project || exit 9
export KUBECONFIG="$D/kubeconfig" GIT_AUTHOR_DATE='2024-01-02T00:00:00Z' GIT_COMMITTER_DATE='2024-01-02T00:00:00Z' GIT_PAGER=cat
unset CARGO_TARGET_DIR CARGO_BUILD_TARGET
export AWS_EC2_METADATA_DISABLED=true npm_config_update_notifier=false
n=0
while IFS= read -r line <&9; do
  n=$((n + 1))
  case "$line" in '#'* | '') continue ;; esac
  bash -c "$line" >"$D/out/$n" 2>&1 </dev/null 9<&-
  echo "exit $?" >>"$D/out/$n"
done 9<"$D/commands.txt"
find . -path ./.git -prune -o -type f ! -name '*.tfstate*' -print | sort | xargs md5sum >"$D/out/files"
git for-each-ref >"$D/out/refs" && git -C ../origin.git for-each-ref >"$D/out/remote-refs"
"#,
        setup.display()
    );
    let script = place.write(&format!("work/{name}/driver.sh"), &driver);
    let script = format!("bash '{}'", script.display());
    let ran = if name == "guarded" { place.run(&script) } else { place.bare(&script) };
    assert_eq!(ran.code, 0, "{ran:?}");
    let shown = folder.display().to_string();
    let files = std::fs::read_dir(folder.join("out")).unwrap().map(|e| e.unwrap().path());
    files
        .map(|file| {
            let text = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).replace(&shown, "DAY");
            (file.file_name().unwrap().to_str().unwrap().to_owned(), without_times(&text))
        })
        .collect()
}

/// The time of day and the numbers of processes differ from run to run.
fn without_times(text: &str) -> String {
    let is_time =
        |word: &str| word.len() == 5 && word.as_bytes()[2] == b':' && word.chars().all(|c| c.is_ascii_digit() || c == ':');
    let words = |line: &str| line.split(' ').map(|w| if is_time(w) { "TIME" } else { w }).collect::<Vec<_>>().join(" ");
    text.lines().map(words).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_day_of_ordinary_work_is_silent() {
    for tool in [
        "git",
        "make",
        "gcc",
        "python3",
        "node",
        "npm",
        "cargo",
        "terraform",
        "sqlite3",
        "aws",
        "kubectl",
        "docker",
        "rsync",
    ] {
        need(tool);
    }
    let lines: Vec<&str> = COMMANDS.lines().filter(|l| !l.is_empty() && !l.starts_with('#')).collect();
    assert!(lines.len() >= 300, "only {} commands", lines.len());
    let place = Place::with_files();
    let cluster = Cluster::start();
    let bare = day(&place, &cluster, "bare");
    let guarded = day(&place, &cluster, "guarded");
    let line = |n: &str| n.parse().ok().and_then(|n: usize| COMMANDS.lines().nth(n - 1)).unwrap_or(n).to_owned();
    let mut differs: Vec<String> = Vec::new();
    for (n, without) in &bare {
        let with = guarded.get(n).map(String::as_str).unwrap_or_default();
        if with != without {
            differs.push(format!("{}\n--- without\n{without}\n--- with\n{with}\n", line(n)));
        }
    }
    assert!(differs.is_empty(), "{} of {} lines differ:\n{}", differs.len(), bare.len(), differs.join("\n"));
    let refused: Vec<_> = place.record().into_iter().filter(|l| l["kind"] == "refusal").collect();
    assert!(refused.is_empty(), "{refused:?}");
}
