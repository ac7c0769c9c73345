//! The ratio forms of PromQL that SLIs use, as a small closed tree.
//!
//! Supported: `sum(counter{..})`, the same with an explicit `rate(..[..])` or
//! `increase(..[..])`, numbers, `+ - * /`, parentheses, and `.. or vector(0)`.
//! Everything else is refused by name. The form is closed on purpose: rules put
//! their own window on each counter and checks count between two scrapes, and
//! both must mean the same. So a window written in the file is replaced, and a
//! rate is counted as the increase it is the rate of.

use std::fmt;

use promql_parser::label::Matcher;

mod lower;

/// Longer queries are refused before they are parsed.
const MAX_LENGTH: usize = 8 * 1024;

/// A query: its text as written and what it counts.
///
/// ```
/// use plimsoll_slo::Query;
/// let query = Query::parse(r#"sum(requests_total{code!~"5.."})"#).unwrap();
/// assert_eq!(query.over("5m"), r#"sum(increase(requests_total{code!~"5.."}[5m]))"#);
///
/// let refused = Query::parse("avg(requests_total)").unwrap_err();
/// assert!(refused.to_string().contains("avg"));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    text: String,
    expr: Expr,
}

/// What a query counts.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// A finite number.
    Number(f64),
    /// The sum over all series a selector matches.
    Sum(Selector),
    /// `.. or vector(0)`: no series counts as nothing happened.
    OrZero(Box<Expr>),
    /// Arithmetic on two of these.
    Binary {
        /// The operator.
        op: Op,
        /// Left operand.
        left: Box<Expr>,
        /// Right operand.
        right: Box<Expr>,
    },
}

/// An arithmetic operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
}

/// A counter's name and what its labels must match.
#[derive(Debug, Clone, PartialEq)]
pub struct Selector {
    pub(crate) name: String,
    /// All must match; a label that a series lacks is the empty string.
    pub(crate) matchers: Vec<Matcher>,
}

/// Why a query is not usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// Not PromQL.
    #[error("not valid PromQL: {0}")]
    Syntax(String),
    /// PromQL that is none of the ratio forms.
    #[error("{what} is not supported in an SLI")]
    Unsupported {
        /// The construct by name.
        what: String,
        /// How to write it instead.
        fix: String,
    },
}

impl QueryError {
    /// How to put it right.
    pub fn fix(&self) -> &str {
        match self {
            Self::Syntax(_) => "correct the query; try it in Prometheus first",
            Self::Unsupported { fix, .. } => fix,
        }
    }
}

impl Query {
    /// Parses and narrows to the supported forms.
    ///
    /// # Errors
    /// [`QueryError`] names the construct that is not supported.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        let text = text.trim();
        if text.len() > MAX_LENGTH {
            return Err(QueryError::Unsupported {
                what: format!("a query of {} bytes", text.len()),
                fix: format!("stay below {MAX_LENGTH} bytes"),
            });
        }
        let parsed = promql_parser::parser::parse(text).map_err(QueryError::Syntax)?;
        let expr = lower::lower(&parsed)?;
        if expr.selectors().is_empty() {
            return Err(QueryError::Unsupported {
                what: "a query that names no counter".to_owned(),
                fix: "write sum(your_counter_total{..})".to_owned(),
            });
        }
        Ok(Self {
            text: text.to_owned(),
            expr,
        })
    }

    /// The query of everything that is in `self` but not in `other`.
    pub(crate) fn minus(&self, other: &Self) -> Self {
        Self {
            text: format!("({}) - ({})", self.text, other.text),
            expr: Expr::Binary {
                op: Op::Subtract,
                left: Box::new(self.expr.clone()),
                right: Box::new(other.expr.clone()),
            },
        }
    }

    /// As written, trimmed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it counts.
    pub fn expr(&self) -> &Expr {
        &self.expr
    }

    /// The selectors without which it counts nothing: those outside `or vector(0)`.
    pub fn needed(&self) -> Vec<&Selector> {
        self.expr.selectors_where(false)
    }

    /// PromQL that counts over a window such as `5m`: each counter in `increase`.
    pub fn over(&self, window: &str) -> String {
        Over {
            expr: &self.expr,
            window,
        }
        .to_string()
    }
}

impl Expr {
    /// Every selector in order of appearance.
    pub fn selectors(&self) -> Vec<&Selector> {
        self.selectors_where(true)
    }

    fn selectors_where(&self, or_zero: bool) -> Vec<&Selector> {
        match self {
            Self::Sum(selector) => vec![selector],
            Self::OrZero(inner) if or_zero => inner.selectors_where(or_zero),
            Self::Number(_) | Self::OrZero(_) => Vec::new(),
            Self::Binary { left, right, .. } => {
                let mut all = left.selectors_where(or_zero);
                all.extend(right.selectors_where(or_zero));
                all
            }
        }
    }
}

/// An expression with every counter in `increase` over a window.
struct Over<'a> {
    expr: &'a Expr,
    window: &'a str,
}

impl fmt::Display for Over<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.expr {
            Expr::Number(number) => write!(f, "{number}"),
            Expr::Sum(selector) => write!(f, "sum(increase({selector}[{}]))", self.window),
            Expr::OrZero(inner) => {
                self.operand(inner, f)?;
                f.write_str(" or vector(0)")
            }
            Expr::Binary { op, left, right } => {
                self.operand(left, f)?;
                write!(f, " {op} ")?;
                self.operand(right, f)
            }
        }
    }
}

impl Over<'_> {
    /// In parentheses unless it binds tighter than every operator.
    fn operand(&self, expr: &Expr, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let window = self.window;
        if matches!(expr, Expr::OrZero(_) | Expr::Binary { .. }) {
            write!(f, "({})", Over { expr, window })
        } else {
            write!(f, "{}", Over { expr, window })
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
        })
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if self.matchers.is_empty() {
            return Ok(());
        }
        let matchers: Vec<String> = self.matchers.iter().map(ToString::to_string).collect();
        write!(f, "{{{}}}", matchers.join(","))
    }
}
