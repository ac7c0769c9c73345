//! An OTLP/HTTP endpoint that counts the spans it is sent and keeps nothing.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::Fault;

/// Longest export taken.
const MAX_BYTES: usize = 64 << 20;

/// Answers every export with 200, on threads of the parent, whose work is in no count.
#[derive(Debug)]
pub(super) struct Sink {
    address: SocketAddr,
    next: AtomicU64,
    spans: Spans,
}

/// Spans by the path they were sent to: each child has its own.
type Spans = Arc<Mutex<HashMap<String, u64>>>;

/// Where one child sends its spans.
#[derive(Debug)]
pub(super) struct Mailbox<'a> {
    sink: &'a Sink,
    path: String,
}

impl Mailbox<'_> {
    /// The full address.
    pub(super) fn endpoint(&self) -> String {
        format!("http://{}{}", self.sink.address, self.path)
    }

    /// Spans that arrived.
    pub(super) fn spans(&self) -> u64 {
        let spans = self.sink.spans.lock();
        let spans = spans.unwrap_or_else(PoisonError::into_inner);
        spans.get(&self.path).copied().unwrap_or(0)
    }
}

impl Sink {
    /// Starts one on a free port of the loopback; it ends with the process.
    ///
    /// # Errors
    ///
    /// When there is no port.
    pub(super) fn start() -> Result<Self, Fault> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let spans = Spans::default();
        let counted = Arc::clone(&spans);
        std::thread::Builder::new()
            .name("sink".into())
            .spawn(move || {
                for stream in listener.incoming().flatten() {
                    let counted = Arc::clone(&counted);
                    // A connection that breaks is the child's affair: its ledger says so.
                    std::thread::spawn(move || answer(&stream, &counted));
                }
            })?;
        let next = AtomicU64::new(0);
        Ok(Self {
            address,
            next,
            spans,
        })
    }

    /// A place of its own for one child.
    pub(super) fn mailbox(&self) -> Mailbox<'_> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = format!("/{number}/v1/traces");
        Mailbox { sink: self, path }
    }
}

fn answer(stream: &TcpStream, spans: &Spans) -> Result<(), Fault> {
    const OK: &[u8] =
        b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
    let mut input = BufReader::new(stream);
    let mut line = String::new();
    while input.read_line(&mut line)? > 0 {
        let path = line.split(' ').nth(1).ok_or("no path in a request")?;
        let path = path.to_owned();
        let mut length = None;
        loop {
            line.clear();
            input.read_line(&mut line)?;
            let header = line.trim_end();
            if header.is_empty() {
                break;
            }
            if let Some((name, value)) = header.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = Some(value.trim().parse::<usize>()?);
            }
        }
        let length = length.filter(|length| *length <= MAX_BYTES);
        let mut body = vec![0; length.ok_or("an export without a length, or too long a one")?];
        input.read_exact(&mut body)?;
        let count = count_spans(&body)?;
        let mut spans = spans.lock().unwrap_or_else(PoisonError::into_inner);
        *spans.entry(path).or_default() += count;
        drop(spans);
        (&mut &*stream).write_all(OK)?;
        line.clear();
    }
    Ok(())
}

/// Spans in an `ExportTraceServiceRequest`: `resource_spans` (1), in it
/// `scope_spans` (2), in it `spans` (2).
fn count_spans(message: &[u8]) -> Result<u64, Fault> {
    let mut count = 0;
    for resource in fields(message, 1)? {
        for scope in fields(resource, 2)? {
            count += fields(scope, 2)?.len() as u64;
        }
    }
    Ok(count)
}

/// The length-delimited fields of this number in a protobuf message.
fn fields(mut message: &[u8], wanted: u64) -> Result<Vec<&[u8]>, Fault> {
    let mut found = Vec::new();
    while !message.is_empty() {
        let key = varint(&mut message)?;
        let length = match key & 7 {
            0 => {
                varint(&mut message)?;
                continue;
            }
            1 => 8,
            2 => varint(&mut message)?,
            5 => 4,
            other => return Err(format!("wire type {other} in an export").into()),
        };
        let split = message.split_at_checked(usize::try_from(length)?);
        let (value, rest) = split.ok_or("an export that ends within a field")?;
        if key == wanted << 3 | 2 {
            found.push(value);
        }
        message = rest;
    }
    Ok(found)
}

fn varint(message: &mut &[u8]) -> Result<u64, Fault> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message
            .split_first()
            .ok_or("an export that ends within a number")?;
        *message = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err("a number of over 64 bits in an export".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_counted_whatever_stands_beside_them() {
        // Two resources: one with a scope of two spans and a schema url (3), one with none.
        let scope = [0x12, 1, 0x08, 0x12, 2, 0x10, 0x01, 0x1a, 1, b'x'];
        let mut resource = vec![0x0a, 0, 0x12, scope.len() as u8];
        resource.extend(scope);
        let mut message = vec![0x0a, resource.len() as u8];
        message.extend(resource);
        message.extend([0x0a, 0]);
        assert_eq!(count_spans(&message).unwrap(), 2);
        assert!(count_spans(&message[..message.len() - 3]).is_err());
        assert!(count_spans(&[0x0a, 0xff]).is_err());
    }
}
