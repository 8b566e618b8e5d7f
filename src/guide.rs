//! The Rust examples of README and of the guide, as tests.

macro_rules! pages {
    ($($(#[$cfg:meta])? $page:ident: $path:literal,)*) => { $($(#[$cfg])? #[doc = include_str!($path)] struct $page;)* };
}

pages! {
    Readme: "../README.md",
    Deploy: "../docs/src/tutorials/deploy.md",
    Firmware: "../docs/src/tutorials/firmware.md",
    #[cfg(feature = "flash")]
    PowerCuts: "../docs/src/tutorials/power-cuts.md",
    Adapt: "../docs/src/tutorials/adapt.md",
    Pytorch: "../docs/src/from/pytorch.md",
    ScikitLearn: "../docs/src/from/scikit-learn.md",
    Aifes: "../docs/src/from/aifes.md",
    Replay: "../docs/src/results/replay.md",
    Dropped: "../docs/src/reasons/dropped.md",
    Errors: "../docs/src/reference/errors.md",
    Memory: "../docs/src/reference/memory.md",
}
