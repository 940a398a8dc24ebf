//! Follows a script of mongosh through what scripts wrap around calls to show what these give: names for answers, loops over them,
//! functions that print, comparisons and templates.
//!
//! Nothing is followed that could make a name mean something else than it seems: no assignment, no function that is kept, no name
//! that is computed or put over a known one. So what is called is always what its name says.

use super::script::{self, Called, Token, chain};
use super::{SHOWS, VALUES, is_value, of_chain, prints, unknown};
use crate::effect::{Effect, Evidence, Verb};
use std::collections::BTreeMap;

/// How deep functions, loops and expressions may stand in each other.
const MAX_DEPTH: usize = 60;

/// Calls of a document, a list, a text or a number that give another one.
pub(super) const OF_DATA: &[&str] = &[
    "concat",
    "endsWith",
    "entries",
    "filter",
    "flat",
    "forEach",
    "getTime",
    "getTimestamp",
    "hasNext",
    "includes",
    "indexOf",
    "join",
    "keys",
    "map",
    "next",
    "padEnd",
    "padStart",
    "replace",
    "slice",
    "split",
    "startsWith",
    "substring",
    "toArray",
    "toFixed",
    "toISOString",
    "toLowerCase",
    "toString",
    "toUpperCase",
    "trim",
    "values",
];
/// Those that run the function that they are given, now and for each member.
const RUN: &[&str] = &["filter", "forEach", "map"];
/// Calls of a collection in whose arguments a name may stand for data: whatever it is, it makes nothing else of the call.
const TAKE_DATA: &[&str] = &[
    "count",
    "countDocuments",
    "deleteMany",
    "deleteOne",
    "distinct",
    "find",
    "findOne",
    "findOneAndDelete",
    "insertMany",
    "insertOne",
    "limit",
    "replaceOne",
    "skip",
    "sort",
    "updateMany",
    "updateOne",
];
/// Names that no script may give to something of its own: they would not mean any more what they mean here.
const KNOWN: &[&str] = &[
    "EJSON",
    "JSON",
    "Object",
    "console",
    "cls",
    "config",
    "db",
    "exit",
    "globalThis",
    "help",
    "it",
    "load",
    "print",
    "printjson",
    "quit",
    "require",
    "rs",
    "sh",
    "show",
    "sleep",
    "sp",
    "this",
    "tojson",
    "undefined",
    "use",
    "version",
];
/// Operators between two values, the longest first.
const OPERATORS: &[&str] = &["===", "!==", "==", "!=", "<=", ">=", "&&", "||", "??", "<", ">", "+", "-", "*", "%"];

/// What a name of the script's own stands for: a database or collection by the chain that leads to it, or data.
type Local = Option<(Vec<String>, Vec<Called>)>;

/// A walk through a script.
pub(super) struct Follower {
    from: Evidence,
    locals: BTreeMap<String, Local>,
    effects: Vec<Effect>,
    depth: usize,
}

/// What of a text is left to read; none where it cannot be followed.
type Rest<'t> = Option<&'t [Token]>;

/// What a script does; none where it cannot be followed to its end.
pub(super) fn script(tokens: &[Token], from: Evidence) -> Option<Vec<Effect>> {
    let mut follower = Follower { from, locals: BTreeMap::new(), effects: Vec::new(), depth: 0 };
    follower.statements(tokens, true)?;
    Some(follower.effects)
}

fn skip_lines(tokens: &[Token]) -> &[Token] {
    let at = tokens.iter().position(|t| *t != Token::Line).unwrap_or(tokens.len());
    tokens.get(at..).unwrap_or_default()
}

/// What stands behind this sign.
fn sign(tokens: &[Token], sign: char) -> Rest<'_> {
    let tokens = skip_lines(tokens);
    (tokens.first() == Some(&Token::Sign(sign))).then(|| tokens.get(1..)).flatten()
}

/// A name, and what stands behind it.
fn name(tokens: &[Token]) -> Option<(&str, &[Token])> {
    match skip_lines(tokens) {
        [Token::Name(name), rest @ ..] => Some((name, rest)),
        _ => None,
    }
}

/// What stands between the bracket that comes first and its other one, and what stands behind that.
fn between(tokens: &[Token]) -> Option<(&[Token], &[Token])> {
    let mut depth = 0usize;
    for (at, token) in tokens.iter().enumerate() {
        depth = token.depth(depth)?;
        if depth == 0 {
            return (at > 0).then_some((tokens.get(1..at)?, tokens.get(at + 1..)?));
        }
    }
    None
}

fn is_known(name: &str) -> bool {
    KNOWN.contains(&name) || VALUES.contains(&name)
}

fn is_declaration(word: &str) -> bool {
    matches!(word, "const" | "let" | "var")
}

impl Follower {
    /// Follows statements to the end of `tokens`.
    fn statements(&mut self, tokens: &[Token], outermost: bool) -> Option<()> {
        let mut rest = tokens;
        loop {
            while matches!(rest.first(), Some(Token::Line | Token::Sign(';'))) {
                rest = rest.get(1..)?;
            }
            if rest.is_empty() {
                return Some(());
            }
            rest = self.statement(rest, outermost)?;
        }
    }

    /// Follows one statement. It begins with a name: a sign, a template or a regular expression could go on with the line before.
    fn statement<'t>(&mut self, tokens: &'t [Token], outermost: bool) -> Rest<'t> {
        if let Some((words, rest)) = script::words(tokens).filter(|_| outermost) {
            self.effects.push(Effect::new(Verb::Read, words.join(" "), self.from));
            return Some(rest);
        }
        let (word, rest) = name(tokens)?;
        match word {
            "for" => return self.loop_over(rest),
            "return" if !outermost => {
                let ends = matches!(rest.first(), None | Some(Token::Line | Token::Sign(';')));
                return if ends { Some(rest) } else { self.expression(rest).and_then(ended) };
            }
            _ if is_declaration(word) => return self.declaration(rest).and_then(ended),
            _ => {}
        }
        self.expression(tokens).and_then(ended)
    }

    /// `name = value`.
    fn declaration<'t>(&mut self, tokens: &'t [Token]) -> Rest<'t> {
        let (local, rest) = name(tokens)?;
        let value = skip_lines(sign(rest, '=')?);
        let rest = self.expression(value)?;
        let leads =
            script::chain(value).filter(|(_, after)| after.len() == rest.len()).and_then(|(found, _)| self.leads(found));
        self.declare(local, leads)?;
        Some(rest)
    }

    /// What a chain leads to that is no answer yet: a database or a collection.
    fn leads(&self, (names, calls): (Vec<String>, Vec<Called>)) -> Local {
        let (names, calls) = self.meant(names, calls);
        let root = names.first().is_some_and(|root| root == "db");
        (root && calls.iter().all(script::leads_on)).then_some((names, calls))
    }

    /// The chain with what its first name stands for in that one's place.
    fn meant(&self, names: Vec<String>, calls: Vec<Called>) -> (Vec<String>, Vec<Called>) {
        match names.first().and_then(|root| self.locals.get(root)) {
            Some(Some((to, through))) => {
                let names = to.iter().chain(names.iter().skip(1)).cloned().collect();
                (names, through.iter().cloned().chain(calls).collect())
            }
            Some(None) | None => (names, calls),
        }
    }

    /// From now on `name` stands for something of the script's own; none where it must not.
    fn declare(&mut self, name: &str, local: Local) -> Option<()> {
        let plain = name.starts_with(|c: char| !c.is_ascii_digit()) && name.is_ascii();
        (plain && !is_known(name)).then(|| drop(self.locals.insert(name.to_owned(), local)))
    }

    /// `(const name of list) body`.
    fn loop_over<'t>(&mut self, tokens: &'t [Token]) -> Rest<'t> {
        let tokens = skip_lines(tokens);
        let (head, rest) = between(tokens).filter(|_| tokens.first() == Some(&Token::Sign('(')))?;
        let (_, head) = name(head).filter(|(word, _)| is_declaration(word))?;
        let (local, head) = name(head)?;
        let (_, list) = name(head).filter(|(word, _)| *word == "of")?;
        self.whole(list)?;
        let rest = skip_lines(rest);
        self.within(|inner| {
            inner.declare(local, None)?;
            match rest.first() {
                Some(Token::Sign('{')) => {
                    let (body, rest) = between(rest)?;
                    inner.statements(body, false)?;
                    Some(rest)
                }
                _ => inner.statement(rest, false),
            }
        })
    }

    /// Follows something with names of its own.
    fn within<T>(&mut self, follow: impl FnOnce(&mut Follower) -> Option<T>) -> Option<T> {
        let outside = self.locals.clone();
        let followed = self.deeper(follow);
        self.locals = outside;
        followed
    }

    /// Follows an expression as far as it goes.
    fn expression<'t>(&mut self, tokens: &'t [Token]) -> Rest<'t> {
        self.deeper(|inner| inner.operators(tokens))
    }

    /// Follows an expression that is all of `tokens`.
    fn whole(&mut self, tokens: &[Token]) -> Option<()> {
        skip_lines(self.expression(tokens)?).is_empty().then_some(())
    }

    /// Follows something that stands in something else.
    fn deeper<T>(&mut self, follow: impl FnOnce(&mut Follower) -> Option<T>) -> Option<T> {
        (self.depth < MAX_DEPTH).then_some(())?;
        self.depth += 1;
        let followed = follow(self);
        self.depth -= 1;
        followed
    }

    fn operators<'t>(&mut self, tokens: &'t [Token]) -> Rest<'t> {
        let mut rest = self.operand(tokens)?;
        while let Some(after) = operator(rest) {
            rest = self.operand(after)?;
        }
        match rest {
            [Token::Sign('?'), after @ ..] => {
                let rest = self.expression(after)?;
                self.expression(sign(rest, ':')?)
            }
            _ => Some(rest),
        }
    }

    fn operand<'t>(&mut self, tokens: &'t [Token]) -> Rest<'t> {
        let tokens = skip_lines(tokens);
        match tokens.split_first()? {
            (Token::Sign('!'), rest) => self.deeper(|inner| inner.operand(rest)),
            (Token::Sign('-'), rest) if rest.first() != Some(&Token::Sign('-')) => self.deeper(|inner| inner.operand(rest)),
            (Token::Sign('('), _) => {
                let (inside, rest) = between(tokens)?;
                self.whole(inside)?;
                closed(rest)
            }
            (Token::Sign('[' | '{'), _) => {
                let (inside, rest) = between(tokens)?;
                is_value(inside).then_some(())?;
                closed(rest)
            }
            (Token::Text(_) | Token::Regex, rest) => closed(rest),
            (Token::Template(parts), rest) => {
                for part in parts {
                    self.whole(part)?;
                }
                closed(rest)
            }
            (Token::Name(word), rest) if is_literal(word) => closed(rest),
            (Token::Name(word), rest) if word == "new" => {
                name(rest).filter(|(made, _)| VALUES.contains(made))?;
                self.called(rest)
            }
            (Token::Name(_), _) => self.called(tokens),
            (Token::Sign(_) | Token::Opaque | Token::Line, _) => None,
        }
    }

    /// Follows a name and the calls behind it.
    fn called<'t>(&mut self, tokens: &'t [Token]) -> Rest<'t> {
        let ((names, calls), rest) = chain(skip_lines(tokens))?;
        let root = names.first().map_or("", String::as_str);
        let shows = |called: &Called| names.len() <= 1 && SHOWS.contains(&(root, called.name.as_str()));
        let ends = |called: &Called| names.is_empty() && ["quit", "exit"].contains(&called.name.as_str());
        match calls.as_slice() {
            [called] if shows(called) || ends(called) => {
                self.effects.push(Effect::new(Verb::Read, called.name.clone(), self.from));
                for argument in &called.raw {
                    self.whole(argument)?;
                }
            }
            [made, others @ ..] if names.is_empty() && VALUES.contains(&made.name.as_str()) => {
                made.arguments.iter().all(|a| is_value(a)).then_some(())?;
                self.of_data(&made.name, others)?;
            }
            _ if self.locals.get(root).is_some_and(Option::is_none) => self.of_data(root, &calls)?,
            _ => self.of_server(names, calls)?,
        }
        Some(rest)
    }

    /// Follows calls of data.
    fn of_data(&mut self, root: &str, calls: &[Called]) -> Option<()> {
        for called in calls {
            if OF_DATA.contains(&called.name.as_str()) {
                self.arguments(called)?;
            } else {
                // It may be a collection after all, which a call gave.
                let worse = of_chain(&[String::from("db"), root.to_owned()], std::slice::from_ref(called), self.from);
                let no_call = || unknown(root, &format!("`{}` is no call of data that is known", called.name), self.from);
                self.effects.push(if worse.verb == Verb::Destroy { worse } else { no_call() });
            }
        }
        Some(())
    }

    /// The arguments of a call of data: values, or a function that it runs.
    fn arguments(&mut self, called: &Called) -> Option<()> {
        for argument in &called.raw {
            match RUN.contains(&called.name.as_str()) {
                true if prints(argument) => {}
                true if is_function(argument) => self.function(argument)?,
                _ => self.whole(argument)?,
            }
        }
        Some(())
    }

    /// Follows calls of the server's own objects.
    fn of_server(&mut self, names: Vec<String>, calls: Vec<Called>) -> Option<()> {
        let (names, mut calls) = self.meant(names, calls);
        for called in &mut calls {
            let is_run = RUN.contains(&called.name.as_str()) && called.raw.len() == 1;
            if let Some(function) = called.raw.first().filter(|f| is_run && is_function(f)) {
                self.function(function)?;
                called.arguments.clear();
            }
            let uses_own = |t: &Token| matches!(t, Token::Name(name) if self.locals.contains_key(name));
            let takes = TAKE_DATA.contains(&called.name.as_str());
            if !takes && called.arguments.iter().flatten().any(uses_own) {
                let note = format!("what `{}` is given is not known", called.name);
                self.effects.push(unknown(&called.name, &note, self.from));
            }
        }
        self.effects.push(of_chain(&names, &calls, self.from));
        Some(())
    }

    /// Follows the body of a function that is run for each member of a list.
    fn function(&mut self, tokens: &[Token]) -> Option<()> {
        let (parameters, body) = parts(tokens)?;
        self.within(|inner| {
            for parameter in parameters {
                inner.declare(parameter, None)?;
            }
            match body.first()?.sign() {
                Some('{') => {
                    let (body, rest) = between(body)?;
                    skip_lines(rest).is_empty().then_some(())?;
                    inner.statements(body, false)
                }
                _ => inner.whole(body),
            }
        })
    }
}

/// What follows a statement, where one ends here.
fn ended(tokens: &[Token]) -> Rest<'_> {
    matches!(tokens.first(), None | Some(Token::Line | Token::Sign(';'))).then_some(tokens)
}

/// What follows a value that is written out, where nothing is called of it or taken from it.
fn closed(tokens: &[Token]) -> Rest<'_> {
    let goes_on = matches!(skip_lines(tokens).first(), Some(Token::Sign('(' | '[' | '.') | Token::Template(_)));
    (!goes_on).then_some(tokens)
}

fn is_literal(word: &str) -> bool {
    matches!(word, "true" | "false" | "null" | "undefined") || word.starts_with(|c: char| c.is_ascii_digit())
}

/// What stands behind an operator between two values; none where there is none, or one that assigns.
fn operator(tokens: &[Token]) -> Rest<'_> {
    let signs: String = tokens.iter().map_while(Token::sign).take(4).collect();
    let found = OPERATORS.iter().find(|one| signs.starts_with(**one))?;
    let after = signs.get(found.len()..)?;
    let doubles = matches!(*found, "+" | "-" | "*" | "<" | ">") && after.starts_with(*found);
    // `<!--` begins a comment.
    let other = doubles || after.starts_with('=') || (*found == "<" && after.starts_with('!'));
    if other { None } else { tokens.get(found.len()..) }
}

fn is_function(argument: &[Token]) -> bool {
    parts(argument).is_some()
}

/// The parameters and the body of `a => …`, `(a, b) => …` and `function (a, b) { … }`.
fn parts(tokens: &[Token]) -> Option<(Vec<&str>, &[Token])> {
    let tokens = skip_lines(tokens);
    if let [Token::Name(one), Token::Sign('='), Token::Sign('>'), body @ ..] = tokens {
        return Some((vec![one], skip_lines(body)));
    }
    let is_word = matches!(tokens.first(), Some(Token::Name(word)) if word == "function");
    let tokens = if is_word { tokens.get(1..)? } else { tokens };
    (tokens.first() == Some(&Token::Sign('('))).then_some(())?;
    let (inside, rest) = between(tokens)?;
    let names = inside.iter().filter(|t| **t != Token::Sign(',') && **t != Token::Line).map(Token::name);
    let names = names.collect::<Option<Vec<_>>>()?;
    match rest {
        [Token::Sign('='), Token::Sign('>'), body @ ..] if !is_word => Some((names, skip_lines(body))),
        [Token::Sign('{'), ..] if is_word => Some((names, rest)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::effect::{Evidence, Verb, worst};

    fn all(scripts: &[&str], expected: Verb) {
        for script in scripts {
            let effects = super::super::of_script(script, Evidence::Argv);
            assert_eq!(worst(&effects), expected, "{script}: {effects:?}");
        }
    }

    #[test]
    fn what_only_shows_answers_is_a_read() {
        all(
            &[
                "const c = db.users.countDocuments(); print(c)",
                "let u = db.users.findOne({_id: 5})\nprint(u.email, u['name'], u.tags[0])",
                "for (const u of db.users.find()) { print(u.email) }",
                "for (const u of db.users.find({}, {a: 1}).toArray())\n  printjson(u)",
                "for (var d of db.adminCommand({listDatabases: 1}).databases) {\n  print(d.name)\n  print(d.sizeOnDisk)\n}\nprint(1)",
                "db.users.find().forEach(u => print(u.email))",
                "db.users.find().forEach(function (u) {\n  print(u.a);\n  print(u.b)\n})",
                "db.users.find().forEach((u) => { const n = u.name; print(`${n}: ${u.age > 5 ? 'old' : `young ${u.age}`}`) })",
                "print(db.users.find().map(d => d.name).join(', '))",
                "db.users.find().toArray().filter(u => u.age >= 5 && !u.gone).map(u => { return u.name })",
                "db.users.find({name: /^a[/]\\/b/i, b: {$in: [/x/, 'y']}})",
                "db.users.countDocuments() > 0",
                "db.users.countDocuments({a: 1}) === 5 ? 'yes' : 'no'",
                "quit(db.runCommand({ping: 1}).ok ? 0 : 2)",
                "exit(1)",
                "const d = db.getSiblingDB('shop'); print(d.users.countDocuments()); d.getCollection('x').find()",
                "const c = db.users; const q = {a: 1}; c.find(q).limit(5).forEach(printjson)",
                "const t = new Date(); print(t.toISOString(), new Date().getTime() - t.getTime())",
                "print(`a ${db.users.countDocuments()} b`)",
            ],
            Verb::Read,
        );
    }

    #[test]
    fn what_it_wraps_counts() {
        all(
            &[
                "for (const u of db.users.find()) { db.log.insertOne({name: u.name}) }",
                "const u = {a: 1}; db.users.insertOne(u)",
                "db.users.find().forEach(u => db.copy.insertOne(u))",
            ],
            Verb::Write,
        );
        all(
            &[
                "const c = db.users; c.drop()",
                "const d = db; d.dropDatabase()",
                "const d = db.getSiblingDB('x'); const e = d; e.users.drop()",
                "for (const c of [1]) { db.users.drop() }",
                "for (const x of db.users.drop()) print(x)",
                "db.users.find().forEach(u => { print(u.a); db.users.drop() })",
                "db.users.find().forEach(u => db.users.deleteOne({_id: u._id}))",
                "print(`${db.users.drop()}`)",
                "print(`a ${`${db.users.drop()}`}`)",
                "db.users.countDocuments() > 5 ? db.users.drop() : 0",
                "db.users.countDocuments() > 5 && db.users.drop()",
                "print(!db.users.drop())",
            ],
            Verb::Destroy,
        );
        all(
            &[
                "quit(db.users.drop())",
                "const q = {}; db.users.deleteMany(q)",
                "const x = db.users || 5; x.drop()",
                "const x = rs; x.stepDown()",
                "db.users.find().map(u => 5).forEach(u => db.users.drop())",
                "print(db.users.find({name: /a/}), db.users.drop())",
                "db.users.deleteMany({a: 1, '\\x61': {$exists: true}})",
                "db.users.deleteMany({name: /a/})",
            ],
            Verb::Destroy,
        );
    }

    #[test]
    fn what_could_mean_something_else_is_unknown() {
        let deep = format!("print({}1{})", "(".repeat(100_000), ")".repeat(100_000));
        let signs = format!("print({}1)", "-!".repeat(100_000));
        let choices = format!("print({}1{})", "1 ? ".repeat(50_000), " : 1".repeat(50_000));
        all(&[&deep, &signs, &choices], Verb::Unknown);
        all(
            &[
                // names put over known ones
                "const print = db.users; print(5)",
                "let db = 5",
                "db.users.find().forEach(print => print.x)",
                "for (const printjson of [1]) {}",
                "const {print} = db.users.findOne()",
                "const [a] = db.users.find()",
                "const ObjectId = 5",
                // assignments
                "print = db.users.drop",
                "db.users = 5",
                "x = 5",
                "let x = 5; x = db.users",
                "let x = 5; x += 1",
                "let x = 5; x++",
                "let x = 5; ++x",
                "let x = 5; x &&= 1",
                // functions that are kept, getters, what converts
                "const f = () => db.users.drop()",
                "const o = {toString() { return db.users.drop() }}; print(`${o}`)",
                "const o = {toString: () => db.users.drop()}; print(`${o}`)",
                "const o = {get a() { return db.users.drop() }}; print(o.a)",
                "function f() { db.users.drop() }",
                "class A {}",
                "(function () { db.users.drop() })()",
                "(() => db.users.drop())()",
                "print(() => db.users.drop())",
                "db.users.find(u => db.users.drop())",
                "db.users.find().sort(u => db.users.drop())",
                // calls of what is no call
                "const u = db.users.findOne(); u.run()",
                "const u = db.users.findOne(); u['run']()",
                "const u = db.users.findOne(); u.constructor.constructor('x')()",
                "const u = db.users.findOne(); u.toString.call(db)",
                "const f = db.users.drop; f()",
                "const p = print; p(1)",
                "print.call(db.users)",
                "[1].map(db.users.drop)",
                "db.users.find().map(db.users.drop)",
                "const c = db.getMongo(); c.x()",
                // computed names
                "const n = 'drop'; db.users[n]()",
                "const n = 'users'; db[n].find()",
                "const n = 'system.' + 'users'; db.getCollection(n).find()",
                "db.getCollection('system.' + 'users').find()",
                "db.a.aggregate([{$lookup: {from: 'system.' + 'users', as: 'x'}}])",
                "const p = [{$out: 'users'}]; db.users.aggregate(p)",
                "const o = {expireAfterSeconds: 1}; db.users.createIndex({a: 1}, o)",
                "const k = 'a'; db.users.deleteMany({a: 1, [k]: {$exists: true}})",
                "const x = {a: {$exists: true}}; db.users.deleteMany({a: 1, ...x})",
                "const c = {dropDatabase: 1}; db.runCommand(c)",
                // tagged templates, lines that go on, comments that end
                "print`${1}`",
                "db.users.drop`x`",
                "db.users.drop\n`x`",
                "db.users.find\n(db.users.drop())",
                "const x = 5\n/a/.test(x)",
                "const x = 5\n[0].y",
                "// x\rdb.users.drop()",
                "// x\u{2028}db.users.drop()",
                "1 <!-- 2\ndb.users.drop()",
                "const x = 5; x / db.users.drop() / 1",
                "print(`${`)",
                "print(`${db.users.drop()`)",
                "for (const x in db.users) print(x)",
                "for (let i = 0; i < 5; i++) print(i)",
                "for await (const x of db.users.find()) print(x)",
                "if (true) db.users.drop()",
                "const a = 5, b = 6",
                "const a = await db.users.drop()",
                "delete db.users",
                "print(y)",
                "return 5",
            ],
            Verb::Unknown,
        );
    }
}
