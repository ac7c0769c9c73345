//! Conformance suites that any service can run on its own router.
//!
//! [`shape_suite`] sends bad requests and wants every failure in one shape;
//! [`redaction_suite`] sends them with a value planted in each part and wants
//! neither that nor anything from inside the program in an answer.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use axum::{Router, routing::get};
//! use plimsoll::{Plimsoll, errors::Catalog};
//! use plimsoll_testkit::suite::{redaction_suite, shape_suite};
//!
//! let plimsoll = Plimsoll::builder("card-service").env(Vec::new).build().unwrap();
//! let catalog = Catalog::of(&[]).unwrap();
//! let app = Router::new()
//!     .route("/cards", get(async || "cards"))
//!     .merge(plimsoll.error_pages(&catalog)) // what `type` leads to
//!     .layer(plimsoll.layer());
//! shape_suite(app.clone()).await.assert();
//! redaction_suite(app).await.assert();
//! # });
//! ```
//!
//! With the service's routes it reaches extractors too, and it looks for texts of
//! the service's own:
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use axum::extract::{Json, Path};
//! use axum::{Router, routing::post};
//! use http::Method;
//! use plimsoll::{Plimsoll, errors::Catalog};
//! use plimsoll_testkit::suite::Suite;
//!
//! let plimsoll = Plimsoll::builder("card-service").env(Vec::new).build().unwrap();
//! let app = Router::new()
//!     .route("/cards/{id}/limit", post(async |_: Path<u64>, _: Json<u32>| ()))
//!     .merge(plimsoll.error_pages(&Catalog::of(&[]).unwrap()))
//!     .layer(plimsoll.layer());
//! let suite = Suite::new()
//!     .route(Method::POST, "/cards/{id}/limit")
//!     .secret("postgres://cards:hunter2@db/cards");
//! let report = suite.shape(app.clone()).await;
//! report.assert();
//! assert!(report.failures() > 20);
//! suite.redaction(app).await.assert();
//! # });
//! ```

mod ask;
mod redaction;
mod report;
mod requests;
mod shape;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use tower_service::Service;

use self::ask::ask;
pub use self::report::{Fault, Report};

/// What goes wrong in a body.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of the requests that are sent.
pub type RequestBody = UnsyncBoxBody<Bytes, BoxError>;

/// [`Suite::shape`] of a service of which no route is named.
pub async fn shape_suite<S, B>(app: S) -> Report
where
    S: Service<Request<RequestBody>, Response = Response<B>> + Clone,
    S::Error: std::fmt::Debug,
    B: http_body::Body,
    B::Error: std::fmt::Debug,
{
    Suite::new().shape(app).await
}

/// [`Suite::redaction`] of a service of which no route is named.
pub async fn redaction_suite<S, B>(app: S) -> Report
where
    S: Service<Request<RequestBody>, Response = Response<B>> + Clone,
    S::Error: std::fmt::Debug,
    B: http_body::Body,
    B::Error: std::fmt::Debug,
{
    Suite::new().redaction(app).await
}

/// What is known of the service that is asked.
#[derive(Debug, Clone, Default)]
pub struct Suite {
    routes: Vec<(Method, String)>,
    own: Vec<String>,
    secrets: Vec<String>,
}

impl Suite {
    /// Nothing: only what every service must withstand is sent.
    pub fn new() -> Self {
        Self::default()
    }

    /// A route with its parameters in braces, `/cards/{id}`. Bad paths, queries,
    /// bodies and methods are sent to it.
    #[must_use]
    pub fn route(mut self, method: Method, template: &str) -> Self {
        self.routes.push((method, template.into()));
        self
    }

    /// Paths that begin so have failures in a format of their own: they must not
    /// leak, but need not have the shape.
    #[must_use]
    pub fn own_format(mut self, prefix: &str) -> Self {
        self.own.push(prefix.into());
        self
    }

    /// A text that must be in no answer.
    #[must_use]
    pub fn secret(mut self, text: &str) -> Self {
        self.secrets.push(text.into());
        self
    }

    /// Sends bad requests and judges the shape of every failure.
    pub async fn shape<S, B>(&self, app: S) -> Report
    where
        S: Service<Request<RequestBody>, Response = Response<B>> + Clone,
        S::Error: std::fmt::Debug,
        B: http_body::Body,
        B::Error: std::fmt::Debug,
    {
        let mut report = Report::new("shape");
        let mut types = std::collections::BTreeSet::new();
        for case in requests::bad(&self.routes) {
            let asked = shape::Asked::of(&case);
            let is_own = self
                .own
                .iter()
                .any(|own| asked.path.starts_with(own.as_str()));
            match ask(&app, case.request).await {
                Err(what) => report.broken(&case.name, &what),
                Ok(answer) if shape::is_failure(&asked, &answer) => {
                    report.failed();
                    if !is_own {
                        shape::judge(&case.name, &asked, &answer, &mut report);
                        types.extend(shape::relative_type(&answer));
                    }
                }
                Ok(_) => report.asked(),
            }
        }
        for page in types {
            let served = ask(&app, requests::get(&page)).await;
            report.asked();
            let found = served.is_ok_and(|answer| answer.status().is_success());
            report.want(found, "GET of a `type`", || {
                (
                    format!("`type` is {page}, which the service does not serve"),
                    "merge `plimsoll.error_pages(&catalog)` into the router, or set `errors_base` \
                     to where the pages are",
                )
            });
        }
        report
    }

    /// Sends bad requests and looks for planted and inner texts in the failures.
    pub async fn redaction<S, B>(&self, app: S) -> Report
    where
        S: Service<Request<RequestBody>, Response = Response<B>> + Clone,
        S::Error: std::fmt::Debug,
        B: http_body::Body,
        B::Error: std::fmt::Debug,
    {
        let mut report = Report::new("redaction");
        for case in requests::bad(&self.routes) {
            let asked = shape::Asked::of(&case);
            match ask(&app, case.request).await {
                Err(what) => report.broken(&case.name, &what),
                Ok(answer) => {
                    if shape::is_failure(&asked, &answer) {
                        report.failed();
                        redaction::judge(&case.name, &answer, &mut report);
                    } else {
                        report.asked();
                    }
                    redaction::secrets(&case.name, &answer, &self.secrets, &mut report);
                }
            }
        }
        report.mask(&self.secrets);
        report
    }
}
