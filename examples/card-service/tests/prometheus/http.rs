//! Requests over plain TCP. HTTP/1.0, so that an answer ends with its connection
//! and comes in one piece.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(30);

/// The body of the answer to a GET.
pub(crate) fn get(address: &str, path: &str) -> String {
    send(address, "GET", path, "")
}

/// The body of the answer to a request that sends JSON.
pub(crate) fn send(address: &str, method: &str, path: &str, body: &str) -> String {
    let kind = "application/json";
    exchange(address, method, path, kind, body)
        .unwrap_or_else(|error| panic!("{method} http://{address}{path}: {error}"))
}

/// The body of the answer to a form of one field.
pub(crate) fn post_form(address: &str, path: &str, field: &str, value: &str) -> String {
    let kind = "application/x-www-form-urlencoded";
    let body = format!("{field}={}", encoded(value));
    exchange(address, "POST", path, kind, &body)
        .unwrap_or_else(|error| panic!("POST http://{address}{path}: {error}"))
}

fn exchange(
    address: &str,
    method: &str,
    path: &str,
    kind: &str,
    body: &str,
) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nhost: {address}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    Ok(answer
        .split_once("\r\n\r\n")
        .map(|(_, body)| body.to_owned())
        .unwrap_or_default())
}

pub(crate) fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}
