//! Whether a condition holds a change to some rows, as `postgres::predicate` has it.
//!
//! Conditions that are true for every row cannot be listed. So a condition has to be one of those known to
//! pick rows out: a column compared with a constant, or with another table. Anything else means every row.

use super::relations::Scope;
use sqlparser::ast::{BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, UnaryOperator, Value};

/// Functions of a column that still tell its values apart.
const TELLING: [&str; 22] = [
    "date",
    "date_format",
    "day",
    "hex",
    "json_extract",
    "json_unquote",
    "json_value",
    "lcase",
    "left",
    "lower",
    "ltrim",
    "md5",
    "month",
    "right",
    "rtrim",
    "strftime",
    "substr",
    "substring",
    "trim",
    "ucase",
    "upper",
    "year",
];

/// Whether `condition` picks rows out of the changed table.
pub(super) fn is_bounded<'s>(condition: &'s Expr, scope: &Scope<'s>) -> bool {
    match condition {
        Expr::Nested(inner) => is_bounded(inner, scope),
        Expr::BinaryOp { left, op, right } => match op {
            BinaryOperator::And => is_bounded(left, scope) || is_bounded(right, scope),
            BinaryOperator::Or => is_equality(left) && is_equality(right),
            BinaryOperator::PGOverlap => is_bounded(left, scope) || is_bounded(right, scope),
            BinaryOperator::Eq | BinaryOperator::Spaceship => {
                is_equality(condition)
                    || scope.joins(left, right)
                    || (is_column(left) && is_scalar(right, scope))
                    || (is_column(right) && is_scalar(left, scope))
            }
            BinaryOperator::Lt | BinaryOperator::LtEq => is_range(left, right, false) || is_range(right, left, true),
            BinaryOperator::Gt | BinaryOperator::GtEq => is_range(left, right, true) || is_range(right, left, false),
            BinaryOperator::Glob | BinaryOperator::Match => is_plain_column(left) && says_something(right),
            BinaryOperator::Regexp => is_plain_column(left) && is_telling_regex(right),
            _ => is_equality(condition),
        },
        Expr::Like { negated: false, any: false, expr, pattern, .. } => is_plain_column(expr) && says_something(pattern),
        Expr::RLike { negated: false, expr, pattern, .. } => is_plain_column(expr) && is_telling_regex(pattern),
        Expr::Between { expr, negated: false, low, high } => is_plain_column(expr) && is_constant(low) && is_constant(high),
        Expr::InSubquery { expr, subquery, negated: false } => is_column(expr) && scope.narrows(subquery),
        Expr::InList { .. } => is_equality(condition),
        Expr::Exists { subquery, negated: false } => scope.correlates(subquery),
        Expr::MatchAgainst { match_value, .. } => {
            text(&match_value.value).is_some_and(|t| t.chars().any(char::is_alphanumeric))
        }
        _ => false,
    }
}

/// Whether `condition` says that columns equal constants: what an arm of an `OR` must be.
fn is_equality(condition: &Expr) -> bool {
    match condition {
        Expr::Nested(inner) => is_equality(inner),
        Expr::BinaryOp { left, op, right } => match op {
            BinaryOperator::And | BinaryOperator::PGOverlap => is_equality(left) || is_equality(right),
            BinaryOperator::Or => is_equality(left) && is_equality(right),
            BinaryOperator::Eq | BinaryOperator::Spaceship => equals(left, right) || equals(right, left),
            _ => false,
        },
        Expr::InList { expr, list, negated: false } => {
            !list.is_empty() && list.iter().all(|value| equals(expr, value) && !is_boolean(value))
        }
        _ => false,
    }
}

/// Whether `column = value` compares a column with a constant. SQLite takes a name in double quotes that no column has for
/// a text, so `"a" = 'a'` may be true for every row.
fn equals(column: &Expr, value: &Expr) -> bool {
    let may_be_text = matches!(peeled(column), Expr::Identifier(i) if i.quote_style == Some('"')
        && text_of(value).is_none_or(|t| t == i.value));
    is_column(column) && is_constant(value) && !is_boolean(column) && !may_be_text
}

/// Whether an expression is a sub-select of one value that is in bounds.
fn is_scalar<'s>(expression: &'s Expr, scope: &Scope<'s>) -> bool {
    matches!(expression, Expr::Subquery(query) if scope.narrows(query))
}

/// Whether a column is held above (`lower`) or below a constant that leaves rows out.
fn is_range(column: &Expr, bound: &Expr, lower: bool) -> bool {
    is_plain_column(column) && is_constant(bound) && !is_open(column, bound, lower)
}

/// Whether every row is expected beyond the bound: an identifier above 0, a date before today for the day a row was made,
/// anything above the empty text.
fn is_open(column: &Expr, bound: &Expr, lower: bool) -> bool {
    let name = match peeled(column) {
        Expr::Identifier(i) => i.value.to_lowercase(),
        Expr::CompoundIdentifier(parts) => parts.last().map(|i| i.value.to_lowercase()).unwrap_or_default(),
        _ => String::new(),
    };
    let is_identifier = matches!(name.as_str(), "id" | "rowid" | "oid" | "_rowid_") || name.ends_with("_id");
    let is_birth = ["created", "inserted", "updated", "modified"].iter().any(|word| name.starts_with(word));
    match text_of(bound) {
        Some(value) if lower => value.is_empty() || (is_identifier && value.parse::<f64>().is_ok_and(|n| n <= 1.0)),
        Some(value) => is_birth && value.eq_ignore_ascii_case("now"),
        None => !lower && is_birth && is_now(bound),
    }
}

/// Whether an expression is the present moment and nothing else.
fn is_now(expression: &Expr) -> bool {
    match expression {
        Expr::Nested(inner) => is_now(inner),
        Expr::Function(call) => {
            let mut arguments = arguments(&call.args);
            arguments.all(|a| a.and_then(text_of).is_some_and(|t| t.eq_ignore_ascii_case("now") || t.starts_with('%')))
        }
        _ => false,
    }
}

/// An expression without the parentheses, collations and casts around it.
fn peeled(expression: &Expr) -> &Expr {
    match expression {
        Expr::Nested(inner) => peeled(inner),
        Expr::Collate { expr, .. } | Expr::Cast { expr, .. } | Expr::Convert { expr, .. } => peeled(expr),
        other => other,
    }
}

/// Whether a name is a column's: MySQL's variables begin with `@`, SQLite knows the truth by name.
fn is_name_of_column(name: &Ident) -> bool {
    let word = name.value.as_str();
    name.quote_style.is_some()
        || !(word.starts_with('@') || word.eq_ignore_ascii_case("true") || word.eq_ignore_ascii_case("false"))
}

/// Whether an expression is a column, or something that tells its values apart.
fn is_column(expression: &Expr) -> bool {
    match peeled(expression) {
        Expr::Identifier(name) => is_name_of_column(name),
        Expr::CompoundIdentifier(parts) => parts.first().is_some_and(is_name_of_column),
        Expr::BinaryOp { left, op: BinaryOperator::Arrow | BinaryOperator::LongArrow, right } => {
            is_plain_column(left) && is_constant(right)
        }
        Expr::Tuple(parts) => !parts.is_empty() && parts.iter().all(is_column),
        Expr::Substring { expr, .. } | Expr::Trim { expr, .. } | Expr::Extract { expr, .. } => is_plain_column(expr),
        Expr::Function(call) => {
            let name = call.name.to_string().to_lowercase();
            let mut given = arguments(&call.args);
            let fits = |a: Option<&Expr>| a.is_some_and(|a| is_plain_column(a) || is_constant(a));
            TELLING.contains(&name.as_str()) && arguments(&call.args).flatten().any(is_plain_column) && given.all(fits)
        }
        _ => false,
    }
}

/// A column that is not possibly a text, see [`equals`].
fn is_plain_column(expression: &Expr) -> bool {
    let may_be_text = matches!(peeled(expression), Expr::Identifier(i) if i.quote_style == Some('"'));
    is_column(expression) && !may_be_text
}

/// The qualifier of a column, if it has one; none for anything else.
pub(super) fn qualifier(expression: &Expr) -> Option<Option<&Ident>> {
    match peeled(expression) {
        Expr::Identifier(name) => is_name_of_column(name).then_some(None),
        Expr::CompoundIdentifier(parts) if parts.first().is_some_and(is_name_of_column) => {
            Some(parts.len().checked_sub(2).and_then(|n| parts.get(n)))
        }
        _ => None,
    }
}

/// The arguments of a call; none for one that is no expression.
fn arguments(arguments: &FunctionArguments) -> impl Iterator<Item = Option<&Expr>> {
    let list = match arguments {
        FunctionArguments::List(list) => list.args.as_slice(),
        FunctionArguments::None | FunctionArguments::Subquery(_) => &[],
    };
    list.iter().map(|a| match a {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => Some(e),
        _ => None,
    })
}

/// Whether an expression has the same value for every row: no column is in it.
pub(super) fn is_constant(expression: &Expr) -> bool {
    match peeled(expression) {
        Expr::Value(_) | Expr::TypedString(_) | Expr::Prefixed { .. } => true,
        Expr::Identifier(name) => !is_name_of_column(name),
        Expr::CompoundIdentifier(parts) => parts.first().is_some_and(|p| !is_name_of_column(p)),
        Expr::UnaryOp { expr, .. } => is_constant(expr),
        Expr::BinaryOp { left, right, .. } => is_constant(left) && is_constant(right),
        Expr::Tuple(parts) => !parts.is_empty() && parts.iter().all(is_constant),
        Expr::Interval(interval) => is_constant(&interval.value),
        Expr::Function(call) => {
            !matches!(call.args, FunctionArguments::Subquery(_)) && arguments(&call.args).all(|a| a.is_some_and(is_constant))
        }
        _ => false,
    }
}

fn is_boolean(expression: &Expr) -> bool {
    match expression {
        Expr::Value(value) => matches!(value.value, Value::Boolean(_)),
        Expr::Identifier(name) => !is_name_of_column(name) && !name.value.starts_with('@'),
        _ => false,
    }
}

/// The text of a constant that is written out.
pub(super) fn text_of(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Nested(inner) => text_of(inner),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => text_of(expr).map(|t| format!("-{t}")),
        Expr::Value(value) => text(&value.value),
        _ => None,
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Number(text, _)
        | Value::SingleQuotedString(text)
        | Value::DoubleQuotedString(text)
        | Value::NationalStringLiteral(text) => Some(text.clone()),
        _ => None,
    }
}

/// Whether a constant holds a letter or a digit: a pattern of wildcards matches all.
fn says_something(expression: &Expr) -> bool {
    text_of(expression).is_some_and(|text| text.chars().any(char::is_alphanumeric))
}

/// Whether a regular expression asks for at least one letter or digit: nothing in it but plain characters,
/// anchors and `.*`.
fn is_telling_regex(pattern: &Expr) -> bool {
    let Some(pattern) = text_of(pattern) else { return false };
    let mut plain = pattern.replace(".*", "").replace("\\.", "").replace(".+", "");
    plain.retain(|c| !matches!(c, '^' | '$'));
    plain.chars().any(char::is_alphanumeric)
        && plain.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '@' | '-' | '_' | '/' | ':' | '.' | '%'))
}

/// Whether a condition, or a part of it that must hold, says `a = b` of two sides that `fit`.
pub(super) fn has_pair(condition: &Expr, fit: &impl Fn(&Expr, &Expr) -> bool) -> bool {
    match condition {
        Expr::Nested(inner) => has_pair(inner, fit),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => has_pair(left, fit) || has_pair(right, fit),
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => fit(left, right),
        _ => false,
    }
}
