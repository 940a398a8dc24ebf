//! Where a libpq program connects to: flags, variables, a connection string or URI in place of the database's name, a
//! service of a service file.

use super::super::Findings;
use super::session;
use crate::call::{Call, User, absolute};
use crate::effect::{Effect, Evidence, Verb};
use crate::place::{read_own, read_small};
use crate::tool::Reading;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where the system's service file stands: Debian's folder, Red Hat's, and that of a server built by hand.
const SYSTEM_FOLDERS: [&str; 3] = ["/etc/postgresql-common", "/etc/sysconfig/pgsql", "/usr/local/pgsql/etc"];

/// Adds the facts `pg-host`, `pg-port`, `pg-database`, `pg-user` and the ports that are connected to.
pub(super) fn find(reading: &Reading<'_>, call: &Call, findings: &mut Findings) {
    let named = reading.parsed.values("--dbname").last().map(str::to_owned);
    let database = named.or_else(|| reading.operands().first().map(|o| (*o).to_owned()));
    let given = database.map(|d| parse(&d)).unwrap_or_default();
    let mut facts: BTreeMap<String, String> = reading.facts.clone();
    add(&mut facts, &given);
    session::of_variables(call, findings);
    session::of_pairs(&given, Evidence::Argv, findings);
    elsewhere(&given, Evidence::Argv, call, findings);
    let service = facts.get("pg-service").cloned().unwrap_or_default();
    if !service.is_empty() {
        let file = given.iter().find(|(k, _)| k == "servicefile").map(|(_, v)| v.clone());
        let read = if file.is_some() { read_small } else { read_own };
        let found = of_service(&service, &service_files(call, file), read);
        if let Err(file) = &found {
            let note = format!("the service file `{}` cannot be read", file.display());
            findings.effects.push(Effect::new(Verb::Unknown, service, Evidence::File).because(note));
        }
        let found = found.unwrap_or_default();
        session::of_pairs(&found.concat(), Evidence::File, findings);
        elsewhere(&found.concat(), Evidence::File, call, findings);
        let mut pairs = found.into_iter().next().unwrap_or_default();
        // It wins over variables, but not over what the words say.
        let flags = [("--host", "pg-host"), ("--port", "pg-port"), ("--username", "pg-user")];
        let said = |fact: &str| {
            given.iter().any(|(key, _)| fact_of(key) == Some(fact))
                || flags.iter().any(|(flag, of)| *of == fact && reading.parsed.values(flag).next().is_some())
        };
        pairs.retain(|(key, _)| fact_of(key).is_some_and(|fact| !said(fact)));
        add(&mut facts, &pairs);
    }
    let ports = facts.get("pg-port").cloned().unwrap_or_default();
    findings.ports.extend(ports.split(',').filter_map(|p| p.trim().parse::<u16>().ok()));
    findings.facts.extend(facts.into_iter().filter(|(k, _)| k.starts_with("pg-")));
}

/// Where a server on this machine keeps its socket when nothing else is said.
const SOCKET_FOLDERS: [&str; 3] = ["/run/postgresql", "/var/run/postgresql", "/tmp"];

/// Whether the connection surely goes to a server itself, and not to a pooler, which may hand an option of one session to
/// another's or refuse it: a server keeps a lock beside its socket, and poolers do not (src/backend/utils/init/miscinit.c).
/// Only a host that is named counts, since Debian's wrapper chooses one where none is.
pub(super) fn is_direct(facts: &BTreeMap<String, String>) -> bool {
    let port = facts.get("pg-port").map_or("5432", String::as_str);
    let has_lock = |folder: &str| Path::new(folder).join(format!(".s.PGSQL.{port}.lock")).exists();
    match facts.get("pg-host").map(String::as_str) {
        _ if facts.contains_key("pg-service") => false,
        Some(folder) if folder.starts_with('/') => has_lock(folder),
        Some("localhost" | "127.0.0.1" | "::1") => SOCKET_FOLDERS.into_iter().any(has_lock),
        Some(_) | None => false,
    }
}

/// What a connection string names beside the server: a library to be loaded, and an address under another's name, to which a
/// guarded session would have the password sent that it has not itself.
fn elsewhere(pairs: &[(String, String)], evidence: Evidence, call: &Call, findings: &mut Findings) {
    for (key, value) in pairs {
        let (verb, note) = match key.as_str() {
            // `ENGINE:KEY`, the engine by the path of its library too.
            "sslkey" if value.contains(':') => (Verb::Escape, "OpenSSL loads it as an engine"),
            "hostaddr" if call.is_from_session() => (Verb::Reveal, "the password of another server may be sent there"),
            _ => continue,
        };
        findings.effects.push(Effect::new(verb, value, evidence).because(note));
    }
}

/// The fact that a key of a connection string says.
fn fact_of(key: &str) -> Option<&'static str> {
    match key {
        "host" | "hostaddr" => Some("pg-host"),
        "port" => Some("pg-port"),
        "dbname" => Some("pg-database"),
        "user" => Some("pg-user"),
        "service" => Some("pg-service"),
        _ => None,
    }
}

fn add(facts: &mut BTreeMap<String, String>, pairs: &[(String, String)]) {
    facts.extend(pairs.iter().filter_map(|(key, value)| Some((fact_of(key)?.to_owned(), value.clone()))));
}

/// The files that a service is looked for in, in this order. Which home libpq means differs between versions.
fn service_files(call: &Call, named: Option<String>) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = match named.or_else(|| call.var("PGSERVICEFILE")) {
        Some(file) => vec![absolute(&call.cwd, Path::new(&file))],
        None => {
            let homes = call.var("HOME").map(PathBuf::from).into_iter().chain([User::current().home]);
            homes.map(|home| home.join(".pg_service.conf")).collect()
        }
    };
    let folders = match call.var("PGSYSCONFDIR") {
        Some(folder) => vec![absolute(&call.cwd, Path::new(&folder))],
        None => SYSTEM_FOLDERS.map(PathBuf::from).into(),
    };
    files.extend(folders.into_iter().map(|folder| folder.join("pg_service.conf")));
    files
}

/// What each of the files that has the service says of it; the file that is there and cannot be read.
fn of_service(
    name: &str,
    files: &[PathBuf],
    read: fn(&Path) -> std::io::Result<String>,
) -> Result<Vec<Vec<(String, String)>>, PathBuf> {
    let mut found = Vec::new();
    for file in files {
        match read(file) {
            Ok(text) => found.extend(section(&text, name)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(_) => return Err(file.clone()),
        }
    }
    Ok(found)
}

/// What stands under `[name]`; none where there is no such line.
fn section(text: &str, name: &str) -> Option<Vec<(String, String)>> {
    let head = format!("[{name}]");
    let mut lines = text.lines().map(str::trim);
    lines.find(|line| line.starts_with(&head))?;
    let lines = lines.take_while(|line| !line.starts_with('[')).filter(|line| !line.starts_with('#'));
    Some(lines.filter_map(|line| line.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect())
}

/// What stands in place of a database's name: a URI, a list of `key=value`, or the name itself.
fn parse(text: &str) -> Vec<(String, String)> {
    let uri = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"));
    match uri {
        Some(rest) => parse_uri(rest),
        None if text.contains('=') => parse_pairs(text),
        None => vec![("dbname".to_owned(), text.to_owned())],
    }
}

/// `user:password@host:port,host:port/database?key=value&…`.
fn parse_uri(rest: &str) -> Vec<(String, String)> {
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (user, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
    let mut pairs = vec![("dbname".to_owned(), decode(database))];
    let user = user.split(':').next().unwrap_or_default();
    if !user.is_empty() {
        pairs.push(("user".to_owned(), decode(user)));
    }
    let split = |h: &str| match h.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (decode(name), port.to_owned()),
        _ => (decode(h), String::new()),
    };
    let (names, ports): (Vec<String>, Vec<String>) = hosts.split(',').map(split).unzip();
    pairs.push(("host".to_owned(), names.join(",")));
    if ports.iter().any(|p| !p.is_empty()) {
        pairs.push(("port".to_owned(), ports.join(",")));
    }
    pairs.extend(query.split('&').filter_map(|p| p.split_once('=')).map(|(k, v)| (decode(k), decode(v))));
    pairs.retain(|(_, v)| !v.is_empty());
    pairs
}

/// `%41` as `A`.
fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend(before.bytes());
        let digits = after.get(..2).and_then(|d| u8::from_str_radix(d, 16).ok());
        bytes.push(digits.unwrap_or(b'%'));
        rest = if digits.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    bytes.extend(rest.bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `key = 'va\'lue' key2=value2`.
fn parse_pairs(text: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut rest = text.trim_start();
    while let Some((key, after)) = rest.split_once('=') {
        let after = after.trim_start();
        let mut value = String::new();
        let quoted = after.starts_with('\'');
        let mut letters = after.char_indices().skip(usize::from(quoted));
        let mut end = after.len();
        while let Some((at, c)) = letters.next() {
            match c {
                '\\' => value.extend(letters.next().map(|(_, c)| c)),
                '\'' if quoted => {
                    end = at + 1;
                    break;
                }
                c if !quoted && c.is_whitespace() => {
                    end = at;
                    break;
                }
                c => value.push(c),
            }
        }
        pairs.push((key.trim().to_owned(), value));
        rest = after.get(end..).unwrap_or_default().trim_start();
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(text: &str, key: &str) -> Option<String> {
        parse(text).into_iter().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    #[test]
    fn a_service_is_what_stands_under_its_name() {
        let text = "# [a]\n[a]\nhost=x\n [b]\n  host=h\n#port=1\nport=5433\n\noptions=-c x=y\n[c]\nport=7\n";
        let pairs = [("host", "h"), ("port", "5433"), ("options", "-c x=y")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(section(text, "b"), Some(pairs.into()));
        assert_eq!(section(text, "d"), None);
    }

    #[test]
    fn a_uri_a_list_and_a_name_say_where() {
        for (text, key, want) in [
            ("shop", "dbname", Some("shop")),
            ("postgres://app:pw@db.prod:6432/shop?sslmode=require", "host", Some("db.prod")),
            ("postgres://app:pw@db.prod:6432/shop", "port", Some("6432")),
            ("postgresql://a%40b@h/x", "user", Some("a@b")),
            ("postgresql:///x?host=/run/pg&port=5433", "host", Some("/run/pg")),
            ("postgres://h1:1,h2:2/x", "port", Some("1,2")),
            ("host=h port=5433 dbname='my \\'db'", "dbname", Some("my 'db")),
            ("host = h  port= 5433", "port", Some("5433")),
            ("host=h", "port", None),
        ] {
            assert_eq!(get(text, key).as_deref(), want, "{text}");
        }
    }
}
