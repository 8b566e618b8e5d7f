//! What the article does not specify.

/// What the article does not specify or cannot mean, and what is done here instead.
pub const NOTES: &[(&str, &str)] = &[
    (
        "Mean of models with independent initial weights",
        "Hidden units have a different order in each of these models: the mean of their weights is not a useful model, even \
         where each of them is good. It is shown with this warning. Votes do not have this problem, and neither has the mean \
         of replicas that are pulled together during training.",
    ),
    (
        "Strength of the pull, 1 − T/T_max",
        "The strength is 1 at T = 0: a pull at that time would replace all replicas by their mean before they have learned \
         anything, and independent initial weights would have no effect. Here T counts the completed epochs: the first pull \
         comes after the first epoch with strength 1 − 1/T_max, and the last pull has strength 0. All pulls of a step use \
         the same mean, computed before them.",
    ),
    (
        "Micro-batches adapted to running statistics",
        "The article does not say which statistics are used, and by what rule. Here the batch grows when the noise of the \
         gradient, measured between micro-batches, exceeds a share of the gradient's length for many updates (the norm test \
         of Byrd et al. 2012). The learning rate does not change with the batch size. With Adam and dropout the batch may \
         grow too early or too late: the guide compares this rule with a batch that doubles.",
    ),
    (
        "Votes",
        "The article does not say whether probabilities, logits or class votes are counted, and how a tie is decided. All \
         three votes are computed here, each with softmax applied once. A tie of the hard vote goes to the class with the \
         larger sum of probabilities, then to the lower class.",
    ),
    (
        "Initial weights from N(0, 1)",
        "Without scaling, the pre-activations of 784 pixels are twenty times as large as with He's initialisation, \
         √(2/inputs), which is used here. `cygnet train --init 1` uses N(0, 1).",
    ),
    (
        "Mirrored digits",
        "A mirrored digit is another symbol or none. Augmentation does not mirror images without `--flip`, and this \
         experiment does not augment images.",
    ),
    (
        "Overfitting and the choice of settings",
        "The generalisation gap is the difference between test and train error, both measured after training and without \
         dropout. The settings were not chosen with the test samples. To choose settings, use the validation samples: no \
         model is trained on them.",
    ),
];
