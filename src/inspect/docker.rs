//! What a container is given of this machine: folders and sockets that are mounted into it.

pub(super) mod compose;

use super::{Findings, Probe, paths};
use crate::call::Call;
use crate::effect::{Effect, Evidence};
use crate::tool::Reading;
use std::ffi::OsStr;

/// `-v SOURCE:TARGET[:OPTIONS]` and `--mount type=bind,source=…`: what lies in the workspace or is temporary is what a container
/// works with; the rest of the machine is looked at.
pub(super) fn inspect(reading: &Reading<'_>, call: &Call, _: &dyn Probe, findings: &mut Findings) {
    let volumes = reading.parsed.values("--volume").filter_map(volume);
    let mounts = reading.parsed.values("--mount").filter_map(mount);
    for (source, read_only) in volumes.chain(mounts) {
        let found = paths::given(call, OsStr::new(&source), read_only);
        findings.effects.extend(found.map(|(verb, note)| Effect::new(verb, source, Evidence::Argv).because(note)));
    }
}

/// The source of a bind mount, and whether it is only read; a name is a volume's.
fn volume(value: &str) -> Option<(String, bool)> {
    let (source, rest) = value.split_once(':')?;
    let is_path = source.starts_with(['/', '.', '~']);
    let read_only = rest.split(':').nth(1).is_some_and(|options| options.split(',').any(|o| o == "ro" || o == "readonly"));
    is_path.then(|| (source.to_owned(), read_only))
}

fn mount(value: &str) -> Option<(String, bool)> {
    let parts: Vec<(&str, &str)> = value.split(',').map(|p| p.split_once('=').unwrap_or((p, "true"))).collect();
    let last = |names: &[&str]| parts.iter().rev().find(|(name, _)| names.contains(name)).map(|(_, value)| *value);
    let source = last(&["source", "src"])?;
    let read_only = last(&["readonly", "ro"]).is_some_and(|v| ["true", "1"].contains(&v));
    (last(&["type"]) == Some("bind")).then(|| (source.to_owned(), read_only))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_read_as_docker_reads_it() {
        let some = |s: &str, r| Some((s.to_owned(), r));
        assert_eq!(volume("/:/host"), some("/", false));
        assert_eq!(volume("/etc:/e:ro,z"), some("/etc", true));
        assert_eq!(volume("data:/data"), None);
        assert_eq!(mount("type=bind,src=/etc,dst=/e"), some("/etc", false));
        assert_eq!(mount("readonly,type=bind,source=/etc,target=/e"), some("/etc", true));
        assert_eq!(mount("type=volume,src=v,dst=/v"), None);
    }
}
