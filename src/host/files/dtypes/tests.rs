use super::*;

/// By the formula of the standard, in double precision, for each of the 65,536 patterns.
#[test]
fn every_half_becomes_what_it_stands_for() {
    let value = |bits: u16, exponent_bits: i32| {
        let fraction_bits = 15 - exponent_bits;
        let exponent = i32::from(bits & 0x7fff) >> fraction_bits;
        let fraction = f64::from(i32::from(bits) & ((1 << fraction_bits) - 1)) / f64::from(1 << fraction_bits);
        let bias = (1 << (exponent_bits - 1)) - 1;
        let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
        match exponent {
            0 => sign * fraction * 2.0_f64.powi(1 - bias),
            e if e == 2 * bias + 1 => sign * if fraction == 0.0 { f64::INFINITY } else { f64::NAN },
            e => sign * (1.0 + fraction) * 2.0_f64.powi(e - bias),
        }
    };
    for bits in 0..=u16::MAX {
        for (ours, wanted) in [(from_f16(bits), value(bits, 5)), (from_bf16(bits), value(bits, 8))] {
            assert!(ours.is_nan() && wanted.is_nan() || f64::from(ours).to_bits() == wanted.to_bits(), "{bits:x}");
        }
    }
}

#[test]
fn doubles_are_rounded_to_the_nearest_and_too_large_ones_refused() {
    let convert = |x: f64| {
        let bytes = x.to_le_bytes();
        to_f32("w", &TensorView::new(Dtype::F64, [1].into(), &bytes).unwrap()).map(|floats| floats[0])
    };
    let ulp = f64::from(f32::EPSILON);
    // Halfway goes to the even one, anything beyond it to the nearer one.
    for (x, wanted) in [
        (1.0 + ulp / 2.0, 1.0),
        (1.0 + ulp * 1.5, 1.0 + 2.0 * f32::EPSILON),
        (1.0 + ulp * 0.500_001, 1.0 + f32::EPSILON),
        (-0.1, -0.1_f32),
        (1e-60, 0.0),
        (f64::from(f32::MAX) * (1.0 + ulp / 8.0), f32::MAX),
    ] {
        assert_eq!(convert(x).unwrap().to_bits(), wanted.to_bits(), "{x}");
    }
    assert_eq!(convert(-1e39).unwrap_err(), "`w` contains -1e39, which is too large for F32");
    for x in [f64::INFINITY, f64::NAN] {
        assert_eq!(convert(x).unwrap_err(), "`w` contains a number that is not finite");
    }
}
