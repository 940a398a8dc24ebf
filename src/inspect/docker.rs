//! What a container is given of this machine, folders and sockets that are mounted into it; and what docker's client starts here.

pub(super) mod compose;
mod plugins;
pub(super) mod pods;

use super::{Findings, Probe, paths};
use crate::call::Call;
use crate::effect::{Effect, Evidence, Verb};
use crate::tool::Reading;
use std::ffi::OsStr;

/// `-v SOURCE:TARGET[:OPTIONS]`, `--mount type=bind,source=…` and volumes that are a bind by their options: what lies in the workspace
/// or is temporary is what a container works with; the rest of the machine is looked at.
pub(super) fn inspect(reading: &Reading<'_>, call: &Call, _: &dyn Probe, findings: &mut Findings) {
    let volumes = reading.parsed.values("--volume").filter_map(volume);
    let mounts = ["--mount", "--mount-add"].into_iter().flat_map(|flag| reading.parsed.values(flag)).filter_map(mount);
    let created = bound(reading.parsed.values("--opt").map(pair));
    for (source, read_only) in volumes.chain(mounts).chain(created) {
        let found = paths::given(call, OsStr::new(&source), read_only);
        findings.effects.extend(found.map(|(verb, note)| Effect::new(verb, source, Evidence::Argv).because(note)));
    }
    // What a build puts out is written over what is there.
    let builds = reading.command_words().contains(&"build");
    for place in reading.parsed.values("--output").filter(|_| builds).filter_map(output) {
        let given = paths::given(call, OsStr::new(&place), false);
        let note = "what a build puts out is written there";
        findings.effects.extend(given.map(|_| Effect::new(Verb::Destroy, place, Evidence::Argv).because(note)));
    }
    findings.effects.extend(plugins::inspect(reading, call));
}

/// The folder or file that `-o` names: alone, or as `dest=`; none for standard output and what is kept in the daemon.
fn output(value: &str) -> Option<String> {
    let place = match value.contains('=') {
        true => value.split(',').map(|part| pair(part.trim().trim_matches('"'))).find(|(name, _)| *name == "dest")?.1,
        false => value,
    };
    (place != "-" && !place.is_empty()).then(|| place.to_owned())
}

/// The source of a bind mount, and whether it is only read; a name is a volume's.
fn volume(value: &str) -> Option<(String, bool)> {
    let (source, rest) = value.split_once(':')?;
    let is_path = source.starts_with(['/', '.', '~']);
    let read_only = rest.split(':').nth(1).is_some_and(|options| options.split(',').any(|o| o == "ro" || o == "readonly"));
    is_path.then(|| (source.to_owned(), read_only))
}

fn pair(text: &str) -> (&str, &str) {
    text.split_once('=').unwrap_or((text, "true"))
}

/// `--mount` is a line of CSV: a field may stand in quotes.
fn mount(value: &str) -> Option<(String, bool)> {
    let parts: Vec<(&str, &str)> = value.split(',').map(|part| pair(part.trim().trim_matches('"'))).collect();
    let named = |names: &[&str]| {
        let is = |name: &str| names.iter().any(|n| n.eq_ignore_ascii_case(name));
        parts.iter().rev().find(|(name, _)| is(name)).map(|(_, value)| *value)
    };
    let read_only = named(&["readonly", "ro"]).is_some_and(|v| ["true", "1"].contains(&v));
    match named(&["type"]).unwrap_or("volume").to_ascii_lowercase().as_str() {
        "bind" => named(&["source", "src"]).map(|source| (source.to_owned(), read_only)),
        // podman: whatever the pattern fits.
        "glob" => {
            let pattern = named(&["source", "src"])?;
            let fixed = pattern.split(['*', '?', '[']).next().unwrap_or_default();
            Some((fixed.rsplit_once('/').map_or("/", |(folder, _)| folder).to_owned() + "/", read_only))
        }
        _ => {
            let options = parts.iter().filter(|(name, _)| name.eq_ignore_ascii_case("volume-opt")).map(|(_, opt)| pair(opt));
            bound(options).map(|(source, _)| (source, read_only))
        }
    }
}

/// The folder that a volume of the local driver is, by its options `o=bind` and `device`.
fn bound<'t>(options: impl Iterator<Item = (&'t str, &'t str)>) -> Option<(String, bool)> {
    let options: Vec<(&str, &str)> = options.collect();
    let of = |name: &str| options.iter().rev().find(|(n, _)| *n == name).map(|(_, value)| *value);
    let how: Vec<&str> = of("o")?.split(',').collect();
    // An overlay is made of folders of this machine.
    let layers = ["lowerdir=", "upperdir=", "workdir="];
    if let Some(folders) = how.iter().find_map(|word| layers.iter().find_map(|layer| word.strip_prefix(layer))) {
        return folders.split(':').next().map(|folder| (folder.to_owned(), false));
    }
    let binds = how.iter().any(|word| ["bind", "rbind"].contains(word));
    of("device").filter(|_| binds).map(|device| (device.to_owned(), how.contains(&"ro")))
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
        assert_eq!(mount("Type=BIND,\"src=/etc\",dst=/e"), some("/etc", false));
        assert_eq!(mount("type=volume,src=v,dst=/v"), None);
        assert_eq!(mount("dst=/v,volume-opt=type=none,volume-opt=o=bind,volume-opt=device=/"), some("/", false));
        assert_eq!(mount("dst=/v,volume-opt=type=nfs,volume-opt=o=addr=h,volume-opt=device=:/x"), None);
        assert_eq!(mount("type=glob,src=/etc/ssh*,dst=/e"), some("/etc/", false));
        assert_eq!(mount("type=tmpfs,dst=/t"), None);
        assert_eq!(bound([("type", "overlay"), ("o", "lowerdir=/etc,upperdir=/x")].into_iter()), some("/etc", false));
        assert_eq!(output("type=tar,dest=out.tar"), Some("out.tar".to_owned()));
        assert_eq!((output("out"), output("-"), output("type=docker")), (Some("out".to_owned()), None, None));
        assert_eq!(bound([("type", "none"), ("o", "rbind,ro"), ("device", "/h")].into_iter()), some("/h", true));
    }
}
