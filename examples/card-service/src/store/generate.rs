//! The seed's data, computed from a number alone: no clock, no database, no floating point.
//!
//! The figures are made to look like a bank's: everybody has a card and some have many; a few cards do most
//! of the paying; small amounts are common and large ones rare; the day has a noon and a night; an account
//! that reaches its limit is declined from there on. Invoices are the sums of what they bill.

use fastrand::Rng;

use super::{
    CardState, InvoiceStatus, TransactionStatus,
    words::{DESIGNS, FAMILY_NAMES, GIVEN_NAMES, MERCHANTS},
};

/// All seeded transactions lie before this moment: 2026-11-01T00:00:00Z, in milliseconds since 1970.
pub const ANCHOR: i64 = 1_793_491_200_000;
/// How many days before [`ANCHOR`] the seeded transactions reach.
pub const DAYS: u32 = 90;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Days that one invoice bills.
const PERIOD_DAYS: u32 = 30;
const PERIODS: usize = (DAYS / PERIOD_DAYS) as usize;
/// When each period's invoice is due: two weeks after its end, periods ending 60, 30 and 0 days before [`ANCHOR`].
const DUE_ON: [&str; PERIODS] = ["2026-09-16", "2026-10-16", "2026-11-15"];

/// What to seed. Equal plans give equal rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeedPlan {
    /// Picks the names, amounts and times.
    pub seed: u64,
    /// How many accounts; three times as many cards and twenty times as many transactions come with them.
    pub accounts: u32,
}

impl Default for SeedPlan {
    /// Seed 1; 10,000 accounts, 30,000 cards, 200,000 transactions.
    fn default() -> Self {
        Self {
            seed: 1,
            accounts: 10_000,
        }
    }
}

impl SeedPlan {
    /// How many cards there will be.
    pub const fn cards(&self) -> u32 {
        self.accounts.saturating_mul(3)
    }

    /// How many transactions there will be.
    pub const fn transactions(&self) -> u32 {
        self.accounts.saturating_mul(20)
    }
}

/// The state in which the card with this number is seeded: of every fifty, one is blocked and five are
/// inactive.
///
/// ```
/// use card_service::store::{CardState, state_of_card};
///
/// assert_eq!(state_of_card(1), CardState::Active);
/// assert_eq!(state_of_card(7), CardState::Inactive);
/// assert_eq!(state_of_card(50), CardState::Blocked);
/// ```
pub const fn state_of_card(number: i64) -> CardState {
    if number % 50 == 0 {
        CardState::Blocked
    } else if number % 10 == 7 {
        CardState::Inactive
    } else {
        CardState::Active
    }
}

/// Everything a plan gives. A row's number is its place, counted from 1.
pub(super) struct Data {
    pub(super) accounts: Vec<AccountRow>,
    pub(super) cards: Vec<CardRow>,
    pub(super) transactions: Vec<TransactionRow>,
    pub(super) invoices: Vec<InvoiceRow>,
}

pub(super) struct AccountRow {
    pub(super) name: String,
    pub(super) currency: &'static str,
    pub(super) limit_minor: i64,
    pub(super) spent_minor: i64,
    billed_minor: [i64; PERIODS],
}

pub(super) struct CardRow {
    pub(super) account: u32,
    pub(super) state: CardState,
    pub(super) last4: String,
    pub(super) network: &'static str,
    pub(super) image_key: String,
    pub(super) activated_at: Option<i64>,
}

pub(super) struct TransactionRow {
    pub(super) account: u32,
    pub(super) card: u32,
    pub(super) amount_minor: i64,
    pub(super) currency: &'static str,
    pub(super) merchant: &'static str,
    pub(super) status: TransactionStatus,
    pub(super) at: i64,
}

pub(super) struct InvoiceRow {
    pub(super) account: u32,
    pub(super) amount_minor: i64,
    pub(super) due_on: &'static str,
    pub(super) status: InvoiceStatus,
}

impl Data {
    pub(super) fn generate(plan: &SeedPlan) -> Self {
        let mut rng = Rng::with_seed(plan.seed);
        let mut accounts: Vec<_> = (0..plan.accounts).map(|_| account(&mut rng)).collect();
        let cards: Vec<_> = (1..=plan.cards())
            .map(|n| card(&mut rng, n, plan.accounts))
            .collect();
        let transactions = transactions(&mut rng, &mut accounts, &cards, plan.transactions());
        let invoices = invoices(&mut rng, &accounts);
        Self {
            accounts,
            cards,
            transactions,
            invoices,
        }
    }
}

fn account(rng: &mut Rng) -> AccountRow {
    let currency = match rng.u8(..20) {
        0..13 => "EUR",
        13..16 => "GBP",
        16..19 => "SEK",
        _ => "USD",
    };
    let limit = [200_000, 300_000, 500_000, 1_000_000, 2_000_000][skewed(rng, 5)];
    AccountRow {
        name: format!("{} {}", pick(rng, GIVEN_NAMES), pick(rng, FAMILY_NAMES)),
        currency,
        limit_minor: limit,
        spent_minor: 0,
        billed_minor: [0; PERIODS],
    }
}

/// The first cards go to one account each, so that nobody is without; the others fall where they fall.
fn card(rng: &mut Rng, number: u32, accounts: u32) -> CardRow {
    let account = if number <= accounts {
        number
    } else {
        rng.u32(1..=accounts)
    };
    let network = match rng.u8(..20) {
        0..10 => "visa",
        10..18 => "mastercard",
        _ => "amex",
    };
    let state = state_of_card(i64::from(number));
    let first_use = ANCHOR - i64::from(DAYS) * DAY_MS;
    CardRow {
        account,
        state,
        last4: format!("{:04}", rng.u16(..10_000)),
        network,
        image_key: format!("{network}/{}.webp", pick(rng, DESIGNS)),
        activated_at: (state != CardState::Inactive)
            .then(|| first_use - rng.i64(0..1_000 * DAY_MS)),
    }
}

/// In the order of time, so that a higher number is never older.
fn transactions(
    rng: &mut Rng,
    accounts: &mut [AccountRow],
    cards: &[CardRow],
    count: u32,
) -> Vec<TransactionRow> {
    let wallet = wallet(rng, cards);
    let mut rows = Vec::with_capacity(count as usize);
    for day in 0..DAYS {
        let share = |day: u32| u64::from(count) * u64::from(day) / u64::from(DAYS);
        let today = share(day + 1) - share(day);
        let mut times: Vec<_> = (0..today).map(|_| time_of_day(rng)).collect();
        times.sort_unstable();
        for time in times {
            let card = wallet[rng.usize(..wallet.len())];
            let account = cards[card as usize - 1].account;
            let at = ANCHOR - i64::from(DAYS - day) * DAY_MS + time;
            let period = (day / PERIOD_DAYS) as usize;
            rows.push(transaction(
                rng,
                &mut accounts[account as usize - 1],
                period,
                account,
                card,
                at,
            ));
        }
    }
    rows
}

/// The active cards, each as often as it is used: of six, one pays eight times as often as the least used.
fn wallet(rng: &mut Rng, cards: &[CardRow]) -> Vec<u32> {
    let numbered = (1..).zip(cards);
    let active = numbered.filter(|(_, card)| card.state == CardState::Active);
    active
        .flat_map(|(number, _)| {
            let uses = [1, 1, 2, 3, 5, 8][rng.usize(..6)];
            std::iter::repeat_n(number, uses)
        })
        .collect()
}

fn transaction(
    rng: &mut Rng,
    owner: &mut AccountRow,
    period: usize,
    account: u32,
    card: u32,
    at: i64,
) -> TransactionRow {
    let merchant = &MERCHANTS[skewed(rng, MERCHANTS.len())];
    let amount_minor = amount(rng, merchant.typical_minor);
    // One in a hundred fails for reasons of its own, such as a wrong PIN.
    let declined = owner.spent_minor + amount_minor > owner.limit_minor || rng.u8(..100) == 0;
    if !declined {
        owner.spent_minor += amount_minor;
        owner.billed_minor[period] += amount_minor;
    }
    TransactionRow {
        account,
        card,
        amount_minor,
        currency: owner.currency,
        merchant: merchant.name,
        status: if declined {
            TransactionStatus::Declined
        } else {
            TransactionStatus::Authorised
        },
        at,
    }
}

/// Around the typical amount, skewed to the right: the product of three even draws of 40 to 160 %.
/// Half of the prices end in 9, 49 or 99 as prices do.
fn amount(rng: &mut Rng, typical_minor: u32) -> i64 {
    let factor: u64 = (0..3).map(|_| rng.u64(40..=160)).product();
    let exact = (u64::from(typical_minor) * factor / 1_000_000).max(50);
    let priced = match rng.u8(..6) {
        0 => exact / 10 * 10 + 9,
        1 => exact / 100 * 100 + 49,
        2 => exact / 100 * 100 + 99,
        _ => exact,
    };
    priced.cast_signed()
}

/// Milliseconds since midnight: the mean of two even draws from 06:00 to 24:00, or, one time in
/// twenty, any time at all.
fn time_of_day(rng: &mut Rng) -> i64 {
    if rng.u8(..20) == 0 {
        return rng.i64(0..DAY_MS);
    }
    let day = DAY_MS / 4..DAY_MS;
    i64::midpoint(rng.i64(day.clone()), rng.i64(day))
}

/// One invoice for every period in which something was bought. The last is open, the one before it sometimes late.
fn invoices(rng: &mut Rng, accounts: &[AccountRow]) -> Vec<InvoiceRow> {
    let mut rows = Vec::with_capacity(accounts.len() * PERIODS);
    for (account, owner) in (1..).zip(accounts) {
        for (period, &amount_minor) in owner.billed_minor.iter().enumerate() {
            let late = rng.u8(..30) == 0;
            let status = match PERIODS - period {
                1 => InvoiceStatus::Open,
                2 if late => InvoiceStatus::Overdue,
                _ => InvoiceStatus::Paid,
            };
            if amount_minor > 0 {
                rows.push(InvoiceRow {
                    account,
                    amount_minor,
                    due_on: DUE_ON[period],
                    status,
                });
            }
        }
    }
    rows
}

fn pick(rng: &mut Rng, words: &[&'static str]) -> &'static str {
    words[rng.usize(..words.len())]
}

/// A place below `len`, the front more often than the back: the lesser of two even draws.
fn skewed(rng: &mut Rng, len: usize) -> usize {
    rng.usize(..len).min(rng.usize(..len))
}
