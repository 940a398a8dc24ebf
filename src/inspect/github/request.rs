//! What `gh api` and `glab api` send: what a request does, by its method, its address and its fields.

use super::{graphql, is_gitlab};
use crate::call::{Call, absolute};
use crate::effect::{Effect, Evidence, Verb};
use crate::inspect::{Findings, Probe, input};
use crate::place::read_small;
use crate::tool::Reading;
use serde_json::Value;
use std::path::Path;

/// Parts of an address behind which it is decided who may do what.
const RIGHTS: [&str; 39] = [
    "organization-roles",
    "outside_collaborators",
    "pending_deployments",
    "personal-access-token-requests",
    "personal-access-tokens",
    "security-managers",
    "protection",
    "collaborators",
    "invitations",
    "keys",
    "gpg_keys",
    "ssh_signing_keys",
    "hooks",
    "memberships",
    "members",
    "teams",
    "permissions",
    "rulesets",
    "environments",
    "deploy-keys",
    "installations",
    "oidc",
    // GitLab's.
    "ldap_group_links",
    "member_roles",
    "remote_mirrors",
    "saml_group_links",
    "deploy_keys",
    "deploy_tokens",
    "access_tokens",
    "personal_access_tokens",
    "impersonation_tokens",
    "protected_branches",
    "protected_tags",
    "protected_environments",
    "share",
    "access_requests",
    "approval_rules",
    "push_rule",
    "job_token_scope",
];
/// Parts of an address that answer with a secret.
const SECRETS: [&str; 12] = [
    "app-manifests",
    "generate-jitconfig",
    "reset_authentication_token",
    "reset_registration_token",
    "triggers",
    "registration-token",
    "remove-token",
    "access_tokens",
    "personal_access_tokens",
    "impersonation_tokens",
    "deploy_tokens",
    "jit-config",
];

/// What a request does.
pub(super) fn effects(reading: &Reading<'_>, call: &Call, probe: &dyn Probe, findings: &mut Findings) -> Vec<Effect> {
    let parsed = &reading.parsed;
    let endpoint = reading.operands().first().map(|e| (*e).to_owned()).unwrap_or_default();
    let effect = |verb, note: &str| Effect::new(verb, endpoint.clone(), Evidence::Argv).because(note);
    let headers: Vec<String> = parsed.values("--header").map(str::to_lowercase).collect();
    if headers.iter().any(|h| h.contains("method-override")) {
        return vec![effect(Verb::Unknown, "a header asks for another method")];
    }
    let mut fields = match fields(reading, call, probe, findings) {
        Ok(fields) => fields,
        Err(effect) => return vec![*effect],
    };
    if is_graphql(&endpoint) {
        return graphql::effects(&fields);
    }
    let sends = !fields.is_empty() || parsed.last("--input").is_some();
    let method = parsed.last("--method").map_or(if sends { "POST".to_owned() } else { "GET".to_owned() }, str::to_uppercase);
    let (path, query) = endpoint.split_once('?').unwrap_or((&endpoint, ""));
    fields.extend(query.split('&').map(str::to_owned));
    let request = Request { gitlab: is_gitlab(reading), method: &method, parts: parts(path), fields: &fields };
    let done = match method.as_str() {
        "GET" | "HEAD" if request.shows_variables() => vec![(Verb::Reveal, "variables of a pipeline are secrets")],
        "GET" | "HEAD" => vec![(Verb::Read, "")],
        "DELETE" => vec![(Verb::Destroy, "it is deleted")],
        "POST" | "PUT" | "PATCH" => request.changes(),
        _ => vec![(Verb::Unknown, "this method is not known")],
    };
    done.into_iter().map(|(verb, note)| effect(verb, note)).collect()
}

/// A request whose method is known.
struct Request<'a> {
    gitlab: bool,
    method: &'a str,
    parts: Vec<&'a str>,
    fields: &'a [String],
}

impl Request<'_> {
    /// Whether one of these is a part of the address.
    fn names(&self, list: &[&str]) -> bool {
        self.parts.iter().any(|part| list.contains(part))
    }

    /// Whether one of these is its last part.
    fn ends(&self, list: &[&str]) -> bool {
        self.parts.last().is_some_and(|part| list.contains(part))
    }

    fn says(&self, field: &str) -> bool {
        self.fields.iter().any(|f| f.replace(' ', "").eq_ignore_ascii_case(field))
    }

    fn shows_variables(&self) -> bool {
        self.gitlab && self.names(&["variables"])
    }

    /// What it changes, each with what there is to say of it.
    fn changes(&self) -> Vec<(Verb, &'static str)> {
        let archives = self.ends(&["archive"]) && !self.names(&["repository"]);
        let rows = [
            (self.names(&SECRETS), Verb::Reveal, "the answer is a secret"),
            (self.says("archived=true"), Verb::Destroy, "nobody can change it any more"),
            (self.gitlab && archives, Verb::Destroy, "nobody can change it any more"),
            (self.says("force=true"), Verb::Destroy, "a ref is set back"),
            (self.ends(&["transfer"]) && self.method != "PATCH", Verb::Destroy, "its old address is given up"),
            (self.ends(&["cancel", "force-cancel"]) && self.method == "POST", Verb::Destroy, "what runs ends"),
            (self.gitlab && self.ends(&["erase"]), Verb::Destroy, "what a job left is deleted"),
            (self.says("private=false") || self.says("visibility=public"), Verb::Grant, "everybody may see it"),
            (self.says("admin=true"), Verb::Grant, "who may do what changes"),
            (self.names(&RIGHTS), Verb::Grant, "who may do what changes"),
            (self.ends(&["dispatches"]), Verb::Escape, "workflows run with the rights of the repository"),
        ];
        let found: Vec<(Verb, &str)> = rows.into_iter().filter(|(is, ..)| *is).map(|(_, verb, note)| (verb, note)).collect();
        if found.is_empty() { vec![(Verb::Write, "")] } else { found }
    }
}

/// The parts of an address without the names that people gave: a repository may be called `keys`.
fn parts(path: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    for (above, names) in [("repos", 2), ("orgs", 1), ("users", 1), ("projects", 1), ("groups", 1)] {
        if let Some(at) = parts.iter().position(|part| *part == above) {
            parts.drain(at + 1..parts.len().min(at + 1 + names));
        }
    }
    parts
}

fn is_graphql(endpoint: &str) -> bool {
    let path = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    path.trim_matches('/') == "graphql" || path.trim_matches('/') == "api/graphql"
}

/// The fields that are sent, each as `name=value`: those of flags, and the members of the object that `--input` names.
fn fields(
    reading: &Reading<'_>,
    call: &Call,
    probe: &dyn Probe,
    findings: &mut Findings,
) -> Result<Vec<String>, Box<Effect>> {
    let mut fields: Vec<String> = reading.parsed.values("--raw-field").map(str::to_owned).collect();
    for field in reading.parsed.values("--field") {
        // Only such a field can be what a file holds.
        match field.split_once("=@") {
            Some((name, file)) if !name.contains('=') => {
                let text = text(file, call, probe, findings)?;
                fields.push(format!("{name}={}", text.unwrap_or_default()));
            }
            Some(_) | None => fields.push(field.to_owned()),
        }
    }
    let Some(file) = reading.parsed.last("--input") else { return Ok(fields) };
    let text = text(file, call, probe, findings)?.unwrap_or_default();
    match serde_json::from_str::<Value>(&text) {
        Ok(body) => members("", &body, &mut fields),
        Err(e) if text.trim_start().starts_with('{') => {
            return Err(unknown(file, &format!("it holds no JSON that can be read: {e}")));
        }
        // Something that is uploaded.
        Err(_) => {}
    }
    Ok(fields)
}

fn unknown(file: &str, note: &str) -> Box<Effect> {
    Box::new(Effect::new(Verb::Unknown, file, Evidence::File).because(note))
}

/// What a file holds, `-` being standard input; nothing where it is not there, which the tool itself says.
fn text(file: &str, call: &Call, probe: &dyn Probe, findings: &mut Findings) -> Result<Option<String>, Box<Effect>> {
    if file == "-" {
        let bytes = input::whole(call, probe, findings)?;
        return Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()));
    }
    if call.around.away {
        return Err(unknown(file, "it is no file of this machine"));
    }
    let path = absolute(&call.cwd, Path::new(file));
    if !path.exists() {
        return Ok(None);
    }
    read_small(&path).map(Some).map_err(|e| unknown(file, &format!("it cannot be read: {e}")))
}

/// The scalars of an object as gh writes them in fields: `name=value`, `name[inner]=value`.
fn members(name: &str, value: &Value, found: &mut Vec<String>) {
    let inside = |key: &str| if name.is_empty() { key.to_owned() } else { format!("{name}[{key}]") };
    match value {
        Value::Object(object) => object.iter().for_each(|(key, value)| members(&inside(key), value, found)),
        Value::Array(items) => items.iter().for_each(|value| members(&inside(""), value, found)),
        Value::String(text) => found.push(format!("{name}={text}")),
        Value::Null | Value::Bool(_) | Value::Number(_) => found.push(format!("{name}={value}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_people_gave_are_no_parts_of_an_address() {
        assert_eq!(parts("/repos/keys/members/issues"), ["repos", "issues"]);
        assert_eq!(parts("https://gitlab.com/api/v4/projects/1/members/2").last(), Some(&"2"));
        assert_eq!(parts("repos/o"), ["repos"]);
    }

    #[test]
    fn the_members_of_an_object_are_fields() {
        let mut found = Vec::new();
        members("", &serde_json::json!({"private": false, "a": {"force": true}, "b": ["x"]}), &mut found);
        assert_eq!(found, ["a[force]=true", "b[]=x", "private=false"]);
    }
}
