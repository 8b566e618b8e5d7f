//! The arguments that say how `cygnet train` augments.

use clap::Args;
use cygnet::host::HostError;
use cygnet::host::data::{Augment, Elastic};

#[derive(Args, Default, PartialEq)]
#[command(next_help_heading = "Augmentation")]
pub(crate) struct Augmentation {
    /// Change each training image a little at random, in a new way in each epoch
    #[arg(long)]
    augment: bool,
    /// Largest rotation in either direction [default: 10]
    #[arg(long, value_name = "DEGREES")]
    rotate: Option<f32>,
    /// Largest change of size: 0.1 gives 90 % to 110 % of the size [default: 0.1]
    #[arg(long, value_name = "SHARE")]
    zoom: Option<f32>,
    /// Largest shift, as a share of the width and the height [default: 0.1]
    #[arg(long, value_name = "SHARE")]
    shift: Option<f32>,
    /// Largest horizontal shear [default: 0.1]
    #[arg(long, value_name = "SLOPE")]
    shear: Option<f32>,
    /// Mirror each image left to right with probability 0.5; do not use it for digits
    #[arg(long)]
    flip: bool,
    /// Also distort each image elastically (Simard et al. 2003)
    #[arg(long)]
    elastic: bool,
    /// Strength of the distortion: random displacements from -PIXELS to PIXELS before they are smoothed [default: 34]
    #[arg(long, value_name = "PIXELS")]
    elastic_alpha: Option<f32>,
    /// Standard deviation of the Gaussian that smooths the displacements [default: 4]
    #[arg(long, value_name = "PIXELS")]
    elastic_sigma: Option<f32>,
}

impl Augmentation {
    /// Whether there is any.
    pub(crate) fn is_asked(&self) -> bool {
        self.augment
    }

    /// What these arguments ask for.
    pub(crate) fn plan(&self) -> Result<Option<Augment>, HostError> {
        if !self.augment && *self != Self::default() {
            let which = "--rotate, --zoom, --shift, --shear, --flip and --elastic";
            return Err(HostError::Usage(format!("{which} need --augment")));
        }
        if !self.elastic && (self.elastic_alpha.is_some() || self.elastic_sigma.is_some()) {
            return Err(HostError::Usage("--elastic-alpha and --elastic-sigma need --elastic".into()));
        }
        let (usual, simard) = (Augment::default(), Elastic::default());
        let elastic = Elastic {
            alpha: self.elastic_alpha.unwrap_or(simard.alpha),
            sigma: self.elastic_sigma.unwrap_or(simard.sigma),
        };
        Ok(self.augment.then(|| Augment {
            rotate: self.rotate.unwrap_or(usual.rotate),
            zoom: self.zoom.unwrap_or(usual.zoom),
            shift: self.shift.unwrap_or(usual.shift),
            shear: self.shear.unwrap_or(usual.shear),
            flip: self.flip,
            elastic: self.elastic.then_some(elastic),
        }))
    }
}
