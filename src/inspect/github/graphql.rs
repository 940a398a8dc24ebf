//! GraphQL: what a mutation does, by the names of its fields.

use crate::effect::{Effect, Evidence, Verb};

/// Beginnings of the names of mutations that lose something.
const LOSSES: [&str; 10] =
    ["delete", "destroy", "remove", "archive", "close", "cancel", "clear", "dismiss", "unlink", "revoke"];
/// And their ends, as GitLab names them.
const LOSSES_LAST: [&str; 6] = ["Delete", "Destroy", "Remove", "Cancel", "Revoke", "Erase"];
/// Beginnings of those that decide who may do what.
const GRANTS: [&str; 10] = [
    "grant",
    "invite",
    "createBranchProtection",
    "updateBranchProtection",
    "createRepositoryRuleset",
    "updateRepositoryRuleset",
    "addEnterpriseAdmin",
    "addEnterpriseOrganizationMember",
    "updateTeamsRepository",
    "ciJobTokenScopeAdd",
];
/// And their ends.
const GRANTS_LAST: [&str; 2] = ["TokenCreate", "MembersBulkUpdate"];

/// What the query among `fields` does.
pub(super) fn effects(fields: &[String]) -> Vec<Effect> {
    let effect = |verb, target: &str, note: &str| Effect::new(verb, target, Evidence::Argv).because(note);
    let mut queries = fields.iter().filter_map(|f| f.strip_prefix("query=")).filter(|text| !text.trim().is_empty());
    let Some(text) = queries.next() else {
        return vec![effect(Verb::Unknown, "graphql", "there is no query that can be read")];
    };
    if queries.any(|other| other != text) {
        return vec![effect(Verb::Unknown, "graphql", "which of its queries is sent is not known")];
    }
    let tokens = tokens(text);
    let mutations = mutations(&tokens);
    let of_field = |name: &&str| {
        let begins = |list: &[&str]| list.iter().any(|l| name.starts_with(l));
        let ends = |list: &[&str]| list.iter().any(|l| name.ends_with(l));
        match () {
            () if begins(&LOSSES) || ends(&LOSSES_LAST) => effect(Verb::Destroy, name, "a mutation that loses something"),
            () if name.starts_with("updateRef") && forces(&tokens, fields) => {
                effect(Verb::Destroy, name, "a ref is set back")
            }
            () if begins(&GRANTS) || ends(&GRANTS_LAST) => effect(Verb::Grant, name, "who may do what changes"),
            () => effect(Verb::Write, name, "a mutation"),
        }
    };
    let found: Vec<Effect> = mutations.iter().map(of_field).collect();
    if found.is_empty() { vec![effect(Verb::Read, "graphql", "")] } else { found }
}

/// Whether a ref may be set back: the text says so, or leaves it to a variable.
fn forces(tokens: &[&str], fields: &[String]) -> bool {
    let in_text = |w: &[&str]| matches!(w, ["force", ":", value] if *value != "false" && *value != "$");
    let by_variable = |f: &String| f.split_once('=').is_some_and(|(n, v)| n.to_lowercase().contains("force") && v == "true");
    let off = |name: &str| fields.iter().any(|f| *f == format!("{name}=false") || f.ends_with(&format!("[{name}]=false")));
    let left = |w: &[&str]| matches!(w, ["force", ":", "$", name] if !off(name));
    tokens.windows(3).any(in_text) || tokens.windows(4).any(left) || fields.iter().any(by_variable)
}

/// Names and signs of a text, without strings, comments and what only separates.
fn tokens(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '#' => rest.find(['\n', '\r']).unwrap_or(rest.len()),
            '"' if rest.starts_with("\"\"\"") => block(rest),
            '"' => string(rest),
            c if is_name(c) => rest.find(|c: char| !is_name(c)).unwrap_or(rest.len()),
            '.' if rest.starts_with("...") => 3,
            c => c.len_utf8(),
        };
        let (token, behind) = rest.split_at(length);
        if !(first == '#' || first == '"' || first == ',' || first == '\u{feff}' || first.is_whitespace()) {
            found.push(token);
        }
        rest = behind;
    }
    found
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length of a string in quotes, which ends with its line.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            '\n' => return at,
            _ => {}
        }
    }
    text.len()
}

/// The length of a string in three quotes.
fn block(text: &str) -> usize {
    let mut at = 3;
    while let Some(end) = text.get(at..).and_then(|rest| rest.find("\"\"\"")) {
        at += end + 3;
        if text.get(..at - 3).is_some_and(|before| !before.ends_with('\\')) {
            return at;
        }
    }
    text.len()
}

/// The fields that the mutations of a document, and fragments for them, ask for.
fn mutations<'t>(tokens: &[&'t str]) -> Vec<&'t str> {
    let mut found = Vec::new();
    // Whether each brace that is open leads a level deeper: one behind `... on Mutation` does not.
    let mut open: Vec<bool> = Vec::new();
    let (mut parens, mut begins, mut mutates, mut spread) = (0_usize, true, false, false);
    for (at, token) in tokens.iter().enumerate() {
        let before = |n: usize| at.checked_sub(n).and_then(|at| tokens.get(at)).copied().unwrap_or_default();
        let behind = tokens.get(at + 1).copied().unwrap_or_default();
        let depth = open.iter().filter(|deeper| **deeper).count();
        match *token {
            "(" => parens += 1,
            ")" => parens = parens.saturating_sub(1),
            _ if parens > 0 => {}
            "..." => spread = behind == "on" || !behind.starts_with(is_name),
            "{" => {
                open.push(!spread);
                spread = false;
            }
            "}" => {
                open.pop();
                begins = open.is_empty();
            }
            name if name.starts_with(is_name) && open.is_empty() => {
                mutates = if begins { name == "mutation" } else { mutates || name == "Mutation" && before(1) == "on" };
                begins = false;
            }
            name if name.starts_with(is_name) && depth == 1 && mutates => {
                let is_field = !spread && behind != ":" && !["...", "@"].contains(&before(1));
                found.extend(is_field.then_some(name));
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::worst;

    #[test]
    fn a_mutation_is_known_by_the_fields_of_its_first_level() {
        let fields = |text: &str| mutations(&tokens(text)).join(" ");
        assert_eq!(fields("{ viewer { login } }"), "");
        assert_eq!(fields("query mutation { deleteRef(input: {}) { x } }"), "");
        assert_eq!(fields("mutation query { deleteRef(input: {}) { x } }"), "deleteRef");
        assert_eq!(
            fields("mutation($x: ID!) { a: addStar(input: {id: $x}) @skip(if: true) { closeIssue } b }"),
            "addStar b"
        );
        assert_eq!(fields("mutation { createIssue(input: {body: \"}) { deleteRef\"}) { issue { id } } }"), "createIssue");
        assert_eq!(fields("mutation { ... on Mutation { ... @include(if: true) { deleteRef { x } } } }"), "deleteRef");
        assert_eq!(fields("mutation { ...F addStar } fragment F on Mutation { deleteRef }"), "addStar deleteRef");
        assert_eq!(fields("fragment F on Issue { closedAt } mutation { addStar { ...F } }"), "addStar");
        assert_eq!(
            fields("mutation { # deleteRef\n addStar(input: {note: \"\"\"a \\\"\"\" deleteRef \"\"\"}) }"),
            "addStar"
        );
        assert_eq!(fields("query { a } mutation { deleteRef }"), "deleteRef");
    }

    #[test]
    fn of_two_queries_none_is_believed() {
        let two = ["query={ a }", "query=mutation { deleteRef { x } }"].map(str::to_owned);
        assert_eq!(worst(&effects(&two)), Verb::Unknown);
    }

    #[test]
    fn a_ref_is_set_back_where_it_may_be() {
        let verb = |fields: &[&str]| worst(&effects(&fields.iter().map(|f| (*f).to_owned()).collect::<Vec<_>>()));
        assert_eq!(verb(&["query=mutation { updateRef(input: {oid: 1, force: true}) { x } }"]), Verb::Destroy);
        assert_eq!(verb(&["query=mutation { updateRef(input: {oid: 1, force: false}) { x } }"]), Verb::Write);
        let left = "query=mutation($f: Boolean) { updateRef(input: {oid: 1, force: $f}) { x } }";
        assert_eq!((verb(&[left, "f=true"]), verb(&[left, "f=false"])), (Verb::Destroy, Verb::Write));
        let whole = "query=mutation($i: UpdateRefInput!) { updateRef(input: $i) { x } }";
        assert_eq!((verb(&[whole, "i[force]=true"]), verb(&[whole, "i[oid]=1"])), (Verb::Destroy, Verb::Write));
    }
}
