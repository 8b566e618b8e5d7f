//! Text and numbers as HTML has them.

use crate::host::prelude::*;
use crate::host::report::svg::escape;

/// A count with its thousands apart.
pub(super) fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
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
