//! `Fault` as axum's response.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use plimsoll_core::current;

use crate::answer::{Told, whole};
use crate::problem::RELATIVE_BASE;
use crate::{Fault, Problem};

/// A whole problem by itself, for use without the layer; inside the layer it
/// goes out as it is unless the layer has another base or a mapper.
impl IntoResponse for Fault {
    fn into_response(mut self) -> Response {
        let ids = current::ids();
        let problem = Problem::of(&self, ids);
        let mut response = whole(&problem, RELATIVE_BASE).map(Body::from);
        let reference = problem.reference;
        self.told = Some(Box::new(Told { ids, reference }));
        response.extensions_mut().insert(self);
        response
    }
}
