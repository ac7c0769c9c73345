use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};

use hmac::digest::Key;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// Bytes of a partition key: enough that no two keys of a service meet.
const BYTES: usize = 12;

/// Makes partition keys: HMAC-SHA-256 of policy and key under a secret, cut to 12
/// bytes. A plain hash of an IPv4 address could be undone by trying all of them.
#[derive(Clone)]
pub struct Partition(Hmac<Sha256>);

impl Partition {
    /// By a secret that all processes of a service share, so that they give one
    /// client the same keys.
    pub fn of(secret: &[u8]) -> Self {
        // A key of HMAC is one block; a longer one is hashed first (RFC 2104, section 2).
        let hashed = Sha256::digest(secret);
        let mut block = Key::<Hmac<Sha256>>::default();
        let secret = if secret.len() > block.len() {
            &hashed
        } else {
            secret
        };
        block[..secret.len()].copy_from_slice(secret);
        Self(Hmac::new(&block))
    }

    /// By a secret that this process draws.
    pub fn drawn() -> Self {
        let mut secret = [0; 32];
        for piece in secret.chunks_mut(8) {
            let word = RandomState::new().hash_one(());
            piece.copy_from_slice(&word.to_le_bytes());
        }
        Self::of(&secret)
    }

    pub(crate) fn key(&self, policy: &str, parts: impl IntoIterator<Item: Hash>) -> PartitionKey {
        let mut fed = Fed(self.0.clone());
        fed.0.update(policy.as_bytes());
        fed.0.update(&[0]);
        for part in parts {
            part.hash(&mut fed);
        }
        let whole = fed.0.finalize().into_bytes();
        let mut key = [0; BYTES];
        key.copy_from_slice(&whole[..BYTES]);
        PartitionKey(key)
    }
}

impl fmt::Debug for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Partition(secret)")
    }
}

/// Feeds what is hashed to the MAC, numbers the same way on every machine.
struct Fed(Hmac<Sha256>);

impl Hasher for Fed {
    fn finish(&self) -> u64 {
        0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn write_u64(&mut self, number: u64) {
        self.0.update(&number.to_le_bytes());
    }

    fn write_u128(&mut self, number: u128) {
        self.0.update(&number.to_le_bytes());
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }
}

/// Tells the quotas of different keys apart without telling whose they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PartitionKey([u8; BYTES]);

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

impl PartitionKey {
    /// Base64 (RFC 4648, section 4); twelve bytes need no padding.
    pub(crate) fn base64(self) -> [u8; BYTES / 3 * 4] {
        let mut text = [0; BYTES / 3 * 4];
        for (three, four) in self.0.chunks(3).zip(text.chunks_mut(4)) {
            let bits = three
                .iter()
                .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
            for (at, letter) in four.iter_mut().enumerate() {
                *letter = ALPHABET[(bits >> (18 - 6 * at) & 63) as usize];
            }
        }
        text
    }
}

impl fmt::Display for PartitionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.base64()).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_secret_gives_one_key_and_policies_and_secrets_give_others() {
        let key = |secret: &[u8], policy, text: &str| Partition::of(secret).key(policy, [text]);
        let one = key(b"s", "per-client", "203.0.113.9");
        assert_eq!(one, key(b"s", "per-client", "203.0.113.9"));
        assert_eq!(one.to_string().len(), 16);
        for other in [
            key(b"t", "per-client", "203.0.113.9"),
            key(b"s", "per-clien", "t203.0.113.9"),
            key(b"s", "per-client", "203.0.113.8"),
            Partition::drawn().key("per-client", ["203.0.113.9"]),
        ] {
            assert_ne!(one, other);
        }
        assert_ne!(
            Partition::drawn().key("p", ["x"]),
            Partition::drawn().key("p", ["x"])
        );
    }

    #[test]
    fn it_is_the_hmac_of_the_rfc() {
        for secret in [&b"Jefe"[..], &[0xaa; 131]] {
            let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
            mac.update(b"per-client\0");
            let whole = mac.finalize().into_bytes();
            let key = Partition::of(secret).key("per-client", [(); 0]);
            assert_eq!(key.0, whole[..BYTES]);
        }
    }

    #[test]
    fn base64_is_the_rfcs() {
        assert_eq!(
            PartitionKey(*b"foobarfoobar").to_string(),
            "Zm9vYmFyZm9vYmFy"
        );
        assert_eq!(PartitionKey([0xff; 12]).to_string(), "////////////////");
    }
}
