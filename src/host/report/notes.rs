//! What the article leaves open.

/// What the article leaves open or cannot mean, and what is done here instead.
pub const NOTES: &[(&str, &str)] = &[
    (
        "The mean of models that started apart",
        "Hidden units of one model have other places in another, so that the mean of their weights lies in no basin: it is \
         no model, whatever each of them is worth. It is shown, with this warning; their votes are sound, and so is the \
         mean of replicas that are pulled together while they train.",
    ),
    (
        "The strength of the pull, 1 − T/T_max",
        "It is 1 at the start: pulled after T = 0, replicas would all be their mean before they have learned anything, and \
         starts of their own would mean nothing. Here T counts the epochs that have passed, so that the first pull comes \
         after the first epoch, with 1 − 1/T_max, and the last is 0. All pulls of a step take the same mean, from before it.",
    ),
    (
        "Micro-batches adapted to running statistics",
        "Which statistics decide, and by what rule, is not said. Here the batch grows where the noise of the gradient, \
         measured between micro-batches, stays above a share of its length for many updates (the norm test of Byrd et al. \
         2012). The rate moves as without it. With Adam and dropout this may come too early or too late: the guide compares it \
         with a batch that doubles.",
    ),
    (
        "The vote",
        "Whether probabilities, logits or ballots are counted, and what a tie means, is not said: all three are here, each \
         with softmax applied once; ties of ballots go to the larger summed probability, then to the lower class.",
    ),
    (
        "Initial weights from N(0, 1)",
        "Unscaled, they make pre-activations of 784 pixels twenty times those of He's scaling, √(2/inputs), which is used \
         here; `cygnet train --init 1` has the other.",
    ),
    (
        "Mirrored digits",
        "A mirrored digit is another symbol or none. Augmentation mirrors nothing unless told to, and this experiment takes \
         the images as they are.",
    ),
    (
        "Overfitting, and which figure to believe",
        "The gap is between test and train, both measured after training and without dropout. The settings were not chosen by \
         the test samples; who wants to choose has the validation samples, which no model learns from.",
    ),
];
