//! How values of arguments are read.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use cygnet::host::plan::DecayPlan;
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

/// How the rate falls, to a share of the first one.
pub(super) fn parse_schedule(text: &str) -> Result<DecayPlan, String> {
    let epochs = "number of epochs";
    Ok(match parts(text) {
        ("constant", None) => DecayPlan::Constant,
        ("step", value) => {
            let [every, factor] = value.map_or([None; 2], |value| match value.split_once(',') {
                Some((every, factor)) => [Some(every), Some(factor)],
                None => [Some(value), None],
            });
            DecayPlan::Step { every: number(every, 10, epochs)?, factor: number(factor, 0.1, "factor")? }
        }
        ("linear", None) => DecayPlan::Linear(0.0),
        ("cosine", None) => DecayPlan::Cosine(0.0),
        ("paper", None) => DecayPlan::Paper(0.2),
        ("cyclic", value) => DecayPlan::Cyclic { to: 0.2, epochs: number(value, 1.0, epochs)? },
        ("restarts", value) => DecayPlan::Restarts { to: 0.0, epochs: number(value, 10.0, epochs)? },
        ("one-cycle", None) => DecayPlan::OneCycle(0.0),
        _ => {
            let names = "constant, step[:EPOCHS[,FACTOR]], linear, cosine, paper, cyclic[:EPOCHS], restarts[:EPOCHS]";
            return Err(format!("`{text}` is not {names} or one-cycle"));
        }
    })
}
