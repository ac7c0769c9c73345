//! A key's identity: 128 bits under a secret, whatever the key's length.
//!
//! Keys of up to 64 bytes are hashed twice by a multilinear family over the
//! integers modulo 2¹²⁸, of which the upper half is kept (Lemire and Kaser,
//! "Strongly universal string hashing is fast", 2014): for any two different
//! keys the pair of hashes is uniformly distributed over the choice of the
//! secret, so two of them meet with probability 2⁻¹²⁸ and in one place of a table
//! as rarely as if they were thrown, whoever chose the keys. That is a theorem,
//! not a hope, as long as nobody sees the hashes; they never leave the process. Longer keys are first
//! brought to 128 bits by SipHash-1-3 under a secret of its own.
//!
//! Two keys that met would share one quota: for 100,000 keys at a time that
//! happens with a probability of less than 10⁻²⁸.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use siphasher::sip128::{Hasher128, SipHasher13};

use crate::gcra::Gcra;

/// Longest key that is hashed without SipHash, in bytes.
const DIRECT: usize = 64;
/// Words of such a key, and one that says its kind and length.
const WORDS: usize = DIRECT / 8 + 1;

/// Whom a key stands for, in 128 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Id(u64, u64);

impl Id {
    /// That of a cell which all keys of a quota share that have no slot.
    pub(crate) const fn of_crowd(gcra: Gcra) -> Self {
        Self(gcra.interval(), gcra.burst() as u64)
    }

    /// The two halves.
    #[inline]
    pub const fn words(self) -> [u64; 2] {
        [self.0, self.1]
    }
}

/// Finds the [`Id`] of keys, under one secret.
///
/// ```
/// use plimsoll_ratelimit::store::Identity;
///
/// let fleet = Identity::keyed([7; 16]);
/// assert_eq!(fleet.bytes(b"tenant-7"), Identity::keyed([7; 16]).bytes(b"tenant-7"));
/// assert_ne!(fleet.bytes(b"tenant-7"), Identity::random().bytes(b"tenant-7"));
/// ```
#[derive(Clone)]
pub struct Identity {
    start: [u128; 2],
    factors: [[u128; 2]; WORDS],
    long: SipHasher13,
}

/// What kind of key the first word tells of, so that a text never meets a number.
#[derive(Clone, Copy)]
enum Kind {
    Bytes = 1,
    Long = 2,
    Number = 3,
    Address = 4,
    Joined = 5,
}

impl Identity {
    /// Under a secret drawn from the system.
    pub fn random() -> Self {
        // The standard library keys each of these from the system's random numbers.
        let drawn = || RandomState::new().hash_one(());
        Self::expanded(drawn(), drawn())
    }

    /// Under this secret: processes that share it agree on every key.
    pub fn keyed(secret: [u8; 16]) -> Self {
        let secret = u128::from_le_bytes(secret);
        Self::expanded(secret as u64, (secret >> 64) as u64)
    }

    /// The family's parameters, from SipHash as a pseudorandom function.
    fn expanded(one: u64, two: u64) -> Self {
        let mut count = 0_u64;
        let mut next = || {
            let mut hasher = SipHasher13::new_with_keys(one, two);
            hasher.write_u64(count);
            count += 1;
            hasher.finish128().as_u128()
        };
        let long = next();
        Self {
            long: SipHasher13::new_with_keys(long as u64, (long >> 64) as u64),
            start: [next(), next()],
            factors: std::array::from_fn(|_| [next(), next()]),
        }
    }

    /// The identity of a text or any bytes.
    #[inline]
    pub fn bytes(&self, key: &[u8]) -> Id {
        if key.len() > DIRECT {
            return self.long(key);
        }
        let mut sum = self.begun(Kind::Bytes, key.len());
        let (whole, rest) = key.as_chunks::<8>();
        for (word, factors) in whole.iter().zip(&self.factors[1..]) {
            add(&mut sum, factors, u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            // Every key shorter than eight whole words has this factor.
            if let Some(factors) = self.factors.get(whole.len() + 1) {
                add(&mut sum, factors, tail(key, rest.len()));
            }
        }
        finished(sum)
    }

    /// The identity of a number, such as a row's.
    #[inline]
    pub fn number(&self, key: u64) -> Id {
        let mut sum = self.begun(Kind::Number, 8);
        add(&mut sum, &self.factors[1], key);
        finished(sum)
    }

    /// The identity of an address, by the bits of its IPv6 form.
    #[inline]
    pub fn address(&self, key: u128) -> Id {
        let mut sum = self.begun(Kind::Address, 16);
        add(&mut sum, &self.factors[1], key as u64);
        add(&mut sum, &self.factors[2], (key >> 64) as u64);
        finished(sum)
    }

    /// The identity of several keys in this order, at most four; more are left
    /// out.
    pub fn joined(&self, keys: impl IntoIterator<Item = Id>) -> Id {
        let words = keys.into_iter().flat_map(Id::words);
        let mut sum = self.begun(Kind::Joined, 0);
        let mut count = 0;
        for (word, factors) in words.zip(&self.factors[1..]) {
            add(&mut sum, factors, word);
            count += 1;
        }
        add(&mut sum, &self.factors[0], count);
        finished(sum)
    }

    #[cold]
    fn long(&self, key: &[u8]) -> Id {
        let mut hasher = self.long;
        hasher.write(key);
        let digest = hasher.finish128();
        let mut sum = self.begun(Kind::Long, key.len());
        add(&mut sum, &self.factors[1], digest.h1);
        add(&mut sum, &self.factors[2], digest.h2);
        finished(sum)
    }

    #[inline]
    fn begun(&self, kind: Kind, len: usize) -> [u128; 2] {
        let mut sum = self.start;
        add(&mut sum, &self.factors[0], (kind as u64) << 56 | len as u64);
        sum
    }
}

#[inline]
fn add(sum: &mut [u128; 2], factors: &[u128; 2], word: u64) {
    for (sum, factor) in sum.iter_mut().zip(factors) {
        *sum = sum.wrapping_add(factor.wrapping_mul(u128::from(word)));
    }
}

#[inline]
fn finished(sum: [u128; 2]) -> Id {
    let [one, two] = sum.map(|sum| scattered((sum >> 64) as u64));
    Id(one, two)
}

/// The family is linear: keys that count up would lie at even steps, which fill
/// some places and leave others empty. One-to-one, so the bounds stay.
#[inline]
const fn scattered(hash: u64) -> u64 {
    let hash = (hash ^ hash >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash ^ hash >> 32
}

/// The last 1 to 7 bytes of a key as a word, zeros above, without a copy of
/// variable length.
#[inline]
fn tail(key: &[u8], rest: usize) -> u64 {
    if let Some(last) = key.last_chunk::<8>() {
        return u64::from_le_bytes(*last) >> (8 * (8 - rest));
    }
    if let (Some(low), Some(high)) = (key.first_chunk::<4>(), key.last_chunk::<4>()) {
        let high = u64::from(u32::from_le_bytes(*high)) << (8 * (rest - 4));
        return u64::from(u32::from_le_bytes(*low)) | high;
    }
    let byte = |at: usize| u64::from(key.get(at).copied().unwrap_or(0));
    byte(0) | byte(1) << 8 | byte(2) << 16
}

impl std::fmt::Debug for Identity {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    proptest! {
        #[test]
        fn the_tail_is_that_of_a_zero_padded_copy(key in prop::collection::vec(any::<u8>(), 1..64)) {
            let rest = key.len() % 8;
            prop_assume!(rest > 0);
            let mut padded = [0; 8];
            padded[..rest].copy_from_slice(&key[key.len() - rest..]);
            prop_assert_eq!(tail(&key, rest), u64::from_le_bytes(padded));
        }
    }

    #[test]
    fn keys_that_differ_by_length_zeros_or_kind_stay_apart() {
        let identity = Identity::random();
        let zeros = [0; 200];
        let mut seen: HashSet<Id> = (0..200).map(|len| identity.bytes(&zeros[..len])).collect();
        seen.extend((0..200).map(|number| identity.number(number)));
        seen.extend((0..200).map(|number| identity.address(number)));
        let one = identity.number(1);
        seen.extend((0..5).map(|count| identity.joined(std::iter::repeat_n(one, count))));
        assert_eq!(seen.len(), 605);
    }

    #[test]
    fn every_byte_of_a_key_counts() {
        let identity = Identity::random();
        for len in [1, 3, 4, 7, 8, 9, 16, 40, 63, 64, 65, 500] {
            let plain = vec![b'a'; len];
            for at in 0..len {
                let mut other = plain.clone();
                other[at] = b'b';
                assert_ne!(
                    identity.bytes(&plain),
                    identity.bytes(&other),
                    "{at} of {len}"
                );
            }
        }
    }

    #[test]
    fn places_fill_evenly_with_counting_keys() {
        let identity = Identity::random();
        let mut halves = [[0_u32; 64]; 2];
        for number in 0..64_000 {
            for (half, word) in identity.number(number).words().into_iter().enumerate() {
                halves[half][(word >> 58) as usize] += 1;
            }
        }
        for counts in halves {
            assert!(
                counts.iter().all(|count| (700..1_300).contains(count)),
                "{counts:?}"
            );
        }
    }
}
