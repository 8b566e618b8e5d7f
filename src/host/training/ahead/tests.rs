use super::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// So many helpers.
fn helpers(count: usize) -> Vec<Helper<(), usize>> {
    vec![((), [0; 2]); count]
}

/// Visits squares until `stop`; what was visited.
fn squares(total: usize, helpers: &mut [Helper<(), usize>], stop: usize) -> (Vec<usize>, bool) {
    let mut seen = vec![];
    let make = |(): &mut (), i: usize, to: &mut usize| {
        // Some take long.
        if i % 7 == 3 {
            thread::sleep(Duration::from_micros(200));
        }
        *to = i * i;
    };
    let visited = ahead(total, (&mut (), &mut 0), helpers, make, |i, &square| {
        assert_eq!(square, i * i);
        seen.push(i);
        Ok(i != stop)
    });
    (seen, visited.unwrap())
}

#[test]
fn every_item_comes_in_order_whatever_the_helpers() {
    for count in 0..=8 {
        let mut helpers = helpers(count);
        for total in [0, 1, 2, 50] {
            assert_eq!(squares(total, &mut helpers, usize::MAX), ((0..total).collect(), true));
        }
        assert_eq!(squares(50, &mut helpers, 5), ((0..=5).collect(), false));
    }
}

#[test]
fn an_error_ends_it() {
    let fail = |i, _: &usize| if i == 2 { Err(HostError::Memory { megabytes: 1 }) } else { Ok(true) };
    let failed = ahead(100, (&mut (), &mut 0), &mut helpers(3), |(), i, to| *to = i, fail);
    assert!(matches!(failed, Err(HostError::Memory { .. })));
}

#[test]
fn a_panic_on_either_side_comes_through_and_nobody_hangs() {
    for count in 0..=3 {
        let visit = |i, _: &usize| {
            assert!(i != 20, "visitor");
            Ok(true)
        };
        let run = || ahead(100, (&mut (), &mut 0), &mut helpers(count), |(), i, to| *to = i, visit);
        assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
        let make = |(): &mut (), i: usize, _: &mut usize| assert!(i != 20, "maker");
        let run = || ahead(100, (&mut (), &mut 0), &mut helpers(count), make, |_, _| Ok(true));
        assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
    }
}

#[test]
fn helpers_make_all_items() {
    let here = thread::current().id();
    let elsewhere = AtomicUsize::new(0);
    let make = |(): &mut (), _: usize, _: &mut usize| {
        if thread::current().id() != here {
            elsewhere.fetch_add(1, Relaxed);
        }
    };
    ahead(40, (&mut (), &mut 0), &mut helpers(2), make, |_, _| Ok(true)).unwrap();
    assert_eq!(elsewhere.into_inner(), 40);
}
