//! The average in the place of the model: read there, and never trained.

use crate::averager::Averager;
use crate::error::{Buffer, Error};
use crate::kernels;
use crate::model::Model;
use crate::norm_update::NormUpdate;
use crate::params::{Bound, Params};
use core::ops::Deref;

/// A model whose parameters are the average's while this lives: predict, evaluate and save it as any [`Model`]. When it
/// goes, model and average are as before, bit for bit, but for norms of the average that were
/// [updated](Self::norm_update).
///
/// Model and average are borrowed meanwhile, so that neither can be trained, updated or merged by mistake:
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
/// Who leaks it instead (`core::mem::forget`) leaves the exchange as it is: the average then refuses everything with
/// [`Error::Swapped`] until [`restore`](Averager::restore).
#[derive(Debug)]
pub struct Averaged<'s, 'm, 'a> {
    averager: &'s mut Averager<'m>,
    model: &'s mut Model<'a>,
    /// What the model knew of its live weights.
    live: (Bound, bool),
}

impl<'m> Averager<'m> {
    /// Exchanges the average and the model's parameters element by element, in no memory besides theirs, for as long as
    /// the result lives.
    ///
    /// # Errors
    /// [`Error::NoAverage`] before the first update, [`Error::Swapped`], [`Error::Length`].
    pub fn in_place_of<'s, 'a>(&'s mut self, model: &'s mut Model<'a>) -> Result<Averaged<'s, 'm, 'a>, Error> {
        let len = self.mean()?.len();
        Error::expect_len(Buffer::Params, len, model.params.len())?;
        kernels::swap(self.mean, model.params);
        self.swapped = true;
        let live = (model.bound, model.is_average);
        (model.bound, model.is_average) = (Bound::UNKNOWN, true);
        model.count_change();
        Ok(Averaged { averager: self, model, live })
    }

    /// Exchanges back what a forgotten [`Averaged`] left: the model has its live weights again.
    ///
    /// # Errors
    /// [`Error::Length`]; [`Error::NonFinite`] where the model, hence the average, is no longer finite. Nothing to do is no error.
    pub fn restore(&mut self, model: &mut Model<'_>) -> Result<(), Error> {
        Error::expect_len(Buffer::Params, self.mean.len(), model.params.len())?;
        if self.swapped {
            Params::from(&*model.params).check()?;
            kernels::swap(self.mean, model.params);
            (model.bound, model.is_average) = (Bound::UNKNOWN, false);
            self.swapped = false;
            model.count_change();
        }
        Ok(())
    }

    /// Ends the averaging: the model's parameters become the average.
    ///
    /// # Errors
    /// As [`in_place_of`](Self::in_place_of).
    pub fn finish(self, model: &mut Model<'_>) -> Result<(), Error> {
        self.copy_to(model.params)?;
        (model.bound, model.is_average) = (Bound::UNKNOWN, true);
        model.count_change();
        Ok(())
    }
}

impl Averaged<'_, '_, '_> {
    /// Gives the average the statistics of norms that are its own, where it stands: those of averaged weights are not the
    /// averages of statistics. `pooled` has [`Spec::norm_len`](crate::Spec::norm_len) floats.
    ///
    /// # Errors
    /// As [`NormUpdate::new`].
    pub fn norm_update<'n>(&'n mut self, pooled: &'n mut [f32]) -> Result<NormUpdate<'n>, Error> {
        NormUpdate::new(self.model.spec, self.model.params, pooled)
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
        kernels::swap(self.averager.mean, self.model.params);
        self.averager.swapped = false;
        (self.model.bound, self.model.is_average) = self.live;
        // They are as they were.
        self.model.changes = self.model.changes.wrapping_sub(1);
    }
}
