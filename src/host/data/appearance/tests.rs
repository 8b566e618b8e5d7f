use super::{Appearance, Frame};
use crate::host::data::Dataset;
use crate::host::data::idx::Images;

/// Images of 28 by 28, each of one bright box.
fn boxes(of: impl Fn(usize) -> [usize; 4]) -> Images {
    let image = |i: usize| {
        let [top, left, height, width] = of(i);
        let is_in = move |p: usize| (top..top + height).contains(&(p / 28)) && (left..left + width).contains(&(p % 28));
        (0..784).map(move |p| if is_in(p) { 250 } else { 0 })
    };
    Images::new(28, 28, (0..40).flat_map(image).collect())
}

/// MNIST is known by its images, whatever its directory is called; what fills its image is not framed, as clothes do.
#[test]
fn a_frame_is_what_nearly_all_images_have() {
    let sample = Dataset::sample().unwrap();
    let mnist = Appearance::of(sample.train.images().unwrap());
    assert_eq!(mnist.frame, Some(Frame { side: 20, by_mass: true }));
    assert_eq!(mnist.dark_border, Some(true));
    let frame = |of: fn(usize) -> [usize; 4]| Appearance::of(&boxes(of)).frame;
    assert_eq!(frame(|i| [4, 14 - i % 5, 20, 2 * (i % 5) + 1]).map(|frame| frame.side), Some(20));
    assert_eq!(frame(|i| [0, 10, 28, 5 + i % 9]), None);
    assert_eq!(frame(|i| [4 + i % 4, 9, 8 + i % 8, 5]), None);
    // Not in the middle.
    assert_eq!(frame(|i| [i % 8, 10, 20, 8]), None);
}

#[test]
fn what_is_far_from_the_training_images_is_told() {
    let looks = Appearance::of(&boxes(|i| [4, 10, 20, 4 + i % 4]));
    let image = |width: usize| boxes(move |_| [4, 10, 20, width]).image(0).unwrap().to_vec();
    assert_eq!(looks.differs(&image(5)), None);
    assert!(looks.differs(&image(16)).unwrap().contains("mean brightness"));
    assert!(looks.differs(&[0; 784]).is_some() && looks.differs(&[128; 784]).is_some());
}
