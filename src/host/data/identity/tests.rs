use super::*;
use crate::host::data::dataset::Dataset;

/// As an independent program computes them from the files.
#[test]
fn digests_are_those_of_another_implementation() {
    let sample = Dataset::sample().unwrap().identity.unwrap();
    let shape = [sample.samples, sample.rows, sample.columns];
    assert_eq!((sample.kind, shape, sample.digest), (DataKind::Sample, [10_000, 28, 28], 0x3cc5_19cd_91db_ea1e));
    // A gap counts the same, whatever its payload.
    for gap in [f32::NAN, -f32::NAN, f32::from_bits(0x7f80_0001)] {
        let inputs = [1.5, -2.0, gap, 0.0, 3.0, 0.25];
        let of = |answers| DataIdentity::of_rows(&inputs, "", [3, 2], &answers, Path::new("a/t.csv")).unwrap();
        let (classes, values) = (vec![0, 1, 0], vec![1.0, 2.0, 0.5]);
        assert_eq!(of(Answers::Classes(classes)).digest, 0x4c36_cb83_45ec_7da4);
        let of_values = of(Answers::Values { width: 1, values });
        assert_eq!((of_values.digest, of_values.name.as_str()), (0xe541_4a75_2ceb_c29f, "t.csv"));
    }
}

#[test]
fn a_name_is_the_last_part_of_a_path_in_one_short_line() {
    for (path, expected) in [("a/b", "b"), ("a/b/", "b"), ("/x", "x"), ("a\\b\n", "a_b_"), ("/", "data")] {
        assert_eq!(name(Path::new(path)).replace('\\', "_"), expected, "{path}");
    }
    let here = std::env::current_dir().unwrap().file_name().unwrap().to_string_lossy().into_owned();
    assert_eq!(name(Path::new(".")), here);
    let long = name(Path::new(&"é".repeat(200)));
    assert_eq!((long.len(), long.is_empty()), (254, false));
}
