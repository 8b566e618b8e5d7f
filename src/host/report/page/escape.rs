//! Text and numbers as HTML has them.

use crate::host::evaluation::Interval;
use crate::host::prelude::*;
use crate::host::report::svg::escape;
use crate::host::report::table::percent;

/// A count with its thousands apart.
pub(super) fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join(",")
}

/// A share in percent with its 95 % interval.
pub(super) fn share(hits: u64, of: u64) -> String {
    let interval = Interval::of_share(hits, of);
    let [low, high] = [interval.low, interval.high].map(|bound| 100.0 * bound);
    if of == 0 { percent(f64::NAN) } else { format!("{} ({low:.1}–{high:.1})", percent(interval.estimate)) }
}

/// A sentence as HTML: what stands between two backticks is code.
pub(super) fn prose(text: &str) -> String {
    let escaped = escape(text);
    let (mut html, mut rest) = (String::with_capacity(escaped.len()), &*escaped);
    while let Some((before, quoted)) = rest.split_once('`')
        && let Some((code, after)) = quoted.split_once('`')
    {
        html += &format!("{before}<code>{code}</code>");
        rest = after;
    }
    html + rest
}
