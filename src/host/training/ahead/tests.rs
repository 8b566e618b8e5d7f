use super::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// Visits squares until `stop`; what was visited.
fn squares(total: usize, threads: usize, buffers: &mut Vec<usize>, stop: usize) -> (Vec<usize>, bool) {
    let mut seen = vec![];
    let make = |_: &mut (), i: usize, to: &mut usize| {
        // Some take long.
        if i % 7 == 3 {
            thread::sleep(Duration::from_micros(200));
        }
        *to = i * i;
    };
    let visited = ahead(total, buffers, &mut vec![(); threads], make, |i, &square| {
        assert_eq!(square, i * i);
        seen.push(i);
        Ok(i != stop)
    });
    (seen, visited.unwrap())
}

#[test]
fn every_item_comes_in_order_whatever_the_threads_and_buffers() {
    for threads in 1..=8 {
        for count in [1, 2, 3, 9] {
            let mut buffers = vec![0; count];
            for total in [0, 1, 2, 50] {
                let expected = ((0..total).collect(), true);
                assert_eq!(squares(total, threads, &mut buffers, usize::MAX), expected);
                assert_eq!(buffers.len(), count);
            }
            assert_eq!(squares(50, threads, &mut buffers, 5), ((0..=5).collect(), false));
            assert_eq!(buffers.len(), count);
        }
    }
}

#[test]
fn an_error_ends_it_and_keeps_the_buffers() {
    let mut buffers = vec![0; 4];
    let fail = |i, _: &usize| if i == 2 { Err(HostError::Memory { megabytes: 1 }) } else { Ok(true) };
    let failed = ahead(100, &mut buffers, &mut [(); 3], |_, i, to| *to = i, fail);
    assert!(matches!(failed, Err(HostError::Memory { .. })));
    assert_eq!(buffers.len(), 4);
}

#[test]
fn a_panic_on_either_side_comes_through_and_nobody_hangs() {
    for threads in 1..=4 {
        let visit = |i, _: &usize| {
            assert!(i != 20, "visitor");
            Ok(true)
        };
        let run = || ahead(100, &mut vec![0; 3], &mut vec![(); threads], |_, i, to| *to = i, visit);
        assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
        let make = |_: &mut (), i: usize, _: &mut usize| assert!(i != 20, "maker");
        let run = || ahead(100, &mut vec![0; 3], &mut vec![(); threads], make, |_, _| Ok(true));
        assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
    }
}

#[test]
fn threads_make_items_while_others_are_used() {
    let here = thread::current().id();
    let elsewhere = AtomicUsize::new(0);
    let make = |_: &mut (), _: usize, _: &mut ()| {
        if thread::current().id() != here {
            elsewhere.fetch_add(1, Relaxed);
        }
    };
    let visit = |_, _: &()| {
        thread::sleep(Duration::from_millis(1));
        Ok(true)
    };
    ahead(40, &mut vec![(); 4], &mut [(); 2], make, visit).unwrap();
    assert!(elsewhere.into_inner() > 0);
}
