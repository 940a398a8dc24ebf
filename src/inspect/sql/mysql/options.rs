//! The client's option files, which are argv in disguise: what they set counts as if it stood on the command line.

use crate::call::{Call, User, absolute};
use crate::effect::{Effect, Evidence, Verb};
use crate::inspect::Findings;
use crate::place;
use crate::tool::Reading;
use std::path::{Path, PathBuf};

/// Groups that belong to other programs whose names begin like the client's.
const OTHERS: &[&str] = &["mysqld", "mariadbd", "mysqladmin", "mysqlimport", "mysqlcheck", "mysqlshow", "mysqlbinlog"];

/// What a file may set without another look: where to connect, and how the output looks.
const HARMLESS: &[&str] = &[
    "auto-rehash",
    "batch",
    "column-names",
    "compress",
    "connect-timeout",
    "database",
    "disable-auto-rehash",
    "enable-cleartext-plugin",
    "host",
    "i-am-a-dummy",
    "max-allowed-packet",
    "net-buffer-length",
    "no-auto-rehash",
    "password",
    "port",
    "prompt",
    "protocol",
    "quick",
    "quote-names",
    "raw",
    "reconnect",
    "safe-updates",
    "show-warnings",
    "silent",
    "single-transaction",
    "skip-auto-rehash",
    "skip-column-names",
    "skip-ssl",
    "socket",
    "table",
    "user",
    "vertical",
];

/// Judges the files that the client reads before its arguments. Those in `/etc` are root's.
pub(super) fn judge(reading: &Reading<'_>, call: &Call, findings: &mut Findings) {
    if reading.parsed.is_on("--no-defaults") {
        return;
    }
    for (file, named) in files(reading, call) {
        match if named { place::read_small(&file) } else { place::read_own(&file) } {
            Ok(text) => {
                for line in strange_lines(&text, &reading.tool.names) {
                    let note = format!("{} says `{line}`", file.display());
                    findings.effects.push(Effect::new(Verb::Unknown, line, Evidence::File).because(note));
                }
            }
            Err(_) if !file.exists() => {}
            Err(e) => {
                let note = format!("cannot be read: {e}");
                findings.effects.push(Effect::new(Verb::Unknown, file.display().to_string(), Evidence::File).because(note));
            }
        }
        if named { &mut findings.read } else { &mut findings.own }.push(file);
    }
}

/// The files, and whether the call names them.
fn files(reading: &Reading<'_>, call: &Call) -> Vec<(PathBuf, bool)> {
    let named =
        |flag: &'static str| reading.parsed.values(flag).map(|f| absolute(&call.cwd, Path::new(f))).collect::<Vec<_>>();
    let with = |files: Vec<PathBuf>, named: bool| files.into_iter().map(move |file| (file, named));
    let only = named("--defaults-file");
    if !only.is_empty() {
        return with(only, true).collect();
    }
    let mut by_call = named("--defaults-extra-file");
    by_call.extend(["MYSQL_HOME", "MARIADB_HOME"].iter().filter_map(|v| call.var(v)).map(|f| Path::new(&f).join("my.cnf")));
    let homes = call.var("HOME").map(PathBuf::from).into_iter().chain([User::current().home]);
    let mut of_itself: Vec<PathBuf> = homes.map(|home| home.join(".my.cnf")).collect();
    of_itself.dedup();
    with(by_call, true).chain(with(of_itself, false)).collect()
}

/// The settings in groups of the program of these names that are not known to be harmless, and what includes other files.
fn strange_lines(text: &str, names: &[String]) -> Vec<String> {
    let mut counts = false;
    let mut found = Vec::new();
    for line in text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with(['#', ';'])) {
        if let Some(group) = line.strip_prefix('[') {
            let group = group.trim_end_matches(']').trim().to_lowercase();
            let own = |name: &String| {
                group.starts_with(name.as_str()) && !OTHERS.iter().any(|o| group.starts_with(o) && !name.starts_with(o))
            };
            counts = group.starts_with("client") || names.iter().any(own);
        } else if line.starts_with('!') {
            found.push(line.to_owned());
        } else if counts {
            let name = line.split(['=', ' ', '\t', '#']).next().unwrap_or_default().replace('_', "-").to_lowercase();
            let value = line.split_once('=').map_or("", |(_, v)| v.trim()).to_lowercase();
            let is_charset = name == "default-character-set" && (value.starts_with("utf8") || value == "latin1");
            let is_servers = name == "database" && value.trim_matches(['\'', '"']) == "mysql";
            if is_servers || (!HARMLESS.contains(&name.as_str()) && !name.starts_with("ssl") && !is_charset) {
                found.push(name);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_sets_for_the_client_is_looked_at() {
        for (text, strange) in [
            ("[client]\nuser = me\npassword=x\nssl_ca=/x\n", vec![]),
            ("[mysql]\ninit_command = drop table t\n", vec!["init-command"]),
            ("[client]\nplugin-dir=/tmp\n[mysqld]\ninit-file=/x", vec!["plugin-dir"]),
            ("[mysqld]\ninit-file=/x", vec![]),
            ("!include /tmp/x", vec!["!include /tmp/x"]),
            ("[client]\ndatabase = shop", vec![]),
            ("[client]\ndatabase = mysql", vec!["database"]),
            ("[client]\ndefault-character-set=gbk", vec!["default-character-set"]),
        ] {
            assert_eq!(strange_lines(text, &["mysql".to_owned()]), strange, "{text}");
        }
    }
}
