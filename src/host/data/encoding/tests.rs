use super::*;

fn words(counts: &[(&str, usize)], most: usize) -> Encoding {
    let counts: Vec<(String, usize)> = counts.iter().map(|(word, count)| ((*word).to_owned(), *count)).collect();
    Encoding::of_words(&counts, most)
}

/// The inputs of a cell, −1 for NaN.
fn inputs(encoding: &Encoding, x: f32) -> Vec<f32> {
    let mut inputs = Vec::new();
    encoding.encode(x, &mut inputs);
    assert_eq!(inputs.len(), encoding.width());
    assert_eq!((encoding.names("c").len(), encoding.are_binary().count()), (inputs.len(), inputs.len()));
    inputs.into_iter().map(|x| if x.is_nan() { -1.0 } else { x }).collect()
}

#[test]
fn the_most_frequent_words_have_an_input_and_rare_ones_share_one() {
    for (counts, most, levels, other) in [
        (&[("b", 5), ("a", 4)][..], 9, "a b", false),
        (&[("b", 5), ("a", 4), ("c", 2)], 9, "a b", true),
        (&[("b", 5), ("a", 4), ("c", 3)], 2, "a b", true),
        // A word that only other rows have is none of these.
        (&[("b", 5), ("a", 4), ("c", 0)], 9, "a b", false),
        (&[("10", 5), ("9", 4), ("x", 4)], 9, "9 10 x", false),
        (&[("b", 1), ("a", 1)], 9, "a", true),
        (&[("b", 5)], 9, "b", false),
    ] {
        let found = words(counts, most);
        assert_eq!((found.levels.join(" "), found.other), (levels.to_owned(), other), "{counts:?}");
    }
}

#[test]
fn words_become_0_and_1_and_what_is_not_known_nan() {
    let three = words(&[("a", 5), ("b", 4), ("c", 4)], 9);
    assert_eq!(inputs(&three, three.place("b")), [0.0, 1.0, 0.0]);
    assert_eq!(inputs(&three, three.place("q")), [-1.0; 3]);
    assert_eq!(three.names("x"), ["x is a", "x is b", "x is c"]);
    // Of two words one input says which.
    let two = Encoding { missing: true, ..words(&[("yes", 5), ("no", 4)], 9) };
    let cells = [two.place("no"), two.place("yes"), two.place("perhaps"), f32::NAN];
    assert_eq!(cells.map(|x| inputs(&two, x)), [[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [-1.0, 1.0]]);
    assert_eq!(two.names("x"), ["x is yes", "x is missing"]);
    // Where rare words share an input, so do those that training did not have.
    let other = words(&[("a", 5), ("b", 4), ("c", 1)], 9);
    assert_eq!(inputs(&other, other.place("q")), [0.0, 0.0, 1.0]);
    assert_eq!(other.names("x"), ["x is a", "x is b", "x is another"]);
    let number = Encoding { missing: true, ..Encoding::default() };
    assert_eq!((inputs(&number, 2.5), inputs(&number, f32::NAN)), (vec![2.5, 0.0], vec![-1.0, 1.0]));
}
