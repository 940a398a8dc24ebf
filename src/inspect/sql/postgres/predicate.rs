//! Whether a condition holds a change to some rows.
//!
//! Conditions that are true for every row cannot be listed. So a condition has to be one of those known to
//! pick rows out: a column compared with a constant, or with another table. Anything else means every row.

use super::names;
use super::relations::Scope;
use super::tree::Node;

/// Functions of a column that still tell its values apart.
const TELLING: [&str; 14] = [
    "btrim",
    "date",
    "date_part",
    "date_trunc",
    "extract",
    "left",
    "lower",
    "ltrim",
    "md5",
    "right",
    "rtrim",
    "substr",
    "substring",
    "upper",
];

/// Whether `condition` picks rows out of the changed table.
pub(super) fn is_bounded<'n, 't>(condition: &'n Node<'t>, scope: &Scope<'n, 't>) -> bool {
    let (kind, fields) = condition.kind();
    let arguments = fields.get("args").items();
    match kind {
        "BoolExpr" => match fields.get("boolop").text() {
            "AND_EXPR" => arguments.iter().any(|arm| is_bounded(arm, scope)),
            "OR_EXPR" => !arguments.is_empty() && arguments.iter().all(is_equality),
            _ => false,
        },
        "A_Expr" => is_bounding_comparison(fields, scope),
        "SubLink" => {
            let query = fields.get("subselect");
            match fields.get("subLinkType").text() {
                "EXISTS_SUBLINK" => scope.correlates(query),
                "ANY_SUBLINK" => {
                    let equals = fields.get("operName").is_null() || names::parts(fields.get("operName")) == ["="];
                    equals && is_column(fields.get("testexpr")) && scope.narrows(query)
                }
                _ => false,
            }
        }
        "CurrentOfExpr" => true,
        _ => false,
    }
}

/// Whether `condition` says that columns equal constants: what an arm of an `OR` must be.
fn is_equality(condition: &Node<'_>) -> bool {
    let (kind, fields) = condition.kind();
    let arguments = fields.get("args").items();
    match kind {
        "BoolExpr" => match fields.get("boolop").text() {
            "AND_EXPR" => arguments.iter().any(is_equality),
            "OR_EXPR" => !arguments.is_empty() && arguments.iter().all(is_equality),
            _ => false,
        },
        "A_Expr" => is_constant_equality(fields),
        _ => false,
    }
}

/// Whether a comparison says that a column equals a constant, or one of several.
fn is_constant_equality(fields: &Node<'_>) -> bool {
    let (left, right) = (fields.get("lexpr"), fields.get("rexpr"));
    let equals = names::parts(fields.get("name")).last() == Some(&"=");
    let either = (is_column(left) && is_constant(right)) || (is_column(right) && is_constant(left));
    match fields.get("kind").text() {
        "AEXPR_OP" => equals && either && !is_boolean(left) && !is_boolean(right),
        "AEXPR_NOT_DISTINCT" => either && !is_boolean(right),
        "AEXPR_OP_ANY" => equals && is_column(left) && is_constant(right),
        "AEXPR_IN" => equals && is_column(left) && is_constant(right) && !right.items().iter().any(is_boolean),
        _ => false,
    }
}

/// Whether a comparison picks rows out.
fn is_bounding_comparison<'n, 't>(fields: &'n Node<'t>, scope: &Scope<'n, 't>) -> bool {
    let (left, right) = (fields.get("lexpr"), fields.get("rexpr"));
    let operator = names::parts(fields.get("name")).last().copied().unwrap_or_default();
    match (fields.get("kind").text(), operator) {
        ("AEXPR_OP", "=") => {
            (is_column(left) && is_constant(right))
                || (is_column(right) && is_constant(left))
                || scope.joins(left, right)
                || is_row_of_joins(left, right, scope)
                || (is_column(left) && is_scalar(right, scope))
        }
        ("AEXPR_OP", "<" | "<=") => is_range(left, right, false) || is_range(right, left, true),
        ("AEXPR_OP", ">" | ">=") => is_range(left, right, true) || is_range(right, left, false),
        ("AEXPR_OP", "~" | "~*") => is_column(left) && right.constant().is_some_and(|pattern| is_telling_regex(&pattern)),
        ("AEXPR_OP", "@>" | "<@" | "&&" | "?" | "@@") => is_column(left) && is_constant(right) && says_something(right),
        ("AEXPR_LIKE" | "AEXPR_ILIKE", "~~" | "~~*") => is_column(left) && says_something(right),
        ("AEXPR_BETWEEN" | "AEXPR_BETWEEN_SYM", _) => is_column(left) && is_constant(right),
        _ => is_constant_equality(fields),
    }
}

/// Whether `(a, b) = (x, y)` joins in one of its pairs.
fn is_row_of_joins<'n, 't>(left: &'n Node<'t>, right: &'n Node<'t>, scope: &Scope<'n, 't>) -> bool {
    let [left, right] = [left, right].map(|row| row.of_kind("RowExpr").get("args").items());
    left.iter().zip(right).any(|(a, b)| scope.joins(a, b))
}

/// Whether an expression is a sub-select of one value that is in bounds.
fn is_scalar<'n, 't>(expression: &'n Node<'t>, scope: &Scope<'n, 't>) -> bool {
    let fields = expression.of_kind("SubLink");
    fields.get("subLinkType").text() == "EXPR_SUBLINK" && scope.narrows(fields.get("subselect"))
}

/// Whether a column is held above (`lower`) or below a constant that leaves rows out.
fn is_range(column: &Node<'_>, bound: &Node<'_>, lower: bool) -> bool {
    is_column(column) && is_constant(bound) && !is_open(column, bound, lower)
}

/// Whether every row is expected beyond the bound: an identifier above 0, a date before today for the day
/// a row was made, anything above the empty text or below infinity.
fn is_open(column: &Node<'_>, bound: &Node<'_>, lower: bool) -> bool {
    let column = column_name(column);
    let is_identifier = column == "id" || column.ends_with("_id");
    let is_birth = ["created", "inserted", "updated", "modified"].iter().any(|word| column.starts_with(word));
    match bound.constant() {
        Some(value) if value.ends_with("infinity") => true,
        Some(value) if lower => value.is_empty() || (is_identifier && value.parse::<f64>().is_ok_and(|n| n <= 1.0)),
        Some(value) => is_birth && value == "now",
        None => !lower && is_birth && is_now(bound),
    }
}

/// Whether an expression is the present moment and nothing else.
fn is_now(expression: &Node<'_>) -> bool {
    let (kind, fields) = expression.kind();
    match kind {
        "SQLValueFunction" => true,
        "TypeCast" => is_now(fields.get("arg")),
        "FuncCall" => fields.get("args").is_null(),
        _ => false,
    }
}

/// Whether an expression is a column, or something that tells its values apart.
fn is_column(expression: &Node<'_>) -> bool {
    let (kind, fields) = expression.kind();
    match kind {
        "ColumnRef" => fields.get("fields").items().iter().all(|part| part.kind().0 == "String"),
        "TypeCast" | "CollateClause" | "A_Indirection" => is_column(fields.get("arg")),
        "RowExpr" => fields.get("args").items().iter().all(is_column),
        "A_Expr" => {
            let takes_a_field = matches!(names::parts(fields.get("name")).as_slice(), ["->" | "->>" | "#>" | "#>>"]);
            takes_a_field && is_column(fields.get("lexpr")) && is_constant(fields.get("rexpr"))
        }
        "FuncCall" => {
            let tells = names::parts(fields.get("funcname")).last().is_some_and(|name| TELLING.contains(name));
            let arguments = fields.get("args").items();
            tells && arguments.iter().any(is_column) && arguments.iter().all(|a| is_column(a) || is_constant(a))
        }
        _ => false,
    }
}

/// The last part of a column's name; empty for anything else.
fn column_name<'n>(expression: &'n Node<'_>) -> &'n str {
    let (kind, fields) = expression.kind();
    match kind {
        "ColumnRef" => names::parts(fields.get("fields")).last().copied().unwrap_or_default(),
        "TypeCast" => column_name(fields.get("arg")),
        _ => "",
    }
}

/// Whether an expression has the same value for every row: no column is in it.
pub(super) fn is_constant(expression: &Node<'_>) -> bool {
    let (kind, fields) = expression.kind();
    match kind {
        "A_Const" | "ParamRef" | "SQLValueFunction" => true,
        "TypeCast" | "CollateClause" => is_constant(fields.get("arg")),
        "A_ArrayExpr" => fields.get("elements").items().iter().all(is_constant),
        "RowExpr" | "FuncCall" | "CoalesceExpr" | "MinMaxExpr" => fields.get("args").items().iter().all(is_constant),
        "A_Expr" => [fields.get("lexpr"), fields.get("rexpr")].iter().all(|side| side.is_null() || is_constant(side)),
        "List" | "" => !expression.items().is_empty() && expression.items().iter().all(is_constant),
        _ => false,
    }
}

fn is_boolean(expression: &Node<'_>) -> bool {
    let (kind, fields) = expression.kind();
    match kind {
        "A_Const" => !fields.get("boolval").is_null(),
        "TypeCast" => names::type_name(fields.get("typeName")) == "bool",
        _ => false,
    }
}

/// Whether a constant holds a letter or a digit: a pattern of wildcards, or an empty list, matches all.
fn says_something(expression: &Node<'_>) -> bool {
    match expression.kind() {
        ("ParamRef", _) => true,
        ("A_ArrayExpr", fields) => !fields.get("elements").is_null(),
        ("TypeCast", fields) => says_something(fields.get("arg")),
        _ => expression.constant().is_some_and(|text| text.chars().any(char::is_alphanumeric)),
    }
}

/// Whether a regular expression asks for at least one letter or digit: nothing in it but plain characters,
/// anchors and `.*`.
fn is_telling_regex(pattern: &str) -> bool {
    let mut plain = pattern.replace(".*", "").replace("\\.", "").replace(".+", "");
    plain.retain(|c| !matches!(c, '^' | '$'));
    plain.chars().any(char::is_alphanumeric)
        && plain.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '@' | '-' | '_' | '/' | ':' | '.' | '%'))
}

/// Whether a condition, or a part of it that must hold, says `a = b` of two sides that `fit`.
pub(super) fn has_pair(condition: &Node<'_>, fit: &impl Fn(&Node<'_>, &Node<'_>) -> bool) -> bool {
    let (kind, fields) = condition.kind();
    match kind {
        "BoolExpr" => {
            fields.get("boolop").text() == "AND_EXPR" && fields.get("args").items().iter().any(|arm| has_pair(arm, fit))
        }
        "A_Expr" => {
            fields.get("kind").text() == "AEXPR_OP"
                && names::parts(fields.get("name")).last() == Some(&"=")
                && fit(fields.get("lexpr"), fields.get("rexpr"))
        }
        _ => false,
    }
}

/// Whether an `UPDATE` only fills in columns where the condition says that they are null: nothing is lost.
pub(super) fn fills_nulls(condition: &Node<'_>, set: &[Node<'_>]) -> bool {
    let (kind, fields) = condition.kind();
    match kind {
        "BoolExpr" => {
            fields.get("boolop").text() == "AND_EXPR" && fields.get("args").items().iter().any(|arm| fills_nulls(arm, set))
        }
        "NullTest" => {
            let column = column_name(fields.get("arg"));
            let only = set.iter().all(|item| item.of_kind("ResTarget").get("name").text() == column);
            fields.get("nulltesttype").text() == "IS_NULL" && !column.is_empty() && only
        }
        _ => false,
    }
}
