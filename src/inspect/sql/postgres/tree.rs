//! The syntax tree of a statement, as libpg_query's JSON gives it.
//!
//! The tree lies flat in one list, its texts point into the JSON: a megabyte of rows would otherwise be millions of
//! allocations, which take musl's allocator many seconds.

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// How deep a tree may be; the walks over it recurse, and what is deeper is refused.
const MAX_DEPTH: usize = 6000;

/// A whole tree: every node before those below it.
#[derive(Debug)]
pub(super) struct Tree<'t> {
    entries: Vec<Entry<'t>>,
}

/// A node, a field or a member of a list.
#[derive(Debug)]
struct Entry<'t> {
    /// The field's name; empty for the member of a list.
    name: &'t str,
    value: Value<'t>,
    /// Where the next one begins that does not lie below this one.
    next: usize,
}

#[derive(Debug)]
enum Value<'t> {
    Null,
    Flag(bool),
    Number(i64),
    Text(Cow<'t, str>),
    List,
    Fields,
}

/// A place in a tree; one that is nowhere is a null node, as the JSON leaves out what is empty.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node<'n> {
    entries: &'n [Entry<'n>],
    at: usize,
}

impl<'t> Tree<'t> {
    /// Reads the tree out of JSON.
    pub(super) fn read(json: &'t str) -> Result<Tree<'t>, serde_json::Error> {
        let mut entries = Vec::new();
        let mut deserializer = serde_json::Deserializer::from_str(json);
        deserializer.disable_recursion_limit();
        Reader { entries: &mut entries, name: "", depth: 0 }.deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(Tree { entries })
    }

    /// The node on top.
    pub(super) fn root(&self) -> Node<'_> {
        Node { entries: &self.entries, at: 0 }
    }
}

impl<'n> Node<'n> {
    /// A node that is nowhere.
    pub(super) const NULL: Node<'n> = Node { entries: &[], at: 0 };

    fn value(self) -> &'n Value<'n> {
        self.entries.get(self.at).map_or(&Value::Null, |entry| &entry.value)
    }

    /// What lies directly below: the fields, each with its name, or the members of a list.
    pub(super) fn children(self) -> impl Iterator<Item = (&'n str, Node<'n>)> + Clone {
        let end = self.entries.get(self.at).map_or(0, |entry| entry.next);
        let mut next = self.at + 1;
        std::iter::from_fn(move || {
            let entry = self.entries.get(next).filter(|_| next < end)?;
            let node = Node { at: next, ..self };
            next = entry.next;
            Some((entry.name, node))
        })
    }

    /// The field `name`; a null node where there is none.
    pub(super) fn get(self, name: &str) -> Node<'n> {
        match self.value() {
            Value::Fields => self.children().find(|(key, _)| *key == name).map_or(Node::NULL, |(_, node)| node),
            Value::Null | Value::Flag(_) | Value::Number(_) | Value::Text(_) | Value::List => Node::NULL,
        }
    }

    /// The kind of the node and its fields; an empty kind for what is no node of its own.
    pub(super) fn kind(self) -> (&'n str, Node<'n>) {
        let mut children = self.children();
        match (children.next(), children.next()) {
            (Some((name, fields)), None) if is_kind(name) => (name, fields),
            _ => ("", self),
        }
    }

    /// The fields of the node where it is of `kind`; a null node otherwise.
    pub(super) fn of_kind(self, kind: &str) -> Node<'n> {
        match self.kind() {
            (found, fields) if found == kind => fields,
            _ => Node::NULL,
        }
    }

    pub(super) fn is_null(self) -> bool {
        matches!(self.value(), Value::Null)
    }

    /// Whether this is a plain list.
    pub(super) fn is_list(self) -> bool {
        matches!(self.value(), Value::List)
    }

    /// The text; empty for anything else.
    pub(super) fn text(self) -> &'n str {
        match self.value() {
            Value::Text(text) => text,
            Value::Null | Value::Flag(_) | Value::Number(_) | Value::List | Value::Fields => "",
        }
    }

    /// The flag; off for anything else.
    pub(super) fn flag(self) -> bool {
        matches!(self.value(), Value::Flag(true))
    }

    /// The number; 0 for anything else, as the JSON leaves out zeros.
    pub(super) fn number(self) -> i64 {
        match self.value() {
            Value::Number(number) => *number,
            Value::Null | Value::Flag(_) | Value::Text(_) | Value::List | Value::Fields => 0,
        }
    }

    /// The members of a list, be it a plain one or a list node; none for anything else.
    pub(super) fn items(self) -> impl Iterator<Item = Node<'n>> + Clone {
        let list = if self.is_list() { self } else { self.of_kind("List").get("items") };
        list.children().map(|(_, item)| item)
    }

    /// Calls `found` with the fields of every node of `kind`, at any depth.
    pub(super) fn each(self, kind: &str, found: &mut impl FnMut(Node<'n>)) {
        let end = self.entries.get(self.at).map_or(0, |entry| entry.next);
        for (at, entry) in self.entries.iter().enumerate().take(end).skip(self.at) {
            if entry.name == kind {
                found(Node { at, ..self });
            }
        }
    }

    /// The value of a constant, whatever node carries it; none for null and for what is no constant.
    pub(super) fn constant(self) -> Option<Cow<'n, str>> {
        let (kind, fields) = self.kind();
        match kind {
            "A_Const" => fields.children().next().and_then(|(name, value)| constant(name, value.get(name))),
            "String" => constant("sval", fields.get("sval")),
            "Integer" => constant("ival", fields.get("ival")),
            "Float" => constant("fval", fields.get("fval")),
            "Boolean" => constant("boolval", fields.get("boolval")),
            "TypeCast" => fields.get("arg").constant(),
            _ => None,
        }
    }
}

/// The value in the field `name` of a constant; the JSON leaves out 0, the empty text and what is false.
fn constant<'n>(name: &str, value: Node<'n>) -> Option<Cow<'n, str>> {
    match name {
        "sval" | "fval" | "bsval" => Some(value.text().into()),
        "ival" => Some(value.number().to_string().into()),
        "boolval" => Some(value.flag().to_string().into()),
        _ => None,
    }
}

/// Whether a key names a kind of node; fields begin with a small letter.
pub(super) fn is_kind(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_uppercase())
}

/// Reads the node with this name at this depth.
struct Reader<'r, 't> {
    entries: &'r mut Vec<Entry<'t>>,
    name: &'t str,
    depth: usize,
}

impl<'t> Reader<'_, 't> {
    /// Puts the node down; where it lies.
    fn put(&mut self, value: Value<'t>) -> usize {
        let at = self.entries.len();
        self.entries.push(Entry { name: self.name, value, next: at + 1 });
        at
    }

    /// A reader of what lies below.
    fn below<E: Error>(&mut self, name: &'t str) -> Result<Reader<'_, 't>, E> {
        if self.depth >= MAX_DEPTH {
            return Err(E::custom("nested too deeply"));
        }
        Ok(Reader { entries: self.entries, name, depth: self.depth + 1 })
    }

    /// Notes that everything since lies below the node at `at`.
    fn close(&mut self, at: usize) {
        let next = self.entries.len();
        if let Some(entry) = self.entries.get_mut(at) {
            entry.next = next;
        }
    }
}

impl<'t> DeserializeSeed<'t> for Reader<'_, 't> {
    type Value = ();

    fn deserialize<D: Deserializer<'t>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'t> Visitor<'t> for Reader<'_, 't> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a syntax tree")
    }

    fn visit_unit<E>(mut self) -> Result<(), E> {
        self.put(Value::Null);
        Ok(())
    }

    fn visit_bool<E>(mut self, flag: bool) -> Result<(), E> {
        self.put(Value::Flag(flag));
        Ok(())
    }

    fn visit_i64<E>(mut self, number: i64) -> Result<(), E> {
        self.put(Value::Number(number));
        Ok(())
    }

    fn visit_u64<E>(mut self, number: u64) -> Result<(), E> {
        self.put(Value::Number(i64::try_from(number).unwrap_or(i64::MAX)));
        Ok(())
    }

    fn visit_borrowed_str<E>(mut self, text: &'t str) -> Result<(), E> {
        self.put(Value::Text(Cow::Borrowed(text)));
        Ok(())
    }

    fn visit_str<E>(mut self, text: &str) -> Result<(), E> {
        self.put(Value::Text(Cow::Owned(text.to_owned())));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'t>>(mut self, mut list: A) -> Result<(), A::Error> {
        let at = self.put(Value::List);
        while list.next_element_seed(self.below("")?)?.is_some() {}
        self.close(at);
        Ok(())
    }

    fn visit_map<A: MapAccess<'t>>(mut self, mut map: A) -> Result<(), A::Error> {
        let at = self.put(Value::Fields);
        while let Some(name) = map.next_key::<&'t str>()? {
            // Where each word stands is half of the tree; only where a statement stands is of use.
            if name.ends_with("location") && name != "stmt_location" {
                map.next_value::<IgnoredAny>()?;
            } else {
                map.next_value_seed(self.below(name)?)?;
            }
        }
        self.close(at);
        Ok(())
    }
}
