//! mongosh and the old mongo: what their scripts do, where they can be followed.

mod follow;
mod script;

use super::{Findings, Probe, input};
use crate::call::{Call, absolute};
use crate::effect::{Effect, Evidence, Verb, worst};
use crate::tool::Reading;
use script::{Called, Token};
use std::path::Path;

/// Calls that change nothing.
const READS: &[&str] = &[
    "find",
    "findOne",
    "count",
    "countDocuments",
    "estimatedDocumentCount",
    "distinct",
    "explain",
    "stats",
    "dataSize",
    "storageSize",
    "totalIndexSize",
    "totalSize",
    "getIndexes",
    "getIndexKeys",
    "latencyStats",
    "validate",
    "getCollection",
    "getCollectionNames",
    "getCollectionInfos",
    "getSiblingDB",
    "getName",
    "getMongo",
    "listCommands",
    "hostInfo",
    "serverStatus",
    "serverBuildInfo",
    "version",
    "hello",
    "isMaster",
    "currentOp",
    "getProfilingStatus",
    "getLogComponents",
    "status",
    "conf",
    "printReplicationInfo",
    "limit",
    "skip",
    "sort",
    "project",
    "projection",
    "toArray",
    "pretty",
    "hint",
    "batchSize",
    "maxTimeMS",
    "readConcern",
    "readPref",
    "collation",
    "comment",
    "next",
    "hasNext",
    "size",
    "itcount",
    "isCapped",
    "getShardDistribution",
    "getPlanCache",
    "getDBNames",
    "getDBs",
    "help",
    "ping",
    "print",
    "printjson",
    "length",
    "allowDiskUse",
    "returnKey",
    "showRecordId",
    "tailable",
    "getSearchIndexes",
    "isExhausted",
    "min",
    "max",
];
/// Calls that change what can be changed back.
const WRITES: &[&str] = &[
    "insert",
    "insertOne",
    "insertMany",
    "createCollection",
    "createView",
    "createIndex",
    "createIndexes",
    "ensureIndex",
    "createSearchIndex",
    "hideIndex",
    "unhideIndex",
    "setProfilingLevel",
    "updateSearchIndex",
    "initiate",
    "reIndex",
];
/// Calls whose first argument says which documents they change.
const BOUNDED: &[&str] = &[
    "updateOne",
    "updateMany",
    "update",
    "replaceOne",
    "findOneAndUpdate",
    "findOneAndReplace",
    "findAndModify",
    "deleteOne",
    "deleteMany",
    "remove",
    "findOneAndDelete",
];
const DESTROYS: &[&str] = &[
    "drop",
    "dropDatabase",
    "dropIndex",
    "dropIndexes",
    "dropSearchIndex",
    "renameCollection",
    "convertToCapped",
    "shutdownServer",
    "killOp",
    "fsyncLock",
    "stepDown",
    "remove_shard",
    "bulkWrite",
];
const GRANTS: &[&str] = &[
    "createUser",
    "updateUser",
    "dropUser",
    "dropAllUsers",
    "grantRolesToUser",
    "revokeRolesFromUser",
    "createRole",
    "updateRole",
    "dropRole",
    "dropAllRoles",
    "grantPrivilegesToRole",
    "revokePrivilegesFromRole",
    "grantRolesToRole",
    "revokeRolesFromRole",
    "changeUserPassword",
];
const REVEALS: &[&str] = &["getUser", "getUsers", "getRole", "getRoles", "auth"];
/// What shows its arguments, which may be calls themselves, and where it is found.
const SHOWS: &[(&str, &str)] = &[
    ("", "print"),
    ("", "printjson"),
    ("", "tojson"),
    ("JSON", "stringify"),
    ("EJSON", "stringify"),
    ("console", "log"),
    ("Object", "keys"),
    ("Object", "values"),
];
/// Commands of the server that only read.
const READING_COMMANDS: &[&str] = &[
    "buildInfo",
    "collStats",
    "connectionStatus",
    "count",
    "currentOp",
    "dbStats",
    "distinct",
    "find",
    "getCmdLineOpts",
    "getParameter",
    "hello",
    "hostInfo",
    "isMaster",
    "listCollections",
    "listDatabases",
    "listIndexes",
    "ping",
    "replSetGetStatus",
    "serverStatus",
    "top",
];
/// Collections that hold passwords or keys, wherever they are named.
const SECRETS: &[&str] = &["system.users", "system.keys", "system.backup_users", "system.new_users"];
/// What may be called inside an argument: it makes a value.
const VALUES: &[&str] = &[
    "ObjectId",
    "ISODate",
    "Date",
    "NumberLong",
    "NumberInt",
    "NumberDecimal",
    "Long",
    "Int32",
    "Double",
    "Decimal128",
    "UUID",
    "Timestamp",
    "BinData",
];

pub(super) fn inspect(reading: &Reading<'_>, call: &Call, probe: &dyn Probe, findings: &mut Findings) {
    let mut effects = Vec::new();
    let mut told = false;
    for text in reading.parsed.values("--eval") {
        effects.extend(of_script(text, Evidence::Argv));
        told = true;
    }
    let files =
        reading.operands().into_iter().filter(|o| o.ends_with(".js") || o.ends_with(".mongodb") || o.ends_with(".mongosh"));
    for file in files.chain(reading.parsed.values("--file")) {
        told = true;
        match crate::place::read_small(&absolute(&call.cwd, Path::new(file))) {
            Ok(text) if !call.around.away => effects.extend(of_script(&text, Evidence::File)),
            Ok(_) => effects.push(unknown(file, "the script is no file of this machine", Evidence::File)),
            Err(e) => effects.push(unknown(file, &format!("the script cannot be read: {e}"), Evidence::File)),
        }
    }
    if !told || reading.parsed.is_on("--shell") {
        effects.extend(of_input(call, probe, findings));
    }
    if worst(&effects) > Verb::Read {
        findings.effects.retain(|e| e.verb != Verb::Read);
    }
    findings.effects.extend(effects);
}

fn unknown(target: &str, why: &str, from: Evidence) -> Effect {
    Effect::new(Verb::Unknown, target, from).because(why)
}

fn of_input(call: &Call, probe: &dyn Probe, findings: &mut Findings) -> Vec<Effect> {
    match input::whole(call, probe, findings) {
        Ok(bytes) => of_script(&String::from_utf8_lossy(&bytes.unwrap_or_default()), Evidence::Stdin),
        Err(effect) => vec![*effect],
    }
}

/// What a script does.
fn of_script(text: &str, from: Evidence) -> Vec<Effect> {
    match script::tokens(text) {
        None => vec![unknown("script", "a string or comment that does not end", from)],
        Some(tokens) => follow::script(&tokens, from)
            .unwrap_or_else(|| vec![unknown("script", "a statement that cannot be followed", from)]),
    }
}

/// What calls of the server's own objects do.
fn of_chain(names: &[String], calls: &[Called], from: Evidence) -> Effect {
    let known_root = names.first().is_none_or(|n| ["db", "rs", "sh"].contains(&n.as_str()));
    let target = names.get(1..).filter(|n| !n.is_empty()).map_or_else(|| "db".to_owned(), |n| n.join("."));
    let mut worst = Effect::new(Verb::Read, target.clone(), from);
    if !known_root || (names.is_empty() && calls.is_empty()) {
        return unknown(&target, "a name that is not known", from);
    }
    let named = calls.iter().flat_map(|c| c.arguments.iter().flatten()).filter_map(Token::text);
    if named
        .chain([target.as_str()])
        .any(|name| name.contains('\u{fffd}') || SECRETS.iter().any(|secret| name.ends_with(secret)))
    {
        worst = Effect::new(Verb::Reveal, target.clone(), from).because("holds the secrets of users");
    }
    for called in calls {
        let (verb, note) = of_call(called);
        if verb > worst.verb {
            worst = Effect::new(verb, target.clone(), from).because(note);
        }
    }
    worst
}

/// Whether a command of the server, by its first key or its name, only reads.
fn only_asks(called: &Called) -> bool {
    let name = called.arguments.first().and_then(|tokens| match tokens.as_slice() {
        [Token::Text(name)] | [Token::Sign('{'), Token::Name(name) | Token::Text(name), Token::Sign(':'), ..] => Some(name),
        _ => None,
    });
    name.is_some_and(|name| READING_COMMANDS.contains(&name.as_str()))
}

fn of_call(called: &Called) -> (Verb, String) {
    let name = called.name.as_str();
    let listed = |list: &[&str]| list.contains(&name);
    if !called.arguments.iter().all(|a| is_value(a)) {
        return (Verb::Unknown, format!("`{name}` is given what cannot be followed"));
    }
    let verb = match name {
        // Where a name is put together, it could be any.
        "getCollection" | "getSiblingDB" if !matches!(called.arguments.as_slice(), [name] if matches!(name.as_slice(), [Token::Text(_)])) => {
            Verb::Unknown
        }
        "aggregate" if called.arguments.iter().flatten().any(writes_out) => Verb::Destroy,
        "aggregate" => Verb::Read,
        "adminCommand" | "runCommand" if only_asks(called) => Verb::Read,
        "forEach" | "map" | "filter" if called.arguments.as_slice().iter().all(|a| prints(a)) => Verb::Read,
        "use" | "sleep" => Verb::Read,
        "validate" if says(called, "repair") => Verb::Destroy,
        // Documents go by themselves from then on.
        "createIndex" | "createIndexes" | "ensureIndex" if says(called, "expireAfterSeconds") => Verb::Destroy,
        "findAndModify" if called.arguments.first().and_then(|all| field(all, "query")).is_some_and(is_bounded) => {
            Verb::Write
        }
        "findAndModify" => Verb::Destroy,
        "forEach" | "map" | "filter" => Verb::Unknown,
        _ if listed(READS) || listed(follow::OF_DATA) => Verb::Read,
        _ if listed(WRITES) => Verb::Write,
        _ if listed(BOUNDED) && called.arguments.first().is_some_and(|filter| is_bounded(filter)) => Verb::Write,
        _ if listed(BOUNDED) || listed(DESTROYS) => Verb::Destroy,
        _ if listed(GRANTS) => Verb::Grant,
        _ if listed(REVEALS) => Verb::Reveal,
        _ => Verb::Unknown,
    };
    let note = match verb {
        Verb::Unknown => format!("`{name}` is no call that is known"),
        Verb::Destroy if listed(BOUNDED) => format!("`{name}` without a value that bounds it"),
        Verb::Read | Verb::Reveal | Verb::Write | Verb::Grant | Verb::Escape | Verb::Destroy => name.to_owned(),
    };
    (verb, note)
}

/// The name of a function that prints.
fn prints(argument: &[Token]) -> bool {
    matches!(argument, [Token::Name(name)] if SHOWS.contains(&("", name.as_str())))
}

/// Whether a field of this name stands in the arguments.
fn says(called: &Called, field: &str) -> bool {
    // An escape can be any letter.
    let is = |name: &String| name == field || name.contains('\u{fffd}');
    called.arguments.iter().flatten().any(|t| matches!(t, Token::Name(name) | Token::Text(name) if is(name)))
}

/// What stands behind the field of this name, to the end of its own braces.
fn field<'t>(tokens: &'t [Token], name: &str) -> Option<&'t [Token]> {
    let is = |t: &Token| matches!(t, Token::Name(n) | Token::Text(n) if n == name);
    let mut all = tokens.windows(2).enumerate().filter(|(_, two)| matches!(two, [field, Token::Sign(':')] if is(field)));
    let (at, _) = all.next().filter(|_| all.next().is_none())?;
    let rest = tokens.get(at + 2..)?;
    let mut depth = 0usize;
    let end = rest.iter().position(|token| {
        depth = token.depth(depth).unwrap_or(0);
        depth == 0
    })?;
    rest.get(..=end)
}

/// `$out` and `$merge` write over a collection.
fn writes_out(token: &Token) -> bool {
    matches!(token, Token::Name(name) | Token::Text(name) if ["$out", "$merge"].contains(&name.as_str()) || name.contains('\u{fffd}'))
}

/// Whether an argument is made of values alone: nothing in it runs but what makes a value, and every field has the name that
/// is written: none is computed or spread out of another value, and no text put together.
fn is_value(tokens: &[Token]) -> bool {
    let spreads = |three: &[Token]| three.iter().all(|t| *t == Token::Sign('.'));
    let computes = |two: &[Token]| {
        let puts_together = two.contains(&Token::Sign('+')) && two.iter().any(|t| matches!(t, Token::Text(_)));
        puts_together || matches!(two, [Token::Sign(']'), Token::Sign(':')])
    };
    let plain = tokens.iter().enumerate().all(|(at, token)| match token {
        Token::Opaque | Token::Template(_) => false,
        Token::Sign('(') => {
            let before = at.checked_sub(1).and_then(|b| tokens.get(b));
            matches!(before, Some(Token::Name(name)) if VALUES.contains(&name.as_str()))
        }
        Token::Sign(sign) => "{}[]):,.-+".contains(*sign),
        Token::Name(name) => name != "function" && name != "async" && name != "await",
        Token::Text(_) | Token::Regex | Token::Line => true,
    });
    plain && !tokens.windows(3).any(spreads) && !tokens.windows(2).any(computes)
}

/// How many tokens the value is long that stands first; none where none does.
fn value_length(tokens: &[Token]) -> Option<usize> {
    let made = |name: &String| VALUES.contains(&name.as_str());
    match tokens {
        [Token::Text(_), ..] => Some(1),
        [Token::Name(new), Token::Name(name), Token::Sign('('), ..] if new == "new" && made(name) => {
            Some(2 + group(tokens.get(2..)?)?)
        }
        [Token::Name(name), Token::Sign('('), ..] if made(name) => Some(1 + group(tokens.get(1..)?)?),
        [Token::Name(name), ..] if ["true", "false"].contains(&name.as_str()) => Some(1),
        [Token::Name(name), ..] if name.starts_with(|c: char| c.is_ascii_digit()) => Some(1),
        _ => None,
    }
}

/// How many tokens the brackets hold that open first, themselves among them.
fn group(tokens: &[Token]) -> Option<usize> {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        depth = token.depth(depth)?;
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}

/// Whether a filter names a value for a field of its own: `{_id: 5}`; conditions (`{$gt: …}`) and regular expressions may mean all.
fn is_bounded(filter: &[Token]) -> bool {
    // An escape may be any letter of a field's name, and of fields of one name the last counts.
    if filter.iter().any(|t| matches!(t, Token::Text(text) if text.contains('\u{fffd}'))) {
        return false;
    }
    let mut depth = 0usize;
    filter.windows(3).enumerate().any(|(at, part)| {
        if let Some(Token::Sign(sign)) = filter.get(at) {
            match sign {
                '{' | '[' | '(' => depth += 1,
                '}' | ']' | ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        let [Token::Name(field) | Token::Text(field), Token::Sign(':'), _] = part else { return false };
        let is_field = !field.starts_with('$') && !field.contains('\u{fffd}');
        let value = filter.get(at + 2..).unwrap_or_default();
        // A part of a value may be nothing at all, which every document has that lacks the field.
        let is_value = value_length(value).is_some_and(|n| matches!(value.get(n), Some(Token::Sign(',' | '}'))));
        // Of fields of one name the last counts.
        let again = filter.iter().filter(|t| matches!(t, Token::Name(n) | Token::Text(n) if n == field)).count() > 1;
        depth == 1 && is_field && is_value && !again && field != "__proto__"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_followed_or_unknown() {
        for (script, verb) in [
            ("db.users.find()", Verb::Read),
            ("db.users.find({name: 'drop'}).sort({a: -1}).limit(5).toArray()", Verb::Read),
            ("show dbs\nuse shop\ndb.stats()", Verb::Read),
            ("db.getCollection('a b').countDocuments({})", Verb::Read),
            ("db.users.aggregate([{$match: {a: 1}}])", Verb::Read),
            ("// db.users.drop()\ndb.users.findOne()", Verb::Read),
            ("db.users.find() /* .drop() */", Verb::Read),
            ("db.users.insertOne({a: 1, at: new Date()})", Verb::Write),
            ("db.users.updateOne({_id: ObjectId('5')}, {$set: {a: 1}})", Verb::Write),
            ("db.users.deleteMany({name: 'x'})", Verb::Write),
            ("db.users.findAndModify({query: {_id: 5}, remove: true})", Verb::Write),
            ("db.users.createIndex({a: 1}, {unique: true})", Verb::Write),
            ("db.users.validate({full: true})", Verb::Read),
            ("db.users.findAndModify({query: {}, remove: true})", Verb::Destroy),
            ("db.users.findAndModify({remove: true, sort: {a: 1}})", Verb::Destroy),
            ("db.users.createIndex({at: 1}, {expireAfterSeconds: 0})", Verb::Destroy),
            ("db.users.validate({repair: true})", Verb::Destroy),
            ("printjson(db.users.findOne())", Verb::Read),
            ("print(db.users.countDocuments({}), 'all')", Verb::Read),
            ("JSON.stringify(db.users.find().toArray())", Verb::Read),
            ("db.users.find().forEach(printjson)", Verb::Read),
            ("db.adminCommand({ping: 1}).ok", Verb::Read),
            ("db.adminCommand('listDatabases').databases[0].name", Verb::Read),
            ("use('shop'); db.users.find().toArray().length", Verb::Read),
            ("printjson(db.users.drop())", Verb::Destroy),
            ("print(db.users.find(), db.dropDatabase())", Verb::Destroy),
            ("db.users.find()[0].x.drop()", Verb::Destroy),
            ("db.stats().a['drop']()", Verb::Destroy),
            ("db.users.find().forEach(f)", Verb::Unknown),
            ("printjson(f(db.users))", Verb::Unknown),
            ("JSON.parse('{}')", Verb::Unknown),
            ("db.adminCommand({shutdown: 1})", Verb::Unknown),
            ("db.adminCommand({[x]: 1})", Verb::Unknown),
            ("db.getSiblingDB('shop').orders.find()", Verb::Read),
            ("db.getSiblingDB('shop')['orders'].drop()", Verb::Destroy),
            ("db.system.users.find()", Verb::Reveal),
            ("db.getSiblingDB('admin').getCollection('system.users').find()", Verb::Reveal),
            ("db.getSiblingDB('admin').system.users.find()", Verb::Reveal),
            ("db['system.users'].find()", Verb::Reveal),
            ("db.users.deleteMany({_id: new ObjectId('5')})", Verb::Write),
            ("db.users.deleteMany({name: Date})", Verb::Destroy),
            ("db.users.deleteMany({at: {$lt: 5}, id: new Date(2020, 1)})", Verb::Write),
            ("db.users.deleteMany({name: 'x'.nothing})", Verb::Destroy),
            ("db.users.deleteMany({name: ObjectId('5').nothing})", Verb::Destroy),
            ("db.users.deleteMany({name: true[5]})", Verb::Destroy),
            ("db.users.deleteMany({__proto__: 5})", Verb::Destroy),
            ("db.users.deleteMany({a: 1, a: {$exists: true}})", Verb::Destroy),
            ("db.users.deleteMany({})", Verb::Destroy),
            ("db.users.deleteMany()", Verb::Destroy),
            ("db.users.deleteMany({_id: {$exists: true}})", Verb::Destroy),
            ("db.users.deleteMany({name: null})", Verb::Destroy),
            ("db.users.remove({})", Verb::Destroy),
            ("db.users.drop()", Verb::Destroy),
            ("db.users\n  .find()\n  ;db.dropDatabase()", Verb::Destroy),
            ("db['users'].drop()", Verb::Destroy),
            ("db['users']['drop']()", Verb::Destroy),
            ("db.users.aggregate([{$out: 'users'}])", Verb::Destroy),
            ("db.createUser({user: 'x', pwd: 'y', roles: []})", Verb::Grant),
            ("db.getUsers()", Verb::Reveal),
            ("db['us' + 'ers'].drop()", Verb::Unknown),
            ("db['c']['dr'+'op']()", Verb::Unknown),
            ("db.users.find().forEach(u => db.users.drop())", Verb::Destroy),
            ("db.users.find({$where: function() { return true }})", Verb::Unknown),
            ("db.users.find({a: db.users.drop()})", Verb::Unknown),
            ("require('child_process').exec('x')", Verb::Unknown),
            ("load('x.js')", Verb::Unknown),
            ("for (const x of []) {}", Verb::Read),
            ("db.users.find(`x`)", Verb::Unknown),
            ("db.users.find('", Verb::Unknown),
            ("eval('db.dropDatabase()')", Verb::Unknown),
            ("db.users.find()[x]", Verb::Unknown),
            ("db.runCommand({dropDatabase: 1})", Verb::Unknown),
        ] {
            assert_eq!(worst(&of_script(script, Evidence::Argv)), verb, "{script}");
        }
    }
}
