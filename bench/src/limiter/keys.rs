//! Keys of 16 to 40 bytes, and orders in which they come.

/// Numbers in an order; they come round again.
pub(super) const ORDER: usize = 1 << 20;

/// Which keys come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    /// One, always.
    One,
    /// 100,000, each as often as another.
    Uniform,
    /// 1,000,000 by Zipf's law with exponent 1.
    Zipf,
}

impl Keys {
    /// All.
    pub(super) const ALL: [Self; 3] = [Self::One, Self::Uniform, Self::Zipf];

    /// What it is called.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Uniform => "100,000 uniform",
            Self::Zipf => "1,000,000 Zipf",
        }
    }

    /// How many there are.
    pub(super) const fn count(self) -> usize {
        match self {
            Self::One => 1,
            Self::Uniform => 100_000,
            Self::Zipf => 1_000_000,
        }
    }

    /// The keys.
    pub(super) fn texts(self) -> Vec<String> {
        (0..self.count()).map(text).collect()
    }

    /// An order of them; another for each seed.
    pub(super) fn order(self, seed: u64) -> Vec<u32> {
        let count = self.count();
        let mut random = Random(seed);
        let uniform = |random: &mut Random| (random.fraction() * count as f64) as u32;
        if self != Self::Zipf {
            return (0..ORDER).map(|_| uniform(&mut random)).collect();
        }
        let mut sums = Vec::with_capacity(count);
        let mut sum = 0.0;
        for rank in 1..=count {
            sum += 1.0 / rank as f64;
            sums.push(sum);
        }
        let pick = |_| {
            let at = random.fraction() * sum;
            let rank = sums.partition_point(|&edge| edge < at).min(count - 1);
            // Scattered, so that the frequent ones are not neighbours in memory.
            (rank * 7_919 % count) as u32
        };
        (0..ORDER).map(pick).collect()
    }
}

/// A key, of 16 to 40 bytes.
pub(super) fn text(number: usize) -> String {
    let tail = &"-abcdefghijklmnopqrstuvwxyz"[..number % 25];
    format!("client-{number:09}{tail}")
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    /// At least 0 and less than 1.
    fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ bits >> 31) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
