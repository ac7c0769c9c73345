//! The four messages of `grpc.health.v1`, as they stand on the wire.
//!
//! Protocol Buffers encoding: <https://protobuf.dev/programming-guides/encoding/>;
//! the prefix of a message: gRPC over HTTP/2, "Length-Prefixed-Message".

use bytes::{BufMut, Bytes, BytesMut};

/// Bytes before a message: whether it is compressed, and its length.
pub(super) const PREFIX: usize = 5;

/// Longest name of a service, in bytes.
pub(super) const MAX_NAME: usize = 256;

/// Longest request that is read: a name, its tag and length, and some room for
/// fields of later versions.
pub(super) const MAX_REQUEST: usize = PREFIX + MAX_NAME + 64;

/// `HealthCheckResponse.ServingStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Serving = 1,
    NotServing = 2,
    /// Only in a `Watch`.
    ServiceUnknown = 3,
}

impl Told {
    pub(super) const fn of(passes: bool) -> Self {
        if passes {
            Self::Serving
        } else {
            Self::NotServing
        }
    }

    /// `HealthCheckResponse`: field 1, a varint.
    pub(super) fn message(self) -> Bytes {
        framed(&[0x08, self as u8])
    }
}

/// Why a request cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreadable {
    Compressed,
    Malformed,
}

/// The `service` of a `HealthCheckRequest`: field 1, a string. Of several the
/// last counts; other fields are passed over.
pub(super) fn service(body: &[u8]) -> Result<&str, Unreadable> {
    let malformed = Unreadable::Malformed;
    let (prefix, mut rest) = body.split_at_checked(PREFIX).ok_or(malformed)?;
    if prefix[0] != 0 {
        return Err(Unreadable::Compressed);
    }
    let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]);
    if length as usize != rest.len() {
        return Err(malformed);
    }
    let mut name = "";
    while !rest.is_empty() {
        let tag = varint(&mut rest).ok_or(malformed)?;
        let length = match tag & 7 {
            0 => {
                varint(&mut rest).ok_or(malformed)?;
                continue;
            }
            1 => 8,
            2 => varint(&mut rest).ok_or(malformed)?,
            5 => 4,
            _ => return Err(malformed),
        };
        let length = usize::try_from(length).map_err(|_| malformed)?;
        let (field, after) = rest.split_at_checked(length).ok_or(malformed)?;
        rest = after;
        if tag == 0x0a {
            name = std::str::from_utf8(field).map_err(|_| malformed)?;
        }
    }
    Ok(name)
}

/// `HealthListResponse`: field 1, a map of names to `HealthCheckResponse`.
pub(super) fn list<'a>(statuses: impl Iterator<Item = (&'a str, Told)>) -> Bytes {
    let mut message = Vec::new();
    for (name, status) in statuses {
        let mut entry = vec![0x0a];
        put_varint(&mut entry, name.len());
        entry.extend_from_slice(name.as_bytes());
        entry.extend_from_slice(&[0x12, 2, 0x08, status as u8]);
        message.push(0x0a);
        put_varint(&mut message, entry.len());
        message.extend_from_slice(&entry);
    }
    framed(&message)
}

fn framed(message: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(PREFIX + message.len());
    bytes.put_u8(0);
    bytes.put_u32(message.len() as u32);
    bytes.put_slice(message);
    bytes.freeze()
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn put_varint(into: &mut Vec<u8>, mut value: usize) {
    while value > 0x7f {
        into.push(value as u8 | 0x80);
        value >>= 7;
    }
    into.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn request(message: &[u8]) -> Vec<u8> {
        framed(message).to_vec()
    }

    #[test]
    fn a_name_is_read_whatever_stands_beside_it() {
        let named = [&[0x0a, 5][..], b"cards"].concat();
        for (message, name) in [
            (&[][..], ""),
            (&named, "cards"),
            (&[&[0x10, 0x96, 0x01][..], &named].concat(), "cards"),
            (&[&named[..], &[0x1d, 1, 2, 3, 4]].concat(), "cards"),
            (&[&named[..], &[0x0a, 1, b'x']].concat(), "x"),
        ] {
            assert_eq!(service(&request(message)), Ok(name), "{message:?}");
        }
        for broken in [&b"\x0a\x06cards"[..], b"\x0a", b"\x0b", b"\x0a\x01\xff"] {
            assert_eq!(service(&request(broken)), Err(Unreadable::Malformed));
        }
        assert_eq!(service(&[1, 0, 0, 0, 0]), Err(Unreadable::Compressed));
        assert_eq!(service(&[0, 0, 0, 0, 9]), Err(Unreadable::Malformed));
    }

    #[test]
    fn answers_are_the_bytes_of_the_protocol() {
        assert_eq!(Told::of(true).message(), &[0, 0, 0, 0, 2, 8, 1][..]);
        assert_eq!(Told::ServiceUnknown.message(), &[0, 0, 0, 0, 2, 8, 3][..]);
        let long = "n".repeat(200);
        let listed = list([("", Told::Serving), (&long, Told::NotServing)].into_iter());
        let mut expected = vec![0x0a, 6, 0x0a, 0, 0x12, 2, 8, 1];
        expected.extend([0x0a, 0xcf, 0x01, 0x0a, 0xc8, 0x01]);
        expected.extend(long.bytes());
        expected.extend([0x12, 2, 8, 2]);
        assert_eq!(listed[PREFIX..], expected);
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = service(&body);
            let _ = service(&request(&body));
        }
    }
}
