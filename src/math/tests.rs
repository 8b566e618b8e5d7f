use super::*;

#[test]
fn one_minus_power_keeps_all_digits_where_the_naive_form_loses_them() {
    let epsilon = 1.0 - 0.999_f32;
    for n in [1_u64, 2, 3, 10, 1000, 100_000] {
        let exact = -f64::exp_m1(n as f64 * f64::ln_1p(-f64::from(epsilon)));
        let ours = f64::from(one_minus_power(epsilon, n));
        assert!((ours - exact).abs() <= 4e-7 * exact, "{n}: {ours} {exact}");
    }
    assert_eq!(one_minus_power(epsilon, 0), 0.0);
}

#[cfg(feature = "micromath")]
#[test]
fn micromath_is_as_good_as_it_says_and_never_leaves_the_numbers() {
    let (ours, other) = (Math::Libm, Math::Micromath);
    for i in -4000..=4000 {
        let x = i as f32 * 0.025;
        if x.abs() < 87.0 {
            assert!((other.exp(x) / ours.exp(x) - 1.0).abs() < 5e-3, "exp {x}");
        }
        assert!(other.exp(x).is_finite() && other.tanh(x).abs() <= 1.0 && (0.0..=1.0).contains(&other.sigmoid(x)));
        assert!((other.tanh(x) - ours.tanh(x)).abs() < 5e-3, "tanh {x}");
    }
    assert!(other.exp(f32::MAX).is_finite() && other.exp(f32::NEG_INFINITY) >= 0.0);
}

#[test]
fn power_agrees_with_f64() {
    for n in 0..40 {
        let exact = f64::from(0.9_f32).powi(n as i32);
        assert!((f64::from(power(0.9, n)) - exact).abs() <= 1e-6 * exact);
    }
}

#[test]
fn small_weights_still_count_after_many() {
    let mut total = Total::of(1 << 30);
    (0..1000).for_each(|_| total = total.add(0.125));
    assert_eq!(total.value(), (1 << 30) as f32 + 125.0);
    assert_eq!(Total::of((1 << 24) + 1).low, 1.0);
    assert_eq!(Total::of(u64::MAX).value(), u64::MAX as f32);
    assert_eq!(Total::of(3).join(Total::of(4)).value(), 7.0);
}
