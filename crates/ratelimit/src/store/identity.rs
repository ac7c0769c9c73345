//! A key's identity: 128 bits under a secret, whatever the key's length.
//!
//! Keys of up to 64 bytes become both halves by the same two steps, each with
//! random numbers of its own:
//!
//! 1. NH (Black, Halevi, Krawczyk, Krovetz and Rogaway, "UMAC: fast and secure
//!    message authentication", 1999): the key's 64-bit words w, in pairs,
//!    become the sum modulo 2¹²⁸ of the products
//!    ((w₀ + k₀) mod 2⁶⁴) · ((w₁ + k₁) mod 2⁶⁴).
//! 2. The sum's two words become the upper half of a + b·low + c·high modulo
//!    2¹²⁸, which is strongly universal (Lemire and Kaser, "Strongly universal
//!    string hashing is fast", 2014). The number a is another for each length
//!    and kind of key.
//!
//! Two different keys meet in a half with a probability of less than 2⁻⁶³ over
//! the choice of the secret, and in both with less than 2⁻¹²⁶, whoever chose
//! the keys:
//!
//! - Of different kinds or lengths: two independent numbers a are added, so
//!   that the halves meet with 2⁻⁶⁴.
//! - Of one kind and length: they have as many words, and differ in one. Say
//!   that the keys' first words of a pair differ (the second is the same with
//!   the names changed), and hold all random numbers but k₁. With x ≠ x′ for
//!   the first factors, the sums meet if x·y − x′·y′ is one constant modulo
//!   2¹²⁸, where y runs through all words with k₁, and y′ at a fixed distance
//!   modulo 2⁶⁴. Two solutions y that are δ apart, 0 < δ < 2⁶⁴, would give
//!   x·δ ≡ x′·ε with ε = δ or ε = δ − 2⁶⁴. But (x − x′)·δ is neither 0 nor as
//!   far from it as 2¹²⁸, and x·δ + x′·(2⁶⁴ − δ) lies between 0 and 2¹²⁸
//!   exclusive, as not both of x and x′ are 0. So there is at most one
//!   solution: the sums meet with at most 2⁻⁶⁴. Where they don't, the second
//!   step's halves meet with 2⁻⁶⁴, and lie in one place of a table as rarely
//!   as if they were thrown.
//!
//! That is a theorem, not a hope, as long as nobody sees the hashes, which
//! never leave the process, and as far as SipHash, which draws the numbers from
//! the secret, can't be told from chance. Longer keys are first brought to 128
//! bits by SipHash-1-3 under a secret of its own.
//!
//! Two keys that met would share one quota: for 100,000 keys at a time that
//! happens with a probability of less than 10⁻²⁸.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use siphasher::sip128::{Hasher128, SipHasher13};

use crate::gcra::Gcra;

/// Longest key that is hashed without SipHash, in bytes.
const DIRECT: usize = 64;
/// Pairs of words of such a key.
const PAIRS: usize = DIRECT / 16;
/// Most keys that are joined.
const JOINED: usize = PAIRS;

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
    /// The numbers k of each half.
    pairs: [[[u64; 2]; 2]; PAIRS],
    /// The numbers b and c of each half.
    factors: [[u128; 2]; 2],
    /// The number a of each half, by [`Kind`].
    starts: [[u128; 2]; Kind::COUNT],
    long: SipHasher13,
}

/// Keys of different kinds never meet but by chance, nor do texts of different
/// lengths.
#[derive(Clone, Copy)]
struct Kind(usize);

impl Kind {
    const COUNT: usize = Self::JOINED.0 + JOINED + 1;
    const NUMBER: Self = Self(DIRECT + 1);
    const ADDRESS: Self = Self(DIRECT + 2);
    const LONG: Self = Self(DIRECT + 3);
    /// The first of those for none to the most.
    const JOINED: Self = Self(DIRECT + 4);
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
            pairs: std::array::from_fn(|_| [halves(next()), halves(next())]),
            factors: [[next(), next()], [next(), next()]],
            starts: std::array::from_fn(|_| [next(), next()]),
        }
    }

    /// The identity of a text or any bytes.
    #[inline]
    pub fn bytes(&self, key: &[u8]) -> Id {
        if key.len() > DIRECT {
            return self.long(key);
        }
        let mut sums = [0; 2];
        let (whole, rest) = key.as_chunks::<16>();
        for (pair, numbers) in whole.iter().zip(&self.pairs) {
            add(&mut sums, numbers, halves(u128::from_le_bytes(*pair)));
        }
        // Every key shorter than all pairs has this one.
        if !rest.is_empty()
            && let Some(numbers) = self.pairs.get(whole.len())
        {
            // The last whole pair, again as far as it reaches back: that needs no copy
            // of variable length.
            let last = key.last_chunk::<16>();
            let last = last.map_or_else(|| short(key), |last| halves(u128::from_le_bytes(*last)));
            add(&mut sums, numbers, last);
        }
        self.finished(Kind(key.len()), sums)
    }

    /// The identity of a number, such as a row's.
    #[inline]
    pub fn number(&self, key: u64) -> Id {
        self.pair(Kind::NUMBER, [key, 0])
    }

    /// The identity of an address, by the bits of its IPv6 form.
    #[inline]
    pub fn address(&self, key: u128) -> Id {
        self.pair(Kind::ADDRESS, halves(key))
    }

    /// The identity of several keys in this order, at most four; more are left
    /// out.
    pub fn joined(&self, keys: impl IntoIterator<Item = Id>) -> Id {
        let (mut sums, mut count) = ([0; 2], 0);
        for (key, numbers) in keys.into_iter().zip(&self.pairs) {
            add(&mut sums, numbers, key.words());
            count += 1;
        }
        self.finished(Kind(Kind::JOINED.0 + count), sums)
    }

    #[cold]
    fn long(&self, key: &[u8]) -> Id {
        let mut hasher = self.long;
        hasher.write(key);
        self.pair(Kind::LONG, halves(hasher.finish128().as_u128()))
    }

    #[inline]
    fn pair(&self, kind: Kind, words: [u64; 2]) -> Id {
        let mut sums = [0; 2];
        add(&mut sums, &self.pairs[0], words);
        self.finished(kind, sums)
    }

    /// The second step.
    #[inline]
    fn finished(&self, kind: Kind, sums: [u128; 2]) -> Id {
        let starts = &self.starts[kind.0];
        let half = |at: usize| {
            let [low, high] = halves(sums[at]).map(u128::from);
            let [b, c] = self.factors[at];
            let sum = starts[at]
                .wrapping_add(b.wrapping_mul(low))
                .wrapping_add(c.wrapping_mul(high));
            scattered((sum >> 64) as u64)
        };
        Id(half(0), half(1))
    }
}

/// The first step, by a pair of words.
#[inline]
fn add(sums: &mut [u128; 2], numbers: &[[u64; 2]; 2], words: [u64; 2]) {
    for (sum, numbers) in sums.iter_mut().zip(numbers) {
        let one = words[0].wrapping_add(numbers[0]);
        let two = words[1].wrapping_add(numbers[1]);
        *sum = sum.wrapping_add(u128::from(one) * u128::from(two));
    }
}

/// The lower and the upper.
#[inline]
const fn halves(both: u128) -> [u64; 2] {
    [both as u64, (both >> 64) as u64]
}

/// Keys that count up would lie at even steps, which fill some places and leave
/// others empty. One-to-one (Rivest, Robshaw, Sidney and Yin, "The RC6 block
/// cipher", 1998), so the bounds stay.
#[inline]
const fn scattered(hash: u64) -> u64 {
    hash.wrapping_mul(hash.wrapping_mul(2).wrapping_add(1))
}

/// The bytes of a key of up to 15 as two words, one-to-one for each length.
#[inline]
fn short(key: &[u8]) -> [u64; 2] {
    if let (Some(first), Some(last)) = (key.first_chunk::<8>(), key.last_chunk::<8>()) {
        return [u64::from_le_bytes(*first), u64::from_le_bytes(*last)];
    }
    if let (Some(first), Some(last)) = (key.first_chunk::<4>(), key.last_chunk::<4>()) {
        return [*first, *last].map(|word| u32::from_le_bytes(word).into());
    }
    let byte = |at: usize| u64::from(key.get(at).copied().unwrap_or(0));
    [byte(0) | byte(1) << 8 | byte(2) << 16, 0]
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

    fn key_of(len: usize) -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(any::<u8>(), len)
    }

    proptest! {
        #[test]
        fn different_short_keys_of_one_length_have_different_words(
            (one, two) in (1_usize..16).prop_flat_map(|len| (key_of(len), key_of(len))),
        ) {
            prop_assert_eq!(one == two, short(&one) == short(&two));
        }

        /// The steps by the book: each word by itself, each product whole.
        #[test]
        fn a_key_is_hashed_as_the_module_says(key in prop::collection::vec(any::<u8>(), 16..=64)) {
            let identity = Identity::keyed([3; 16]);
            let word = |at: usize| u64::from_le_bytes(key[at..at + 8].try_into().unwrap());
            let starts = (0..key.len() / 16).map(|pair| pair * 16);
            let rest = (key.len() % 16 > 0).then(|| key.len() - 16);
            let mut sums = [0_u128; 2];
            for (pair, at) in starts.chain(rest).enumerate() {
                for (half, sum) in sums.iter_mut().enumerate() {
                    let [one, two] = identity.pairs[pair][half];
                    let one = word(at).wrapping_add(one);
                    let two = word(at + 8).wrapping_add(two);
                    *sum = sum.wrapping_add(u128::from(one) * u128::from(two));
                }
            }
            let half = |half: usize| {
                let [b, c] = identity.factors[half];
                let low = b.wrapping_mul(sums[half] & u128::from(u64::MAX));
                let sum = c.wrapping_mul(sums[half] >> 64).wrapping_add(low);
                let sum = sum.wrapping_add(identity.starts[key.len()][half]);
                scattered((sum >> 64) as u64)
            };
            prop_assert_eq!(identity.bytes(&key), Id(half(0), half(1)));
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

    /// Under secrets that are the same in every run.
    #[test]
    fn places_fill_evenly_with_counting_keys() {
        for secret in 0..20 {
            let identity = Identity::keyed([secret; 16]);
            let mut halves = [[0_u32; 64]; 2];
            for number in 0..64_000 {
                for (half, word) in identity.number(number).words().into_iter().enumerate() {
                    halves[half][(word >> 58) as usize] += 1;
                }
            }
            for counts in halves {
                assert!(
                    counts.iter().all(|count| (800..1_200).contains(count)),
                    "{counts:?}"
                );
            }
        }
    }
}
