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
pub(super) fn is_bounded<'n>(condition: Node<'n>, scope: &Scope<'n>) -> bool {
    let (kind, fields) = condition.kind();
    let mut arguments = fields.get("args").items();
    match kind {
        "BoolExpr" => match fields.get("boolop").text() {
            "AND_EXPR" => arguments.any(|arm| is_bounded(arm, scope)),
            "OR_EXPR" => arguments.all(is_equality),
            // A column that can stand alone is one of true and false: this says that it is false.
            "NOT_EXPR" => arguments.all(|arm| arm.kind().0 == "ColumnRef" && is_column(arm)),
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
fn is_equality(condition: Node<'_>) -> bool {
    let (kind, fields) = condition.kind();
    let mut arguments = fields.get("args").items();
    match kind {
        "BoolExpr" => match fields.get("boolop").text() {
            "AND_EXPR" => arguments.any(is_equality),
            "OR_EXPR" => arguments.all(is_equality),
            _ => false,
        },
        "A_Expr" => is_constant_equality(fields),
        _ => false,
    }
}

/// Whether a comparison says that a column equals a constant, or one of several.
fn is_constant_equality(fields: Node<'_>) -> bool {
    let (left, right) = (fields.get("lexpr"), fields.get("rexpr"));
    let equals = names::parts(fields.get("name")).last() == Some(&"=");
    let either = (is_column(left) && is_constant(right)) || (is_column(right) && is_constant(left));
    match fields.get("kind").text() {
        "AEXPR_OP" => equals && either && !is_boolean(left) && !is_boolean(right),
        "AEXPR_NOT_DISTINCT" => either && !is_boolean(right),
        "AEXPR_OP_ANY" => equals && is_column(left) && is_constant(right),
        "AEXPR_IN" => equals && is_column(left) && is_constant(right) && !right.items().any(is_boolean),
        _ => false,
    }
}

/// Whether a comparison picks rows out.
fn is_bounding_comparison<'n>(fields: Node<'n>, scope: &Scope<'n>) -> bool {
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
fn is_row_of_joins<'n>(left: Node<'n>, right: Node<'n>, scope: &Scope<'n>) -> bool {
    let [left, right] = [left, right].map(|row| row.of_kind("RowExpr").get("args").items());
    left.zip(right).any(|(a, b)| scope.joins(a, b))
}

/// Whether an expression is a sub-select of one value that is in bounds.
fn is_scalar<'n>(expression: Node<'n>, scope: &Scope<'n>) -> bool {
    let fields = expression.of_kind("SubLink");
    fields.get("subLinkType").text() == "EXPR_SUBLINK" && scope.narrows(fields.get("subselect"))
}

/// Whether a column is held above (`lower`) or below a constant that leaves rows out.
fn is_range(column: Node<'_>, bound: Node<'_>, lower: bool) -> bool {
    is_column(column) && is_constant(bound) && !is_open(column, bound, lower)
}

/// Whether every row is expected beyond the bound: an identifier above 0, a date before today for the day
/// a row was made, anything above the empty text or below infinity.
fn is_open(column: Node<'_>, bound: Node<'_>, lower: bool) -> bool {
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
fn is_now(expression: Node<'_>) -> bool {
    let (kind, fields) = expression.kind();
    match kind {
        "SQLValueFunction" => true,
        "TypeCast" => is_now(fields.get("arg")),
        "FuncCall" => fields.get("args").is_null(),
        _ => false,
    }
}

/// Whether an expression is a column, or something that tells its values apart.
fn is_column(expression: Node<'_>) -> bool {
    let (kind, fields) = expression.kind();
    match kind {
        "ColumnRef" => fields.get("fields").items().all(|part| part.kind().0 == "String"),
        "TypeCast" | "CollateClause" | "A_Indirection" => is_column(fields.get("arg")),
        "RowExpr" => fields.get("args").items().all(is_column),
        "A_Expr" => {
            let takes_a_field = matches!(names::parts(fields.get("name")).as_slice(), ["->" | "->>" | "#>" | "#>>"]);
            takes_a_field && is_column(fields.get("lexpr")) && is_constant(fields.get("rexpr"))
        }
        "FuncCall" => {
            let tells = names::parts(fields.get("funcname")).last().is_some_and(|name| TELLING.contains(name));
            let mut arguments = fields.get("args").items();
            tells && arguments.clone().any(is_column) && arguments.all(|a| is_column(a) || is_constant(a))
        }
        _ => false,
    }
}

/// The last part of a column's name; empty for anything else.
fn column_name<'n>(expression: Node<'n>) -> &'n str {
    let (kind, fields) = expression.kind();
    match kind {
        "ColumnRef" => names::parts(fields.get("fields")).last().copied().unwrap_or_default(),
        "TypeCast" => column_name(fields.get("arg")),
        _ => "",
    }
}

/// Whether an expression has the same value for every row: no column is in it.
pub(super) fn is_constant(expression: Node<'_>) -> bool {
    let (kind, fields) = expression.kind();
    match kind {
        "A_Const" | "ParamRef" | "SQLValueFunction" => true,
        "TypeCast" | "CollateClause" => is_constant(fields.get("arg")),
        "A_ArrayExpr" => fields.get("elements").items().all(is_constant),
        "RowExpr" | "FuncCall" | "CoalesceExpr" | "MinMaxExpr" => fields.get("args").items().all(is_constant),
        "A_Expr" => [fields.get("lexpr"), fields.get("rexpr")].into_iter().all(|side| side.is_null() || is_constant(side)),
        "List" | "" => expression.items().next().is_some() && expression.items().all(is_constant),
        _ => false,
    }
}

fn is_boolean(expression: Node<'_>) -> bool {
    let (kind, fields) = expression.kind();
    match kind {
        "A_Const" => !fields.get("boolval").is_null(),
        "TypeCast" => names::type_name(fields.get("typeName")) == "bool",
        _ => false,
    }
}

/// Whether a constant holds a letter or a digit: a pattern of wildcards, or an empty list, matches all.
fn says_something(expression: Node<'_>) -> bool {
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
pub(super) fn has_pair(condition: Node<'_>, fit: &impl Fn(Node<'_>, Node<'_>) -> bool) -> bool {
    let (kind, fields) = condition.kind();
    match kind {
        "BoolExpr" => fields.get("boolop").text() == "AND_EXPR" && fields.get("args").items().any(|arm| has_pair(arm, fit)),
        "A_Expr" => {
            fields.get("kind").text() == "AEXPR_OP"
                && names::parts(fields.get("name")).last() == Some(&"=")
                && fit(fields.get("lexpr"), fields.get("rexpr"))
        }
        _ => false,
    }
}

/// Whether an `UPDATE` only fills in columns where the condition says that they are null: nothing is lost.
pub(super) fn fills_nulls(condition: Node<'_>, set: Node<'_>) -> bool {
    let (kind, fields) = condition.kind();
    match kind {
        "BoolExpr" => {
            fields.get("boolop").text() == "AND_EXPR" && fields.get("args").items().any(|arm| fills_nulls(arm, set))
        }
        "NullTest" => {
            let column = column_name(fields.get("arg"));
            let only = set.items().all(|item| item.of_kind("ResTarget").get("name").text() == column);
            fields.get("nulltesttype").text() == "IS_NULL" && !column.is_empty() && only
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::judge;
    use crate::effect::{Verb, worst};

    fn verb(sql: &str) -> Verb {
        judge(sql).unwrap().iter().map(|statement| worst(&statement.effects)).max().unwrap()
    }

    fn all(conditions: &[&str], expected: Verb) {
        for condition in conditions {
            assert_eq!(verb(&format!("delete from t {condition}")), expected, "{condition}");
        }
    }

    #[test]
    fn a_condition_that_picks_rows_out_is_a_write() {
        let conditions = [
            "where id = 5",
            "where 5 = t.id and true",
            "where id = $1",
            "where id in (1, 2) and (a or b)",
            "where id = any(array[1, 2])",
            "where id = any('{1,2}'::int[])",
            "where (a, b) in ((1, 2), (3, 4))",
            "where (a, b) = (1, 2)",
            "where a = 1 or (b = 2 and random() > 0.5)",
            "where at < now() - interval '30 days'",
            "where expires_at < now()",
            "where id between 5 and 9",
            "where id > 1000",
            "where attempts > 0",
            "where lower(email) = 'a@b.c'",
            "where data ->> 'kind' = 'x'",
            "where at::date = '2020-01-01'",
            "where email like '%@test.example'",
            "where email ~ '@test[.]example$' and id = 1",
            "where email ~* '^test.*@example\\.com$'",
            "where tags @> '{old}'",
            "where a is not distinct from 1",
            "where active = false",
            "where not active",
            "where not t.active and id is not null",
            "where current of c",
        ];
        all(&conditions, Verb::Write);
    }

    #[test]
    fn a_condition_that_may_hold_for_all_is_a_loss() {
        let conditions = [
            "",
            "where true",
            "where 1 = 1",
            "where id = id",
            "where t.id = t.id",
            "where id = 5 or true",
            "where id = 5 or id <> 5",
            "where id in (1) or id not in (1)",
            "where active in (true, false)",
            "where not (id = 5)",
            "where id is not null",
            "where id > 0",
            "where 1 <= t.id",
            "where id >= -1",
            "where name > ''",
            "where created_at < now()",
            "where created_at < 'infinity'",
            "where id <> 0",
            "where name like '%'",
            "where name ilike '%_%'",
            "where name ~ '.*'",
            "where name ~ 'a*'",
            "where tags @> '{}'",
            "where $1",
            "where active",
            "where not (active and a = 1)",
            "where not active or active",
            "where not not active",
            "where not (not active)",
            "where not (active is null)",
            "where not t.*",
            "where not coalesce(active, false)",
            "where not false",
            "where length('a') = 1",
            "where length(name) >= 0",
            "where id = any(array[id])",
            "where id in (1, id)",
            "where id = coalesce(id, 1)",
            "where random() >= 0",
            "where (select true)",
        ];
        all(&conditions, Verb::Destroy);
    }

    #[test]
    fn another_table_holds_it_in_bounds() {
        let conditions = [
            "using o where t.id = o.id",
            "using o join p on o.i = p.i where t.id = p.id",
            "using (values (1), (2)) v (id) where t.id = v.id",
            "using unnest(array[1, 2]) u (id) where t.id = u.id",
            "where id in (select id from o)",
            "where id in (select id from t where name = 'x')",
            "where id in (select id from t order by at limit 100)",
            "where id in (select t.id from t join o on o.id = t.id)",
            "where id = (select max(id) from t)",
            "where exists (select 1 from o where o.id = t.id)",
            "where exists (select 1 from o where id = t.id and x = 1)",
        ];
        all(&conditions, Verb::Write);
    }

    #[test]
    fn the_same_table_over_again_does_not() {
        let conditions = [
            "using o",
            "using o where t.id = t.id",
            "using o where o.id = o.id",
            "using t u where t.id = u.id",
            "using (select * from t) u where t.id = u.id",
            "using generate_series(1, 2) g (id) where true",
            "where id in (select id from t)",
            "where id in (select u.id from t u where true)",
            "where id in (select t.id from o)",
            "where id in (select id from t union select 1)",
            "where id in (select id from o left join t using (id)) or true",
            "where id = (select t.id)",
            "where id not in (select id from o)",
            "where exists (select 1)",
            "where exists (select 1 from o)",
            "where exists (select 1 from o where o.id = 5)",
            "where exists (select 1 from t u where u.id = t.id)",
            "where id in (select id from t limit all)",
        ];
        all(&conditions, Verb::Destroy);
        let all_of_it = "with c as (select * from t), d as (delete from t using c where t.id = c.id) select 1";
        assert_eq!(verb(all_of_it), Verb::Destroy);
        assert_eq!(verb(&all_of_it.replace("from t)", "from t where id = 1)")), Verb::Write);
        assert_eq!(
            verb("with c as (delete from o where i = 1 returning *) delete from t using c where t.id = c.id"),
            Verb::Write
        );
    }

    #[test]
    fn an_update_may_fill_in_what_is_null() {
        assert_eq!(verb("update t set a = 1 where a is null"), Verb::Write);
        assert_eq!(verb("update t set a = 1, b = 2 where a is null"), Verb::Destroy);
        assert_eq!(verb("update t set a = 1 where b is null"), Verb::Destroy);
        assert_eq!(verb("update t set a = o.a from o where o.id = t.id"), Verb::Write);
        assert_eq!(verb("update t set a = 1 where a = a"), Verb::Destroy);
    }
}
