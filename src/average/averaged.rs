//! The average in the place of the model, to predict with and never to train.

use crate::average::averager::{Averager, Exchange};
use crate::average::norm_update::NormUpdate;
use crate::error::{Buffer, Error};
use crate::kernels;
use crate::model::params::Bound;
use crate::model::{Mark, Model};
use core::ops::Deref;

/// A model that holds the parameters of the average until this guard is dropped: predict, evaluate and save it as any
/// [`Model`]. After the drop, model and average are as before, bit for bit, except for norms of the average that were
/// [updated](Self::norm_update).
///
/// The guard borrows model and average, so that neither can be trained, updated or merged by mistake:
///
/// ```compile_fail
/// # use cygnet::{Activation, Averager, Model, Spec};
/// # const NET: Spec = Spec::new(1).dense(2, Activation::Identity);
/// # let (mut params, mut mean) = ([0.0; 4], [0.0; 4]);
/// # let (mut model, mut swa) = (Model::new(&NET, &mut params).unwrap(), Averager::new(&mut mean));
/// # swa.update(&model).unwrap();
/// let average = swa.in_place_of(&mut model).unwrap();
/// model.params_mut().fill(0.0); // error: `model` is borrowed
/// println!("{:?}", average.params());
/// ```
///
/// A statement that drops the guard at once exchanges the parameters twice, so that the next line would predict with the
/// live weights:
///
/// ```compile_fail
/// #![deny(unused_must_use)]
/// # use cygnet::{Activation, Averager, Error, Model, Spec};
/// # const NET: Spec = Spec::new(1).dense(2, Activation::Identity);
/// # fn main() -> Result<(), Error> {
/// # let (mut params, mut mean) = ([0.0; 4], [0.0; 4]);
/// # let (mut model, mut swa) = (Model::new(&NET, &mut params)?, Averager::new(&mut mean));
/// # swa.update(&model)?;
/// swa.in_place_of(&mut model)?; // error: unused `Averaged` that must be used
/// # Ok(())
/// # }
/// ```
///
/// If the guard is leaked (`core::mem::forget`), the exchange stays: every use of the average then returns
/// [`Error::Swapped`] until [`restore`](Averager::restore).
#[derive(Debug)]
#[must_use = "the average is in the model's place only while this guard exists: bind it, predict with it, drop it"]
pub struct Averaged<'s, 'm, 'a> {
    averager: &'s mut Averager<'m>,
    model: &'s mut Model<'a>,
    /// On the model's live weights.
    bound: Bound,
}

impl<'m> Averager<'m> {
    /// Exchanges the average and the model's parameters element by element, in no memory besides theirs, for as long as
    /// the result lives.
    ///
    /// # Errors
    /// [`Error::NoAverage`] before the first update, [`Error::Length`], [`Error::Swapped`] for either that is exchanged.
    pub fn in_place_of<'s, 'a>(&'s mut self, model: &'s mut Model<'a>) -> Result<Averaged<'s, 'm, 'a>, Error> {
        let len = self.mean()?.len();
        Error::expect_len(Buffer::Params, len, model.params.len())?;
        if model.mark == Mark::Exchanged {
            return Err(Error::Swapped);
        }
        kernels::swap(self.mean, model.params);
        let (bound, mark) = (model.bound, model.mark);
        model.becomes(Mark::Exchanged);
        self.exchange = Some(Exchange { with: identity(model), mark });
        Ok(Averaged { averager: self, model, bound })
    }

    /// Exchanges the parameters back after a leaked [`Averaged`]: the model has its live weights again.
    ///
    /// # Errors
    /// [`Error::Length`]; [`Error::OtherModel`] for another model than that of the exchange, and for that one if it was
    /// trained, loaded, borrowed to write to or changed in any other way since: it is no longer the average, and its live weights are in
    /// the mean's slice. Nothing has changed then. Nothing to do is no error.
    pub fn restore(&mut self, model: &mut Model<'_>) -> Result<(), Error> {
        Error::expect_len(Buffer::Params, self.mean.len(), model.params.len())?;
        let Some(exchange) = self.exchange else { return Ok(()) };
        if model.mark != Mark::Exchanged || exchange.with != identity(model) {
            return Err(Error::OtherModel);
        }
        self.exchange_back(model);
        model.bound = Bound::UNKNOWN;
        Ok(())
    }

    fn exchange_back(&mut self, model: &mut Model<'_>) {
        kernels::swap(self.mean, model.params);
        if let Some(exchange) = self.exchange.take() {
            model.mark = exchange.mark;
            // The parameters are as they were.
            model.changes = model.changes.wrapping_sub(1);
        }
    }

    /// Ends the averaging: the model's parameters become the average.
    ///
    /// # Errors
    /// As [`in_place_of`](Self::in_place_of); nothing has changed then.
    pub fn finish(&mut self, model: &mut Model<'_>) -> Result<(), Error> {
        self.copy_to(model.params)?;
        model.becomes(Mark::Average);
        Ok(())
    }
}

/// What tells a model as it is now from itself after a change, and from all others, but for one in 2³².
fn identity(model: &Model<'_>) -> usize {
    model.place() ^ (model.changes as usize).wrapping_mul(0x9e37_79b1)
}

impl Averaged<'_, '_, '_> {
    /// Gives the average the statistics of norms that are its own, where it stands: those of averaged weights are not the
    /// averages of statistics. `pooled` has [`Spec::norm_len`](crate::Spec::norm_len) floats.
    ///
    /// # Errors
    /// As [`NormUpdate::new`].
    pub fn norm_update<'n>(&'n mut self, pooled: &'n mut [f32]) -> Result<NormUpdate<'n>, Error> {
        self.model.norm_update(pooled)
    }
}

impl<'a> Deref for Averaged<'_, '_, 'a> {
    type Target = Model<'a>;

    fn deref(&self) -> &Model<'a> {
        self.model
    }
}

impl Drop for Averaged<'_, '_, '_> {
    fn drop(&mut self) {
        self.averager.exchange_back(self.model);
        self.model.bound = self.bound;
    }
}
