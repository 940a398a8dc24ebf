//! What changing a setting of the server does.

use super::names;
use super::tree::Node;
use crate::effect::Verb;

/// A setting whose change is more than a change of taste.
struct Setting {
    name: &'static str,
    when: When,
    verb: Verb,
    note: &'static str,
}

/// The values that a row is about.
enum When {
    /// Any value, and going back to the default too.
    Always,
    /// A value that Postgres reads as false.
    Off,
    /// A value that Postgres does not read as false.
    On,
    /// One of these, written in small letters and without punctuation.
    OneOf(&'static [&'static str]),
}

/// The encodings in which a byte of a character can look like a quote, a backslash or a letter: the server
/// would read another text than the one judged.
const AMBIGUOUS_ENCODINGS: &[&str] = &[
    "big5",
    "gb18030",
    "gbk",
    "johab",
    "mskanji",
    "shiftjis",
    "shiftjis2004",
    "sjis",
    "uhc",
    "win932",
    "win936",
    "win949",
    "win950",
    "windows932",
    "windows936",
    "windows949",
    "windows950",
];

/// The settings that a session can change.
const SESSION: &[Setting] = &[
    Setting { name: "role", when: When::Always, verb: Verb::Grant, note: "acts as another role" },
    Setting { name: "session_authorization", when: When::Always, verb: Verb::Grant, note: "acts as another user" },
    Setting {
        name: "session_replication_role",
        when: When::OneOf(&["replica"]),
        verb: Verb::Escape,
        note: "switches off triggers and foreign keys",
    },
    Setting {
        name: "standard_conforming_strings",
        when: When::Off,
        verb: Verb::Unknown,
        note: "changes how the statements that follow are read",
    },
    Setting {
        name: "client_encoding",
        when: When::OneOf(AMBIGUOUS_ENCODINGS),
        verb: Verb::Unknown,
        note: "changes how the statements that follow are read",
    },
    Setting {
        name: "default_transaction_read_only",
        when: When::Off,
        verb: Verb::Escape,
        note: "lifts the protection of a read-only session",
    },
    Setting { name: "transaction_read_only", when: When::Off, verb: Verb::Write, note: "lets the transaction write" },
    Setting {
        name: "search_path",
        when: When::Always,
        verb: Verb::Write,
        note: "changes which tables and functions bare names mean",
    },
    Setting {
        name: "row_security",
        when: When::Off,
        verb: Verb::Write,
        note: "refuses to read where row security would hide rows",
    },
    Setting { name: "zero_damaged_pages", when: When::On, verb: Verb::Destroy, note: "throws damaged pages away" },
    Setting { name: "ignore_checksum_failure", when: When::On, verb: Verb::Destroy, note: "reads damaged pages as good" },
    Setting { name: "allow_system_table_mods", when: When::On, verb: Verb::Escape, note: "lets system tables be changed" },
    Setting { name: "dynamic_library_path", when: When::Always, verb: Verb::Escape, note: "loads code into the server" },
    Setting { name: "local_preload_libraries", when: When::Always, verb: Verb::Escape, note: "loads code into the server" },
    Setting {
        name: "session_preload_libraries",
        when: When::Always,
        verb: Verb::Escape,
        note: "loads code into the server",
    },
];

/// What there is to say of a setting by which a deed would leave no trace.
const LOGS: &str = "decides what is kept of what happens on the server";

/// What a piece of the name of a server-wide setting means for `ALTER SYSTEM`; the first that fits counts.
const SYSTEM: &[(&str, Verb, &str)] = &[
    ("archive_", Verb::Destroy, "backups depend on this setting"),
    ("wal_", Verb::Destroy, "backups and replicas depend on this setting"),
    ("fsync", Verb::Destroy, "a crash can destroy the database without it"),
    ("full_page_writes", Verb::Destroy, "a crash can destroy the database without it"),
    ("data_sync_retry", Verb::Destroy, "a crash can destroy the database with it"),
    ("zero_damaged_pages", Verb::Destroy, "throws damaged pages away"),
    ("ignore_checksum_failure", Verb::Destroy, "reads damaged pages as good"),
    ("preload_libraries", Verb::Escape, "loads code into the server"),
    ("library_path", Verb::Escape, "loads code into the server"),
    ("_command", Verb::Escape, "runs a program on the server"),
    ("read_only", Verb::Escape, "lifts the protection of read-only sessions"),
    ("hba_file", Verb::Grant, "decides who may log in"),
    ("ident_file", Verb::Grant, "decides who may log in"),
    ("password_encryption", Verb::Grant, "decides how passwords are kept"),
    ("scram_iterations", Verb::Grant, "decides how passwords are kept"),
    ("listen_addresses", Verb::Grant, "decides who can reach the server"),
    ("unix_socket_", Verb::Grant, "decides who can reach the server"),
    ("krb_", Verb::Grant, "decides who may log in"),
    ("ssl", Verb::Grant, "decides whether connections are encrypted"),
    ("session_replication_role", Verb::Escape, "switches off triggers and foreign keys"),
    ("system_table_mods", Verb::Escape, "lets system tables be changed"),
    ("event_triggers", Verb::Escape, "switches off event triggers"),
    ("jit_provider", Verb::Escape, "loads code into the server"),
    ("primary_conninfo", Verb::Escape, "connects to another server"),
    ("log_statement", Verb::Escape, LOGS),
    ("log_connections", Verb::Escape, LOGS),
    ("log_disconnections", Verb::Escape, LOGS),
    ("log_destination", Verb::Escape, LOGS),
    ("log_directory", Verb::Escape, LOGS),
    ("log_filename", Verb::Escape, LOGS),
    ("log_min_messages", Verb::Escape, LOGS),
    ("log_min_error_statement", Verb::Escape, LOGS),
    ("log_parameter_max_length", Verb::Escape, LOGS),
    ("logging_collector", Verb::Escape, LOGS),
    ("log_truncate_on_rotation", Verb::Destroy, LOGS),
    ("synchronous_commit", Verb::Destroy, "a crash can lose what was committed without it"),
];

/// What setting `name` to `value` does in a session; `None` is a value that cannot be known.
pub(super) fn in_session(name: &str, value: Option<&str>) -> (Verb, &'static str) {
    let found = SESSION.iter().find(|setting| setting.name.eq_ignore_ascii_case(name) && setting.when.holds(value));
    found.map_or((Verb::Write, ""), |setting| (setting.verb, setting.note))
}

/// What going back to the default of `name` does in a session.
fn reset(name: &str) -> (Verb, &'static str) {
    let found =
        SESSION.iter().find(|setting| setting.name.eq_ignore_ascii_case(name) && matches!(setting.when, When::Always));
    found.map_or((Verb::Write, ""), |setting| (setting.verb, setting.note))
}

impl When {
    fn holds(&self, value: Option<&str>) -> bool {
        match (self, value) {
            (When::Always, _) | (_, None) => true,
            (When::Off, Some(value)) => names::is_off(value),
            (When::On, Some(value)) => !names::is_off(value),
            (When::OneOf(values), Some(value)) => {
                let bare = value.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
                values.contains(&bare.to_ascii_lowercase().as_str())
            }
        }
    }
}

/// What a `SET` or `RESET` in a session does, and to which setting.
pub(super) fn set(fields: Node<'_>) -> (String, Verb, &'static str) {
    let name = fields.get("name").text().to_owned();
    let first = fields.get("args").items().next().and_then(Node::constant);
    let (verb, note) = match fields.get("kind").text() {
        "VAR_SET_VALUE" => in_session(&name, first.as_deref()),
        "VAR_SET_MULTI" => transaction_mode(fields.get("args"), &name),
        _ => reset(&name),
    };
    let target = match name.as_str() {
        "" => String::from("all settings"),
        "role" | "session_authorization" => first.map_or(name, Into::into),
        _ => name,
    };
    (target, verb, note)
}

/// What `SET TRANSACTION` and `SET SESSION CHARACTERISTICS` do.
fn transaction_mode(modes: Node<'_>, name: &str) -> (Verb, &'static str) {
    let read_write = writes(modes);
    let setting = if name == "SESSION CHARACTERISTICS" { "default_transaction_read_only" } else { "transaction_read_only" };
    if read_write { in_session(setting, Some("off")) } else { (Verb::Write, "") }
}

/// Whether the modes of a transaction say `READ WRITE`.
pub(super) fn writes(modes: Node<'_>) -> bool {
    let mode = names::option(modes, "transaction_read_only").and_then(Node::constant);
    mode.is_some_and(|value| names::is_off(&value))
}

/// What an `ALTER SYSTEM` does, and to which setting.
pub(super) fn in_system(fields: Node<'_>) -> (String, Verb, &'static str) {
    let name = fields.get("name").text().to_ascii_lowercase();
    if name.is_empty() {
        return (String::from("all settings"), Verb::Destroy, "undoes every change of the server's settings");
    }
    let found = SYSTEM.iter().find(|(piece, _, _)| name.contains(piece));
    let (verb, note) = found.map_or((Verb::Write, ""), |(_, verb, note)| (*verb, *note));
    (name, verb, note)
}

/// What a setting kept for every later session of a database does, and to which setting.
pub(super) fn in_database(fields: Node<'_>) -> (String, Verb, &'static str) {
    let (name, verb, _) = set(fields);
    if verb == Verb::Write { (name, verb, "") } else { (name, Verb::Grant, "holds for every later session") }
}

#[cfg(test)]
mod tests {
    use super::super::check;

    #[test]
    fn what_a_dump_sets_is_a_write() {
        check(&[
            ("set statement_timeout = 0", "write statement_timeout"),
            ("set standard_conforming_strings = on", "write standard_conforming_strings"),
            ("select pg_catalog.set_config('search_path', '', false)", "write search_path"),
            ("set client_encoding = 'UTF8'", "write client_encoding"),
            ("set row_security = off", "write row_security"),
            ("reset all", "write all settings"),
            ("set local session_replication_role = origin", "write session_replication_role"),
        ]);
    }

    #[test]
    fn what_takes_a_protection_away_is_not() {
        check(&[
            ("set role bob", "grant bob"),
            ("reset role", "grant role"),
            ("set session authorization default", "grant session_authorization"),
            ("set session_replication_role = replica", "escape session_replication_role"),
            ("set standard_conforming_strings = off", "unknown standard_conforming_strings"),
            ("set client_encoding = 'SJIS'", "unknown client_encoding"),
            ("set default_transaction_read_only = false", "escape default_transaction_read_only"),
            ("select set_config('Default_Transaction_Read_Only', 'f', true)", "escape Default_Transaction_Read_Only"),
            (
                "select set_config('session_replication_role', (select v from t), true)",
                "escape session_replication_role, read t",
            ),
            ("select set_config(a, 'x', true) from t", "unknown set_config, read t"),
            ("set session characteristics as transaction read write", "escape SESSION CHARACTERISTICS"),
            ("set transaction read write", "write TRANSACTION"),
            ("begin read write", "write (database)"),
        ]);
    }

    #[test]
    fn the_server_and_its_databases_have_settings_too() {
        check(&[
            ("alter system set work_mem = '5MB'", "write work_mem"),
            ("alter system set archive_mode = off", "destroy archive_mode"),
            ("alter system set fsync = off", "destroy fsync"),
            ("alter system set ssl = off", "grant ssl"),
            ("alter system set ssl_passphrase_command = 'sh'", "escape ssl_passphrase_command"),
            ("alter system set archive_command = 'sh'", "destroy archive_command"),
            ("alter system set log_statement = none", "escape log_statement"),
            ("alter system reset logging_collector", "escape logging_collector"),
            ("alter system set log_min_duration_statement = 500", "write log_min_duration_statement"),
            ("alter system set session_replication_role = replica", "escape session_replication_role"),
            ("alter system set jit_provider = 'x'", "escape jit_provider"),
            ("alter system set shared_preload_libraries = 'x'", "escape shared_preload_libraries"),
            ("alter system set synchronous_commit = off", "destroy synchronous_commit"),
            ("alter system set password_encryption = md5", "grant password_encryption"),
            ("alter system set restore_command = 'sh'", "escape restore_command"),
            ("alter system reset all", "destroy all settings"),
            ("alter database d set timezone = 'UTC'", "write d timezone"),
            ("alter database d set session_replication_role = replica", "grant d session_replication_role"),
            ("alter role r set work_mem = '1GB'", "grant r"),
        ]);
    }
}
