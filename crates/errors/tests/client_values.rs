//! What a client sends is neither told back nor logged, wherever it stands.
#![cfg(feature = "axum")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::HashMap;

use axum::body::Body;
use axum::extract::{Json, Path, Query};
use axum::routing::{any as every, post};
use axum::{Form, Router};
use futures_util::FutureExt;
use http::Request;
use http_body_util::BodyExt;
use plimsoll_errors::ErrorsLayer;
use proptest::prelude::*;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use support::Recording;
use tower::ServiceExt;

/// Looks like a name of a field.
const WORD: &str = "Zq9marker";
/// Looks like a card's number.
const NUMBER: u64 = 4_111_111_111_111_111;

#[derive(Deserialize)]
#[expect(dead_code, reason = "only the form matters")]
struct Card {
    number: u32,
    kind: Option<Kind>,
    letter: Option<char>,
    active: Option<bool>,
    pair: Option<(u8, f32)>,
    iban: Option<Iban>,
    inner: Option<Vec<Strict>>,
    either: Option<Either>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only the form matters")]
struct Strict {
    number: u32,
    kind: Option<Kind>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "only the form matters")]
enum Kind {
    Debit,
    Credit { limit: u8 },
}

#[derive(Deserialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "only the form matters")]
enum Either {
    One(u8),
    Two { number: u8 },
}

/// A type whose own message repeats the value.
struct Iban;

impl<'de> Deserialize<'de> for Iban {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Err(D::Error::custom(format!(
            "{text}: invalid digit found in string"
        )))
    }
}

fn app(recording: &Recording) -> Router {
    Router::new()
        .route("/json", post(async |_: Json<Card>| ()))
        .route("/strict", post(async |_: Json<Strict>| ()))
        .route("/map", post(async |_: Json<HashMap<String, u8>>| ()))
        .route("/numbers", post(async |_: Json<HashMap<u8, u8>>| ()))
        .route("/form", every(async |_: Form<Card>| ()))
        .route("/strict-form", every(async |_: Form<Strict>| ()))
        .route("/query", every(async |_: Query<Card>| ()))
        .route("/strict-query", every(async |_: Query<Strict>| ()))
        .route("/path/{id}", every(async |_: Path<u8>| ()))
        .route("/two/{id}/{letter}", every(async |_: Path<(u8, char)>| ()))
        .route("/strict/{number}/{kind}", every(async |_: Path<Strict>| ()))
        .layer(ErrorsLayer::new())
        .layer(recording.clone())
}

/// Status, the answer as text, the cause on the record.
fn ask(request: Request<Body>) -> (u16, String, String) {
    let recording = Recording::default();
    let answered = app(&recording).oneshot(request).now_or_never();
    let (head, body) = answered.expect("nothing here waits").unwrap().into_parts();
    let body = body.collect().now_or_never().unwrap().unwrap().to_bytes();
    let cause = recording.only().cause.unwrap_or_default();
    let body = String::from_utf8(body.into()).unwrap();
    (head.status.as_u16(), body, cause.into())
}

fn send(path: &str, kind: &str, body: String) -> (u16, String, String) {
    let request = Request::post(path).header("content-type", kind);
    ask(request.body(body.into()).unwrap())
}

/// A marker, alone or in a text that imitates a deserializer's.
fn marker(of: &'static [&'static str]) -> impl Strategy<Value = String> {
    let around = prop::sample::select(vec![
        "{}",
        "x {}",
        "x`, expected {}",
        "x\", expected {}",
        "x`, expected `{}`, there are no variants",
        "number: invalid type: null, expected {}",
        "number: missing field `{}`",
        "{}: invalid type: null, expected x",
        "{}: invalid digit found in string",
        "{}: expected value",
        "{}` with value `x",
        "x` to a `{}",
        "x at line 1 column 2{}",
        "Invalid UTF-8 in `{}`",
    ]);
    (around, prop::sample::select(of)).prop_map(|(around, marker)| around.replace("{}", marker))
}

const BOTH: &[&str] = &[WORD, "4111111111111111", "4111 1111 1111 1111"];

fn key() -> impl Strategy<Value = String> {
    let known = [
        "number", "kind", "letter", "active", "pair", "iban", "inner", "either", "credit", "limit",
    ];
    let known = prop::sample::select(known.to_vec()).prop_map(str::to_owned);
    prop_oneof![3 => known, 1 => marker(BOTH)]
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => marker(BOTH).prop_map(Value::from),
        1 => Just(json!(NUMBER)),
        1 => Just(json!(-41_111_111.5)),
        1 => prop::sample::select(vec![json!(null), json!(true), json!(1), json!("debit")]),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::hash_map(key(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn encoded(text: &str) -> String {
    let bytes = text.bytes().map(|byte| format!("%{byte:02x}"));
    bytes.collect::<Vec<_>>().concat()
}

fn check(request: &str, (status, body, cause): &(u16, String, String)) {
    // Ids are drawn at random, and their digits can meet.
    let problem: Value = serde_json::from_str(body).unwrap_or_default();
    let told = ["title", "detail", "reason", "errors"].map(|key| problem[key].to_string());
    for text in told.iter().chain([cause]) {
        for marker in [WORD, "4111", "41111111.5"] {
            assert!(!text.contains(marker), "{request} ({status}): {text}");
        }
    }
    assert!(!body.contains(WORD), "{request} ({status}): {body}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_of_a_json_body_is_told_or_logged(
        value in json_value(),
        whole in any::<bool>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let text = value.to_string();
        let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        let body = if whole { text.as_str() } else { &text[..ends[cut.index(ends.len())]] };
        for path in ["/json", "/strict"] {
            check(body, &send(path, "application/json", body.into()));
        }
    }

    #[test]
    fn nothing_of_a_query_or_a_form_is_told_or_logged(
        pairs in prop::collection::vec((key(), marker(BOTH)), 1..4),
    ) {
        let pairs = pairs.iter().map(|(key, value)| format!("{}={}", encoded(key), encoded(value)));
        let pairs = pairs.collect::<Vec<_>>().join("&");
        let kind = "application/x-www-form-urlencoded";
        for path in ["query", "strict-query", "form", "strict-form"] {
            let request = Request::get(format!("/{path}?{pairs}")).body(Body::empty());
            check(&pairs, &ask(request.unwrap()));
        }
        for path in ["/form", "/strict-form"] {
            check(&pairs, &send(path, kind, pairs.clone()));
        }
    }

    #[test]
    fn nothing_of_a_path_is_told_or_logged(value in marker(BOTH)) {
        let value = encoded(&value);
        for path in ["path/V", "two/V/x", "two/1/V", "strict/V/debit", "strict/1/V"] {
            let path = format!("/{}", path.replace('V', &value));
            let answer = ask(Request::get(&path).body(Body::empty()).unwrap());
            prop_assert_eq!(answer.0, 400);
            check(&path, &answer);
        }
    }

    #[test]
    fn a_map_key_that_could_be_no_field_is_not_told_or_logged(
        key in marker(&BOTH[1..]),
        value in marker(BOTH),
    ) {
        for path in ["/map", "/numbers"] {
            let body = json!({ &key: value }).to_string();
            check(&body, &send(path, "application/json", body.clone()));
        }
    }
}

#[test]
fn the_place_and_the_expected_type_are_told_and_logged() {
    let body = json!({ "number": 1, "inner": [{ "number": WORD }] }).to_string();
    let (status, body, cause) = send("/json", "application/json", body);
    assert_eq!(status, 422);
    let told = "inner[0].number: invalid type: string, expected u32 at line 1 column 31";
    assert!(body.contains(told), "{body}");
    assert!(cause.ends_with(told), "{cause}");

    let request = Request::get("/strict/x/debit").body(Body::empty()).unwrap();
    let (_, body, _) = ask(request);
    assert!(body.contains("Cannot parse `number` to a `u32`"), "{body}");
}
