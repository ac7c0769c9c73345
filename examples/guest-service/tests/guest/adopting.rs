//! How much of the service changes.

/// Lines to take out of one text and to put in, to make it the other: all that is
/// not in their longest common subsequence.
fn changed(one: &str, other: &str) -> usize {
    let (one, other): (Vec<_>, Vec<_>) = (one.lines().collect(), other.lines().collect());
    // `common[j]`: of the lines of `one` so far and the first `j` of `other`.
    let mut common = vec![0; other.len() + 1];
    for line in &one {
        let mut corner = 0;
        for (at, beside) in other.iter().enumerate() {
            let above = common[at + 1];
            common[at + 1] = if line == beside {
                corner + 1
            } else {
                above.max(common[at])
            };
            corner = above;
        }
    }
    one.len() + other.len() - 2 * common[other.len()]
}

#[test]
fn adopting_takes_at_most_ten_lines_taken_out_and_put_in() {
    let before = include_str!("../../src/before.rs");
    let after = include_str!("../../src/after.rs");
    let changed = changed(before, after);
    assert!((1..=10).contains(&changed), "{changed} lines");
}

#[test]
fn a_replaced_line_counts_twice_and_a_moved_one_too() {
    assert_eq!(changed("a\nb\nc", "a\nb\nc"), 0);
    assert_eq!(changed("a\nb\nc", "a\nx\nc\nd"), 3);
    assert_eq!(changed("a\nb\nc", "b\nc\na"), 2);
}
