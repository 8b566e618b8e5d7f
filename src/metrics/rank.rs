//! Where the right class stands among the outputs.

use crate::error::{Error, Value};
use crate::finite::check_finite;
use crate::kernels::numbered;

/// How many classes stand before `class`: those with a larger output, and lower ones with an equal output. 0 is
/// [`argmax`](crate::argmax); a sample is a hit of top-k where its class has a rank below k.
///
/// Shape: a row of outputs, or probabilities.
///
/// # Errors
/// [`Error::Label`] for a class without an output, [`Error::NonFinite`] for an output.
#[doc(alias = "top-k")]
pub fn rank(outputs: &[f32], class: u16) -> Result<usize, Error> {
    check_finite(outputs, Value::Output)?;
    let Some(&own) = outputs.get(usize::from(class)) else {
        return Err(Error::Label { sample: 0, label: class, classes: outputs.len() as u16 });
    };
    let stands_before = |&(j, &a): &(usize, &f32)| a > own || a == own && j < usize::from(class);
    Ok(numbered(0, outputs).filter(stands_before).fold(0, |n: usize, _| n.wrapping_add(1)))
}
