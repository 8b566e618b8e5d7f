//! The arguments that say how `cygnet train` augments.

use clap::Args;
use cygnet::host::data::{Augment, Elastic};

#[derive(Args)]
#[command(next_help_heading = "Augmentation")]
pub(crate) struct Augmentation {
    /// Change each training image a little at random, in a new way in each epoch
    #[arg(long)]
    augment: bool,
    /// Largest rotation in either direction
    #[arg(long, value_name = "DEGREES", default_value_t = Augment::default().rotate, requires = "augment")]
    rotate: f32,
    /// Largest change of size: 0.1 gives 90 % to 110 % of the size
    #[arg(long, value_name = "SHARE", default_value_t = Augment::default().zoom, requires = "augment")]
    zoom: f32,
    /// Largest shift, as a share of the width and the height
    #[arg(long, value_name = "SHARE", default_value_t = Augment::default().shift, requires = "augment")]
    shift: f32,
    /// Largest horizontal shear
    #[arg(long, value_name = "SLOPE", default_value_t = Augment::default().shear, requires = "augment")]
    shear: f32,
    /// Mirror each image left to right with probability 0.5; do not use it for digits
    #[arg(long, requires = "augment")]
    flip: bool,
    /// Also distort each image elastically (Simard et al. 2003)
    #[arg(long, requires = "augment")]
    elastic: bool,
    /// Strength of the distortion: random displacements from -PIXELS to PIXELS before they are smoothed
    #[arg(long, value_name = "PIXELS", default_value_t = Elastic::default().alpha, requires = "elastic")]
    elastic_alpha: f32,
    /// Standard deviation of the Gaussian that smooths the displacements
    #[arg(long, value_name = "PIXELS", default_value_t = Elastic::default().sigma, requires = "elastic")]
    elastic_sigma: f32,
}

impl Augmentation {
    /// What these arguments ask for.
    pub(crate) fn plan(&self) -> Option<Augment> {
        let elastic = Elastic { alpha: self.elastic_alpha, sigma: self.elastic_sigma };
        self.augment.then(|| Augment {
            rotate: self.rotate,
            zoom: self.zoom,
            shift: self.shift,
            shear: self.shear,
            flip: self.flip,
            elastic: self.elastic.then_some(elastic),
        })
    }
}
