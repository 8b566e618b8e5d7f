//! How values of arguments are read.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::str::FromStr;

/// Takes one of these names for the value beside it.
pub(super) fn one_of<T, const N: usize>(rows: [(&'static str, T); N]) -> impl TypedValueParser<Value = T>
where
    T: Copy + Send + Sync + 'static,
{
    let names = PossibleValuesParser::new(rows.map(|(name, _)| name));
    names.try_map(move |given| rows.iter().find(|(name, _)| *name == given).map(|(_, value)| *value).ok_or("unknown"))
}

/// A name, and what stands behind its colon.
pub(super) fn parts(text: &str) -> (&str, Option<&str>) {
    text.split_once(':').map_or((text, None), |(name, value)| (name, Some(value)))
}

/// A number that stands behind a name, or the usual one.
pub(super) fn number<T: FromStr>(value: Option<&str>, usual: T, what: &str) -> Result<T, String> {
    value.map_or(Ok(usual), |value| value.parse().map_err(|_| format!("`{value}` is not a valid {what}")))
}
