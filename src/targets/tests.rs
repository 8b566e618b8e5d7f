use super::*;

#[test]
fn one_output_names_two_classes() {
    assert_eq!([-1.0, 0.0, 1e-45].map(|logit| class_of(&[logit])), [0, 0, 1]);
    assert_eq!((class_of(&[0.0, 2.0, 1.0]), class_of(&[])), (1, 0));
}

#[test]
fn argmax_takes_the_first_of_equals() {
    assert_eq!(argmax(&[1.0, 3.0, 3.0]), 1);
    assert_eq!(argmax(&[]), 0);
    assert_eq!(argmax(&[f32::NAN, 1.0]), 1);
}
