//! The rank of the right class among the outputs, for top-k.

use crate::error::{Error, Value};
use crate::finite::check_finite;
use crate::slices::numbered;
use crate::targets::class_of;

/// How many classes stand before `class`: those with a larger output, and lower ones with an equal output. 0 is
/// [`class_of`](crate::metrics::class_of) the outputs; a sample is a hit of top-k where its class has a rank below k.
///
/// Shape: a row of outputs, or of as many probabilities; a single number is the logit of class 1 against class 0.
///
/// # Errors
/// [`Error::Label`] for a class without an output, [`Error::NonFinite`] for an output.
#[doc(alias = "top-k")]
pub fn rank(outputs: &[f32], class: u16) -> Result<u16, Error> {
    check_finite(outputs, Value::Output)?;
    if outputs.len() == 1 && class < 2 {
        return Ok(u16::from(class_of(outputs) != class));
    }
    let Some(&own) = outputs.get(usize::from(class)) else {
        let classes = if outputs.len() == 1 { 2 } else { outputs.len() as u16 };
        return Err(Error::Label { sample: 0, label: class, classes });
    };
    let stands_before = |&(j, &a): &(usize, &f32)| a > own || a == own && j < usize::from(class);
    Ok(numbered(0, outputs).filter(stands_before).fold(0, |n: u16, _| n.saturating_add(1)))
}
