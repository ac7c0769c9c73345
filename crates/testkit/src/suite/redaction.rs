//! Whether a failure tells what nobody outside may know.

use bytes::Bytes;
use http::Response;

use super::report::Report;
use super::requests::PLANTED;

/// What is only found inside a program.
const INNER: [(&str, &str); 16] = [
    ("panicked at", "the message of a panic"),
    ("stack backtrace", "a backtrace"),
    (".rs:", "a place in a source file"),
    ("/.cargo/", "a path of the build"),
    ("/src/", "a path of the build"),
    ("/home/", "a path of the machine"),
    ("/etc/", "a path of the machine"),
    ("postgres://", "the address of a database"),
    ("postgresql://", "the address of a database"),
    ("mysql://", "the address of a database"),
    ("redis://", "the address of a database"),
    ("mongodb://", "the address of a database"),
    ("sqlite:", "the address of a database"),
    ("no such table", "the words of a database"),
    ("os error", "the words of the operating system"),
    ("::", "the name of a type in the program"),
];

const PLANTED_HOW: &str = "build `detail` from values of public types and never from what was sent; \
                           a deserializer's words quote it";
const INNER_HOW: &str = "return a `Fault` with the error as its cause: `Display` and sources are logged and \
                         never sent";

pub(super) fn judge(place: &str, answer: &Response<Bytes>, report: &mut Report) {
    let text = whole(answer);
    report.want(!text.contains(PLANTED), place, || {
        (
            format!(
                "the answer repeats a value that was sent: {}",
                around(&text, PLANTED)
            ),
            PLANTED_HOW,
        )
    });
    for (inner, what) in INNER {
        report.want(!text.contains(inner), place, || {
            (
                format!("the answer has {what}: {}", around(&text, inner)),
                INNER_HOW,
            )
        });
    }
}

pub(super) fn secrets(
    place: &str,
    answer: &Response<Bytes>,
    secrets: &[String],
    report: &mut Report,
) {
    let text = whole(answer);
    for (at, secret) in secrets.iter().enumerate() {
        report.want(!text.contains(secret.as_str()), place, || {
            (
                format!("the answer has the secret number {}", at + 1),
                INNER_HOW,
            )
        });
    }
}

/// Headers and body as one text. A request's own id is the caller's to choose.
fn whole(answer: &Response<Bytes>) -> String {
    let mut text = String::new();
    for (name, value) in answer.headers() {
        if name != "x-request-id" {
            text.push_str(&String::from_utf8_lossy(value.as_bytes()));
            text.push('\n');
        }
    }
    text.push_str(&String::from_utf8_lossy(answer.body()));
    text
}

/// What stands around a part of a text.
fn around(text: &str, part: &str) -> String {
    let at = text.find(part).unwrap_or(0);
    let from = text.floor_char_boundary(at.saturating_sub(40));
    let to = text.ceil_char_boundary((at + part.len() + 40).min(text.len()));
    format!("{:?}", &text[from..to])
}
