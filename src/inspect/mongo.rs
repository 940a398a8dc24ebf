//! mongosh and the old mongo: what their scripts do, where they can be followed.

mod script;

use super::{Findings, Probe, input};
use crate::call::{Call, absolute};
use crate::effect::{Effect, Evidence, Verb, worst};
use crate::tool::Reading;
use script::{Called, Statement, Token};
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
    match script::statements(text) {
        Err(why) => vec![unknown("script", why, from)],
        Ok(statements) => statements.iter().map(|s| of_statement(s, from)).collect(),
    }
}

fn of_statement(statement: &Statement, from: Evidence) -> Effect {
    let (names, calls) = match statement {
        Statement::Words(words) => return Effect::new(Verb::Read, words.join(" "), from),
        Statement::Chain(names, calls) => (names, calls),
    };
    let known_root = names.first().is_none_or(|n| ["db", "rs", "sh"].contains(&n.as_str()));
    let target = names.get(1..).filter(|n| !n.is_empty()).map_or_else(|| "db".to_owned(), |n| n.join("."));
    let mut worst = Effect::new(Verb::Read, target.clone(), from);
    if !known_root || (names.is_empty() && calls.is_empty()) {
        return unknown(&target, "a name that is not known", from);
    }
    let named = calls.iter().flat_map(|c| c.arguments.iter().flatten()).filter_map(|token| match token {
        Token::Text(text) => Some(text.as_str()),
        Token::Name(_) | Token::Sign(_) | Token::Opaque | Token::Line => None,
    });
    if named.chain([target.as_str()]).any(|name| SECRETS.iter().any(|secret| name.ends_with(secret))) {
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

fn of_call(called: &Called) -> (Verb, String) {
    let name = called.name.as_str();
    let listed = |list: &[&str]| list.contains(&name);
    if !called.arguments.iter().all(|a| is_value(a)) {
        return (Verb::Unknown, format!("`{name}` is given what cannot be followed"));
    }
    let verb = match name {
        "aggregate" if called.arguments.iter().flatten().any(writes_out) => Verb::Destroy,
        "aggregate" => Verb::Read,
        "validate" if says(called, "repair") => Verb::Destroy,
        // Documents go by themselves from then on.
        "createIndex" | "createIndexes" | "ensureIndex" if says(called, "expireAfterSeconds") => Verb::Destroy,
        "findAndModify" if called.arguments.first().and_then(|all| field(all, "query")).is_some_and(is_bounded) => {
            Verb::Write
        }
        "findAndModify" => Verb::Destroy,
        _ if listed(READS) => Verb::Read,
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

/// Whether a field of this name stands in the arguments.
fn says(called: &Called, field: &str) -> bool {
    called.arguments.iter().flatten().any(|t| matches!(t, Token::Name(name) | Token::Text(name) if name == field))
}

/// What stands behind the field of this name, to the end of its own braces.
fn field<'t>(tokens: &'t [Token], name: &str) -> Option<&'t [Token]> {
    let is = |t: &Token| matches!(t, Token::Name(n) | Token::Text(n) if n == name);
    let at = tokens.windows(2).position(|two| matches!(two, [field, Token::Sign(':')] if is(field)))?;
    let rest = tokens.get(at + 2..)?;
    let mut depth = 0usize;
    let end = rest.iter().position(|token| {
        match token {
            Token::Sign('{' | '[' | '(') => depth += 1,
            Token::Sign('}' | ']' | ')') => depth = depth.saturating_sub(1),
            Token::Sign(_) | Token::Name(_) | Token::Text(_) | Token::Opaque | Token::Line => {}
        }
        depth == 0
    })?;
    rest.get(..=end)
}

/// `$out` and `$merge` write over a collection.
fn writes_out(token: &Token) -> bool {
    matches!(token, Token::Name(name) | Token::Text(name) if ["$out", "$merge"].contains(&name.as_str()) || name.contains('\u{fffd}'))
}

/// Whether an argument is made of values alone: nothing in it runs but what makes a value.
fn is_value(tokens: &[Token]) -> bool {
    tokens.iter().enumerate().all(|(at, token)| match token {
        Token::Opaque => false,
        Token::Sign('(') => {
            let before = at.checked_sub(1).and_then(|b| tokens.get(b));
            matches!(before, Some(Token::Name(name)) if VALUES.contains(&name.as_str()))
        }
        Token::Sign(sign) => "{}[]):,.-+".contains(*sign),
        Token::Name(name) => name != "function" && name != "async" && name != "await",
        Token::Text(_) | Token::Line => true,
    })
}

/// Whether a filter names a value for a field of its own: `{_id: 5}`; conditions (`{$gt: …}`) and regular expressions may mean all.
fn is_bounded(filter: &[Token]) -> bool {
    let mut depth = 0usize;
    filter.windows(3).enumerate().any(|(at, part)| {
        if let Some(Token::Sign(sign)) = filter.get(at) {
            match sign {
                '{' | '[' | '(' => depth += 1,
                '}' | ']' | ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        let [Token::Name(field) | Token::Text(field), Token::Sign(':'), value] = part else { return false };
        let is_field = !field.starts_with('$') && !field.contains('\u{fffd}');
        let null = |name: &str| ["null", "undefined"].contains(&name);
        depth == 1
            && is_field
            && matches!(value, Token::Text(_) | Token::Name(_))
            && !matches!(value, Token::Name(n) if null(n))
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
            ("db.getSiblingDB('shop').orders.find()", Verb::Read),
            ("db.getSiblingDB('shop')['orders'].drop()", Verb::Destroy),
            ("db.system.users.find()", Verb::Reveal),
            ("db.getSiblingDB('admin').getCollection('system.users').find()", Verb::Reveal),
            ("db.getSiblingDB('admin').system.users.find()", Verb::Reveal),
            ("db['system.users'].find()", Verb::Reveal),
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
            ("db.users.find().forEach(u => db.users.drop())", Verb::Unknown),
            ("db.users.find({$where: function() { return true }})", Verb::Unknown),
            ("db.users.find({a: db.users.drop()})", Verb::Unknown),
            ("require('child_process').exec('x')", Verb::Unknown),
            ("load('x.js')", Verb::Unknown),
            ("for (const x of []) {}", Verb::Unknown),
            ("db.users.find(`x`)", Verb::Unknown),
            ("db.users.find('", Verb::Unknown),
            ("eval('db.dropDatabase()')", Verb::Unknown),
            ("db.users.find()[0]", Verb::Unknown),
            ("db.runCommand({dropDatabase: 1})", Verb::Unknown),
        ] {
            assert_eq!(worst(&of_script(script, Evidence::Argv)), verb, "{script}");
        }
    }
}
