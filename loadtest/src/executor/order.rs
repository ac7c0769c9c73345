//! Which transactions a visit goes through, and in which order.

use std::collections::BTreeMap;

use goose::goose::Transaction;

/// One of the places, by weight; `None` when all weigh nothing.
pub(super) fn draw(
    weights: impl Iterator<Item = usize> + Clone,
    rng: &mut fastrand::Rng,
) -> Option<usize> {
    let total: usize = weights.clone().sum();
    if total == 0 {
        return None;
    }
    let mut left = rng.usize(..total);
    weights
        .enumerate()
        .find_map(|(index, weight)| match left.checked_sub(weight) {
            Some(rest) => {
                left = rest;
                None
            }
            None => Some(index),
        })
}

/// Indexes into `transactions` for one visit.
pub(super) fn pass(transactions: &[Transaction], rng: &mut fastrand::Rng) -> Vec<usize> {
    let mut chosen = Vec::new();
    for phase in [Phase::Start, Phase::Middle, Phase::Stop] {
        let mut places: BTreeMap<Place, Vec<usize>> = BTreeMap::new();
        for (index, transaction) in transactions.iter().enumerate() {
            for place in places_of(transaction, index).filter(|(of, _)| *of == phase) {
                places.entry(place.1).or_default().push(index);
            }
        }
        for candidates in places.values() {
            let weights = candidates.iter().map(|index| transactions[*index].weight);
            chosen.extend(draw(weights, rng).map(|drawn| candidates[drawn]));
        }
    }
    chosen
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Start,
    Middle,
    Stop,
}

/// Sequence number, those without last; then what tells apart what isn't drawn.
type Place = (usize, usize);

fn places_of(transaction: &Transaction, index: usize) -> impl Iterator<Item = (Phase, Place)> {
    let Transaction {
        sequence,
        on_start,
        on_stop,
        ..
    } = *transaction;
    let order = if sequence == 0 { usize::MAX } else { sequence };
    // Those that begin and end a visit all run; only in between one is drawn.
    let start = on_start.then_some((Phase::Start, (order, index)));
    let stop = on_stop.then_some((Phase::Stop, (order, index)));
    let middle = (!on_start && !on_stop).then_some((Phase::Middle, (order, 0)));
    start.into_iter().chain(middle).chain(stop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use goose::goose::{GooseUser, TransactionResult};
    use goose::transaction;

    #[expect(clippy::unused_async, reason = "goose's transactions are async")]
    async fn nothing(_: &mut GooseUser) -> TransactionResult {
        Ok(())
    }

    fn weighing(weight: usize) -> Transaction {
        transaction!(nothing).set_weight(weight).expect("a weight")
    }

    #[test]
    fn sequences_come_in_order_and_one_of_the_others_is_drawn() {
        let transactions = [
            weighing(1),
            weighing(1).set_sequence(2),
            weighing(1).set_sequence(1),
            weighing(1).set_on_stop(),
            weighing(1).set_on_start(),
            weighing(1).set_on_start(),
        ];
        let passed = pass(&transactions, &mut fastrand::Rng::with_seed(1));
        assert_eq!(passed, [4, 5, 2, 1, 0, 3]);
    }

    #[test]
    fn weights_are_shares() {
        let transactions = [weighing(1), weighing(3)];
        let mut rng = fastrand::Rng::with_seed(1);
        let second = (0..4_000)
            .filter(|_| pass(&transactions, &mut rng) == [1])
            .count();
        assert!((2_850..3_150).contains(&second), "{second}");
    }

    #[test]
    fn nothing_is_drawn_where_nothing_weighs() {
        assert_eq!(
            draw([0, 0].into_iter(), &mut fastrand::Rng::with_seed(1)),
            None
        );
        assert_eq!(
            draw([0, 2, 0].into_iter(), &mut fastrand::Rng::with_seed(1)),
            Some(1)
        );
    }
}
