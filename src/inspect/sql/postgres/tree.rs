//! The syntax tree of a statement, as libpg_query's JSON gives it.
//!
//! Keys and most texts point into the JSON: a tree of a megabyte of rows would otherwise take gigabytes.

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// How deep a tree may be; the walks over it recurse, and what is deeper is refused.
const MAX_DEPTH: usize = 6000;

/// A node, a field or a list of the tree.
#[derive(Debug, PartialEq)]
pub(super) enum Node<'t> {
    Null,
    Flag(bool),
    Number(i64),
    Text(Cow<'t, str>),
    List(Vec<Node<'t>>),
    Fields(Vec<(&'t str, Node<'t>)>),
}

static NULL: Node<'static> = Node::Null;

impl<'t> Node<'t> {
    /// Reads the tree out of JSON.
    pub(super) fn read(json: &'t str) -> Result<Node<'t>, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        deserializer.disable_recursion_limit();
        let node = Depth(0).deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(node)
    }

    /// The field `name`; a null node where there is none, as the JSON leaves out what is empty.
    pub(super) fn get(&self, name: &str) -> &Node<'t> {
        let Node::Fields(fields) = self else { return &NULL };
        fields.iter().find(|(key, _)| *key == name).map_or(&NULL, |(_, value)| value)
    }

    /// The kind of the node and its fields; an empty kind for what is no node of its own.
    pub(super) fn kind(&self) -> (&str, &Node<'t>) {
        match self {
            Node::Fields(fields) => match fields.as_slice() {
                [(kind, fields)] if is_kind(kind) => (kind, fields),
                _ => ("", self),
            },
            Node::Null | Node::Flag(_) | Node::Number(_) | Node::Text(_) | Node::List(_) => ("", self),
        }
    }

    /// The fields of the node where it is of `kind`; a null node otherwise.
    pub(super) fn of_kind(&self, kind: &str) -> &Node<'t> {
        match self.kind() {
            (found, fields) if found == kind => fields,
            _ => &NULL,
        }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Node::Null)
    }

    /// The text; empty for anything else.
    pub(super) fn text(&self) -> &str {
        match self {
            Node::Text(text) => text,
            Node::Null | Node::Flag(_) | Node::Number(_) | Node::List(_) | Node::Fields(_) => "",
        }
    }

    /// The flag; off for anything else.
    pub(super) fn flag(&self) -> bool {
        matches!(self, Node::Flag(true))
    }

    /// The number; 0 for anything else, as the JSON leaves out zeros.
    pub(super) fn number(&self) -> i64 {
        match self {
            Node::Number(number) => *number,
            Node::Null | Node::Flag(_) | Node::Text(_) | Node::List(_) | Node::Fields(_) => 0,
        }
    }

    /// The members of a list, be it a plain one or a list node; none for anything else.
    pub(super) fn items(&self) -> &[Node<'t>] {
        match self {
            Node::List(items) => items,
            Node::Fields(_) => match self.of_kind("List").get("items") {
                Node::List(items) => items,
                Node::Null | Node::Flag(_) | Node::Number(_) | Node::Text(_) | Node::Fields(_) => &[],
            },
            Node::Null | Node::Flag(_) | Node::Number(_) | Node::Text(_) => &[],
        }
    }

    /// What lies directly below: the fields, each with its name, or the members of a list.
    pub(super) fn children(&self) -> impl Iterator<Item = (&str, &Node<'t>)> {
        let (fields, items): (&[_], &[_]) = match self {
            Node::Fields(fields) => (fields, &[]),
            Node::List(items) => (&[], items),
            Node::Null | Node::Flag(_) | Node::Number(_) | Node::Text(_) => (&[], &[]),
        };
        fields.iter().map(|(name, value)| (*name, value)).chain(items.iter().map(|item| ("", item)))
    }

    /// Calls `found` with the fields of every node of `kind`, at any depth.
    pub(super) fn each<'n>(&'n self, kind: &str, found: &mut impl FnMut(&'n Node<'t>)) {
        for (name, child) in self.children() {
            if name == kind {
                found(child);
            }
            child.each(kind, found);
        }
    }

    /// The value of a constant, whatever node carries it; none for null and for what is no constant.
    pub(super) fn constant(&self) -> Option<Cow<'_, str>> {
        let (kind, fields) = self.kind();
        match kind {
            "A_Const" => fields.children().find(|(name, _)| *name != "location").and_then(|(name, v)| value(name, v)),
            "String" => Some(fields.get("sval").text().into()),
            "Integer" => Some(fields.get("ival").number().to_string().into()),
            "Float" => Some(fields.get("fval").text().into()),
            "Boolean" => Some(fields.get("boolval").flag().to_string().into()),
            "TypeCast" => fields.get("arg").constant(),
            _ => None,
        }
    }
}

/// The value in the field `name` of a constant.
fn value<'n>(name: &str, value: &'n Node<'_>) -> Option<Cow<'n, str>> {
    match name {
        "sval" | "fval" | "bsval" => Some(value.get(name).text().into()),
        "ival" => Some(value.get(name).number().to_string().into()),
        "boolval" => Some(value.get(name).flag().to_string().into()),
        _ => None,
    }
}

/// Whether a key names a kind of node; fields begin with a small letter.
pub(super) fn is_kind(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_uppercase())
}

/// Reads a node at this depth.
#[derive(Clone, Copy)]
struct Depth(usize);

impl Depth {
    fn below<E: Error>(self) -> Result<Depth, E> {
        if self.0 < MAX_DEPTH { Ok(Depth(self.0 + 1)) } else { Err(E::custom("nested too deeply")) }
    }
}

impl<'t> DeserializeSeed<'t> for Depth {
    type Value = Node<'t>;

    fn deserialize<D: Deserializer<'t>>(self, deserializer: D) -> Result<Node<'t>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'t> Visitor<'t> for Depth {
    type Value = Node<'t>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a syntax tree")
    }

    fn visit_unit<E>(self) -> Result<Node<'t>, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Node<'t>, E> {
        Ok(Node::Flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Node<'t>, E> {
        Ok(Node::Number(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Node<'t>, E> {
        Ok(Node::Number(i64::try_from(number).unwrap_or(i64::MAX)))
    }

    fn visit_borrowed_str<E>(self, text: &'t str) -> Result<Node<'t>, E> {
        Ok(Node::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node<'t>, E> {
        Ok(Node::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'t>>(self, mut list: A) -> Result<Node<'t>, A::Error> {
        let below = self.below()?;
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(below)? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<Node<'t>, A::Error> {
        let below = self.below()?;
        let mut fields = Vec::new();
        while let Some(name) = map.next_key::<&'t str>()? {
            fields.push((name, map.next_value_seed(below)?));
        }
        Ok(Node::Fields(fields))
    }
}
