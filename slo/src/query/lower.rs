//! From the parser's tree to the closed one; what does not fit is named.

use promql_parser::parser::{
    AggregateExpr, BinModifier, BinaryExpr, Call, Expr as Ast, VectorMatchCardinality,
    VectorSelector,
};

use super::{Expr, Op, QueryError, Selector};

type Lowered<T> = Result<T, QueryError>;

pub(super) fn lower(ast: &Ast) -> Lowered<Expr> {
    match ast {
        Ast::Paren(paren) => lower(&paren.expr),
        Ast::NumberLiteral(number) if number.val.is_finite() => Ok(Expr::Number(number.val)),
        Ast::NumberLiteral(_) => unsupported("a number that is not finite", "write a finite one"),
        Ast::Aggregate(aggregate) => sum(aggregate),
        Ast::Binary(binary) => arithmetic(binary),
        Ast::VectorSelector(_) => unsupported(
            "a counter outside sum(..)",
            "write sum(counter{..}), so that several instances count together",
        ),
        Ast::Call(call) => unsupported(
            &format!("{}(..)", call.func.name),
            "use sum, + - * /, numbers and `or vector(0)`",
        ),
        Ast::Unary(_) => unsupported("a minus sign before an expression", "write 0 - (..)"),
        Ast::Subquery(_) => unsupported("a subquery", "name the counter itself"),
        Ast::StringLiteral(_) => unsupported("a string", "name a counter"),
        Ast::MatrixSelector(_) => {
            unsupported("a range outside rate or increase", "remove the range")
        }
        Ast::Extension(_) => unsupported("an extension", "use plain PromQL"),
    }
}

fn sum(aggregate: &AggregateExpr) -> Lowered<Expr> {
    let name = aggregate.op.to_string();
    if name != "sum" {
        return unsupported(&format!("the aggregation {name}"), "count with sum(..)");
    }
    if aggregate.modifier.is_some() {
        return unsupported(
            "sum by or without labels",
            "write one SLO per group, each with a plain sum(..)",
        );
    }
    Ok(Expr::Sum(counter(&aggregate.expr)?))
}

/// The counter inside a sum, bare or in `rate` or `increase`.
fn counter(ast: &Ast) -> Lowered<Selector> {
    match ast {
        Ast::Paren(paren) => counter(&paren.expr),
        Ast::VectorSelector(vector) => selector(vector),
        Ast::Call(call) if matches!(call.func.name, "rate" | "increase") => ranged(call),
        Ast::Call(call) => unsupported(
            &format!("{}(..) inside sum", call.func.name),
            "name the counter itself",
        ),
        _ => unsupported(
            "an expression inside sum",
            "sum each counter by itself: sum(a) + sum(b)",
        ),
    }
}

fn ranged(call: &Call) -> Lowered<Selector> {
    match call.args.args.first().map(AsRef::as_ref) {
        Some(Ast::MatrixSelector(matrix)) => selector(&matrix.vs),
        _ => unsupported(
            &format!("{} of something other than a counter", call.func.name),
            "name the counter itself",
        ),
    }
}

fn selector(vector: &VectorSelector) -> Lowered<Selector> {
    if vector.offset.is_some() || vector.at.is_some() {
        return unsupported("offset or @", "an SLI is counted now; remove it");
    }
    if !vector.matchers.or_matchers.is_empty() {
        return unsupported("`or` between matchers", "use one regular expression");
    }
    let Some(name) = vector.name.clone() else {
        return unsupported("a selector without a metric name", "write name{..}");
    };
    Ok(Selector {
        name,
        matchers: vector.matchers.matchers.clone(),
    })
}

fn arithmetic(binary: &BinaryExpr) -> Lowered<Expr> {
    let name = binary.op.to_string();
    if binary.modifier.as_ref().is_some_and(matches_labels) {
        return unsupported(
            "label matching between operands",
            "sums have no labels; remove it",
        );
    }
    let op = match name.as_str() {
        "+" => Op::Add,
        "-" => Op::Subtract,
        "*" => Op::Multiply,
        "/" => Op::Divide,
        "or" if is_vector_zero(&binary.rhs) => {
            return Ok(Expr::OrZero(Box::new(lower(&binary.lhs)?)));
        }
        "or" => return unsupported("`or` with anything but vector(0)", "write `or vector(0)`"),
        _ => return unsupported(&format!("the operator {name}"), "use + - * /"),
    };
    Ok(Expr::Binary {
        op,
        left: Box::new(lower(&binary.lhs)?),
        right: Box::new(lower(&binary.rhs)?),
    })
}

fn matches_labels(modifier: &BinModifier) -> bool {
    modifier.matching.is_some()
        || modifier.return_bool
        || modifier.fill_values.lhs.is_some()
        || modifier.fill_values.rhs.is_some()
        || matches!(
            modifier.card,
            VectorMatchCardinality::ManyToOne(_) | VectorMatchCardinality::OneToMany(_)
        )
}

fn is_vector_zero(ast: &Ast) -> bool {
    match ast {
        Ast::Paren(paren) => is_vector_zero(&paren.expr),
        Ast::Call(call) if call.func.name == "vector" => matches!(
            call.args.args.first().map(AsRef::as_ref),
            Some(Ast::NumberLiteral(number)) if number.val == 0.0
        ),
        _ => false,
    }
}

fn unsupported<T>(what: &str, fix: &str) -> Lowered<T> {
    Err(QueryError::Unsupported {
        what: what.to_owned(),
        fix: fix.to_owned(),
    })
}
