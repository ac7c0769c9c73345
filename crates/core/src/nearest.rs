//! "Did you mean": the words nearest to one that nobody knows.

/// Edits between two words: a letter more, less or another, or two neighbours
/// swapped (optimal string alignment).
pub(crate) fn distance(one: &str, two: &str) -> usize {
    let (one, two): (Vec<char>, Vec<char>) = (one.chars().collect(), two.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=two.len()).collect();
    for at in 0..one.len() {
        let mut row = vec![at + 1];
        for to in 0..two.len() {
            let change = above[to] + usize::from(one[at] != two[to]);
            let mut least = change.min(above[to + 1] + 1).min(row[to] + 1);
            if at > 0 && to > 0 && one[at] == two[to - 1] && one[at - 1] == two[to] {
                least = least.min(before[to - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or(0)
}

/// Up to three of `words` that are nearest to `word`, at most `edits` away.
///
/// ```
/// use plimsoll_core::nearest::nearest;
///
/// let known = ["CARD-1001", "CARD-2001", "PLM-1001"];
/// assert_eq!(nearest("CADR-1001", known, 2), ["CARD-1001"]);
/// assert!(nearest("SHOP-9999", known, 2).is_empty());
/// ```
pub fn nearest<'a>(
    word: &str,
    words: impl IntoIterator<Item = &'a str>,
    edits: usize,
) -> Vec<&'a str> {
    let far = |known: &'a str| (distance(known, word), known);
    let mut near: Vec<_> = words.into_iter().map(far).collect();
    near.retain(|(far, _)| *far <= edits);
    let least = near.iter().map(|(far, _)| *far).min();
    near.retain(|(far, _)| Some(*far) == least);
    near.into_iter().map(|(_, known)| known).take(3).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_or_two_neighbours_are_one_edit() {
        for (two, edits) in [
            ("CARD", 0),
            ("CRAD", 1),
            ("CARDS", 1),
            ("ARD", 1),
            ("CURD", 1),
            ("DRAC", 3),
            ("", 4),
        ] {
            assert_eq!(distance("CARD", two), edits, "{two}");
            assert_eq!(distance(two, "CARD"), edits, "{two}");
        }
    }
}
