use super::*;
use crate::Averager;
use crate::average::Rule;
use crate::host::plan::EXPONENTS;

/// Both exponents at 8 equally spaced moments of a run of so many models.
fn stored(models: u64) -> Vec<Moment> {
    let of = |exponent| (1..=8).map(move |k| Moment { exponent, models: k * models / 8 });
    EXPONENTS.into_iter().flat_map(of).collect()
}

#[test]
fn shares_are_those_of_the_average() {
    for (exponent, models) in [(0.0, 5), (0.72, 9), (6.94, 30)] {
        let expected = shares(exponent, models);
        assert!((expected.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        // Model s is a unit vector: the average is its shares.
        let mut mean = vec![0.0; models as usize];
        let mut average = Averager::with_rule(Rule::polynomial(exponent as f32), &mut mean).unwrap();
        for s in 0..models as usize {
            let mut unit = vec![0.0; models as usize];
            unit[s] = 1.0;
            average.update(&unit).unwrap();
        }
        let mean = average.mean().unwrap();
        assert!(zip(mean.iter(), &expected).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-6), "{exponent}");
    }
}

#[test]
fn two_exponents_at_eight_moments_make_all_widths_between_them_and_some_beyond() {
    for (exponent, wanted) in [(6.94, 0.10), (0.72, 0.25), (0.0, 12_f64.sqrt().recip())] {
        assert!((width(exponent) - wanted).abs() < 5e-4);
    }
    for models in [800, 10_000] {
        let moments = stored(models);
        for i in 0..=14 {
            let wanted = 0.075 + 0.0125 * f64::from(i);
            let synthesis = Synthesis::new(&moments, wanted).unwrap();
            assert!(synthesis.residual < 0.03, "{models} {wanted}: {}", synthesis.residual);
            assert!((synthesis.coefficients.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            assert!((width(exponent(wanted)) - wanted).abs() < 1e-12);
        }
        for refused in [0.01, 0.03, 0.0, -0.1, 0.3, f64::NAN] {
            assert!(Synthesis::new(&moments, refused).is_err(), "{refused}");
        }
        assert!(Synthesis::all(&moments).len() >= 8);
    }
}

#[test]
fn a_stored_width_is_itself_and_twins_are_refused() {
    let moments = stored(400);
    let synthesis = Synthesis::new(&moments, width(f64::from(EXPONENTS[0]))).unwrap();
    assert!(synthesis.residual < 1e-6);
    // The one of the whole run alone.
    assert!(zip(&synthesis.coefficients, 0..).all(|(c, i)| (c - f64::from(u8::from(i == 7))).abs() < 1e-4));
    assert!(Synthesis::new(&[moments[7]; 2], 0.1).is_err() && Synthesis::new(&moments[7..8], 0.1).is_err());
}

#[test]
fn names_of_files_say_which_average_it_is() {
    for moment in stored(800) {
        assert_eq!(Moment::of_file(&format!("a/b/{}.cygnet", moment.stem())).unwrap(), moment);
    }
    for name in ["average.cygnet", "polynomial-7.cygnet", "polynomial--1-of-3.cygnet", "polynomial-7-of-0.cygnet", ""] {
        assert!(Moment::of_file(name).is_err(), "{name}");
    }
}
