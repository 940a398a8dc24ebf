//! Many shims at once lose nothing and tear nothing of the record.

mod fixture;
#[path = "fixture/puppet.rs"]
mod puppet;

use puppet::Stage;

const CALLS: usize = 1_000;

#[test]
fn a_thousand_calls_at_once_are_all_on_record() {
    let stage = Stage::new();
    // Writes, whose intent must be on the disk.
    let script = format!(
        "for i in $(seq {CALLS}); do (aws s3 mb s3://b$i; echo $? >>codes) & done; wait; sort codes | uniq -c | tr -s ' '"
    );
    let ran = stage.run(&script);
    assert_eq!(ran.stdout, format!(" {CALLS} 0\n"), "{:.2000}", ran.stderr);
    let verified = stage.run("\"$SPRAG\" log verify");
    assert_eq!(verified.stdout, format!("whole: {} lines\n", 2 * CALLS), "{verified:?}");
    let record = stage.place.record();
    let count = |kind: &str| record.iter().filter(|l| l["kind"] == kind).count();
    assert_eq!((count("intent"), count("outcome")), (CALLS, CALLS));
    let mut runs: Vec<&str> = record.iter().filter(|l| l["kind"] == "intent").map(|l| l["run"].as_str().unwrap()).collect();
    runs.sort_unstable();
    runs.dedup();
    assert_eq!(runs.len(), CALLS, "every run has a name of its own");
}

#[test]
fn shims_that_are_killed_leave_a_record_that_goes_on() {
    let stage = Stage::new();
    // Half of them are killed at whatever point they have come to; the others must end as if nothing were.
    let script = "for i in $(seq 200); do aws s3 mb s3://b$i & p=$!; [ $((i % 2)) = 0 ] && kill -KILL $p; done 2>/dev/null; wait; \
                  aws s3 ls; \"$SPRAG\" log verify";
    let ran = stage.run(script);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("whole: "), "{ran:?}");
}
