//! The transcendental functions that decide bits, each by one hash over 2²² floats: half of them spread over all, half in a
//! row around the places where the function goes another way. Another release of `libm` or `micromath` that changes a bit
//! changes a hash (`.ci/newest_math`).

#![allow(missing_docs, clippy::approx_constant, reason = "places beside which a function goes another way")]

/// A function with the arguments around which its results are looked at one by one, those of the other sign as well, and its
/// hashes over 2¹⁶ and 2²² floats.
struct Function {
    name: &'static str,
    f: fn(f32) -> f32,
    places: &'static [f32],
    hashes: [u64; 2],
}

const FUNCTIONS: [Function; 8] = [
    Function {
        name: "expf",
        f: libm::expf,
        places: &[0.0, 1.220_703_1e-4, 0.346_573_6, 1.039_720_8, 87.336_55, 88.722_84, 103.278_93, 103.972_084],
        hashes: [0xe1bc_6bfd_fa5e_6ab2, 0x2621_20d1_7153_521b],
    },
    Function {
        name: "tanhf",
        f: libm::tanhf,
        places: &[0.0, f32::MIN_POSITIVE, 0.255_412_8, 0.549_306_2, 10.0],
        hashes: [0x5a77_eaf4_6464_51df, 0xca4e_a5ee_5f0c_8720],
    },
    Function {
        name: "logf",
        f: libm::logf,
        places: &[0.0, f32::MIN_POSITIVE, 0.707_106_8, 1.0, 1.414_213_5, f32::MAX],
        hashes: [0x8fc8_e833_e8c1_6e7b, 0x6199_3c62_4802_43bd],
    },
    Function {
        name: "log1pf",
        f: libm::log1pf,
        places: &[0.0, 5.960_464_5e-8, 0.292_893_2, 0.414_213_6, 1.0, 1.8e16],
        hashes: [0x8257_6cdc_ba5e_7170, 0xab8b_6d8a_1c10_7608],
    },
    Function {
        name: "expm1f",
        f: libm::expm1f,
        places: &[0.0, 2.980_232_2e-8, 0.346_573_6, 1.039_720_8, 18.714_973, 88.722_84],
        hashes: [0x09dd_2aea_9de4_f8d3, 0xfa69_120e_e0c3_18d5],
    },
    Function {
        name: "cosf",
        f: libm::cosf,
        places: &[0.0, 2.441_406_3e-4, 0.785_398_2, 2.356_194_5, 3.926_990_8, 5.497_787, 7.068_583_5, 4.216_574_3e8],
        hashes: [0x89da_bbce_822a_4b59, 0xef61_0a8a_38aa_1913],
    },
    Function {
        name: "sinf",
        f: libm::sinf,
        places: &[0.0, 2.441_406_3e-4, 0.785_398_2, 2.356_194_5, 3.926_990_8, 5.497_787, 7.068_583_5, 4.216_574_3e8],
        hashes: [0x72eb_f4a9_fe81_f1c8, 0x9493_3ff6_c343_e04c],
    },
    Function {
        name: "sqrtf",
        f: libm::sqrtf,
        places: &[0.0, f32::MIN_POSITIVE, 1.0, 2.0, 4.0, f32::MAX],
        hashes: [0xf6b5_baee_9086_356e, 0x2fe6_84a5_729a_c257],
    },
];

/// Over `2^bits` floats. All NaN count as one: their payload is outside the contract.
fn hash(function: &Function, bits: u32) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut look = |x: f32| {
        let y = (function.f)(x);
        let y = if y.is_nan() { f32::NAN } else { y };
        hash = (hash ^ u64::from(y.to_bits())).wrapping_mul(0x0100_0000_01b3).rotate_left(23);
    };
    // One in each of as many intervals, at a place that changes from one to the next.
    let spread = 1_u32 << (bits - 1);
    let interval = u32::MAX / spread + 1;
    for i in 0..spread {
        look(f32::from_bits(i * interval + i.wrapping_mul(0x9e37_79b9) % interval));
    }
    let each = spread / (2 * function.places.len() as u32);
    for place in function.places {
        let middle = place.to_bits();
        for bits in middle.saturating_sub(each / 2)..middle + each / 2 {
            look(f32::from_bits(bits));
            look(-f32::from_bits(bits));
        }
    }
    hash
}

fn compare(functions: &[Function], bits: u32, column: usize) {
    let mut differing = Vec::new();
    for function in functions {
        let found = hash(function, bits);
        println!("{}: {found:#018x}", function.name);
        if found != function.hashes[column] {
            differing.push(function.name);
        }
    }
    assert!(differing.is_empty(), "other bits over 2^{bits} floats: {differing:?}");
}

#[test]
fn every_function_has_its_bits() {
    compare(&FUNCTIONS, 16, 0);
}

/// Six seconds without optimisation, more in an emulator.
#[test]
#[ignore = "millions of floats: in release builds"]
fn every_function_has_its_bits_over_millions_of_floats() {
    compare(&FUNCTIONS, 22, 1);
}

#[cfg(feature = "micromath")]
#[test]
fn micromath_has_its_bits() {
    let exp = Function {
        name: "micromath's exp",
        f: |x| micromath::F32Ext::exp(x.clamp(-87.0, 87.0)),
        places: &[0.0, 0.346_573_6, 1.0, 87.0],
        hashes: [0, 0x4952_5900_6126_cf89],
    };
    compare(&[exp], 22, 1);
}
