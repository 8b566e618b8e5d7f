use super::*;
use crate::host::data::{Dataset, Elastic, ImageFiles, PIXEL_SCALE};
use crate::host::plan::Plan;
use crate::host::training::outcome::{Deaf, Outcome};
use crate::host::training::run::train_on;
use crate::metrics::{Score, evaluate};
use crate::network::NormKind;
use crate::random::{Purpose, stream};
use crate::{Activation, Init, Inputs, Model, Spec, Targets, Workspace};
use std::sync::atomic::AtomicBool;

const ALL: Augment = Augment {
    rotate: 10.0,
    zoom: 0.1,
    shift: 0.1,
    shear: 0.1,
    flip: true,
    elastic: Some(Elastic { alpha: 34.0, sigma: 4.0 }),
};

fn threads(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).unwrap()
}

/// 1200 training samples, 10 test samples, of 7 by 9 pixels, a quarter of them not zero.
pub(in crate::host) fn small() -> Dataset {
    let dir = tempfile::tempdir().unwrap();
    for (set, n) in [("train", 1200_u32), ("t10k", 10)] {
        let mut random = stream(1, Purpose::Split, n.into());
        let write = |name: &str, header: &[u32], bytes: Vec<u8>| {
            let magic = [0, 0, 8, header.len() as u8].into_iter();
            let file = magic.chain(header.iter().flat_map(|x| x.to_be_bytes())).chain(bytes);
            std::fs::write(dir.path().join(format!("{set}-{name}-ubyte")), file.collect::<Vec<_>>()).unwrap();
        };
        let pixel = |_| if random.bounded(4) == 0 { 1 + random.bounded(255) as u8 } else { 0 };
        write("images-idx3", &[n, 7, 9], (0..n * 63).map(pixel).collect());
        write("labels-idx1", &[n], (0..n).map(|i| (i % 3) as u8).collect());
    }
    ImageFiles::find(dir.path()).unwrap().read(false).unwrap()
}

/// Images and labels of an epoch, and the sizes of its batches.
fn epoch(feed: &mut Feed<'_>, epoch: u64, order: &[u32]) -> (Vec<u8>, Vec<u8>, Vec<usize>) {
    let (mut images, mut labels, mut sizes) = (vec![], vec![], vec![]);
    let whole = feed.each(epoch, order, |samples, pick| {
        sizes.push(pick.len());
        for &i in pick {
            images.extend_from_slice(samples.image(i as usize).unwrap());
            labels.push(samples.label(i as usize).unwrap());
        }
        Ok(true)
    });
    assert!(whole.unwrap());
    (images, labels, sizes)
}

#[test]
fn any_number_of_threads_makes_the_bytes_of_one_augmenter() {
    let data = small();
    let order: Vec<u32> = (0..1100).map(|i| i * 37 % 1200).collect();
    for (augment, batch) in
        [(Augment::default(), 32), (ALL, 100), (Augment::default(), 500), (Augment::default(), 9999)]
    {
        let mut augmenter = Augmenter::new(augment, 4, 7, 9).unwrap();
        let (mut images, mut image) = (vec![], vec![0; 63]);
        for &i in &order {
            augmenter.apply(2, i, data.train.image(i as usize).unwrap(), &mut image).unwrap();
            images.extend_from_slice(&image);
        }
        let labels: Vec<u8> = order.iter().map(|&i| data.train.label(i as usize).unwrap()).collect();
        let sizes: Vec<usize> = order.chunks(batch).map(<[u32]>::len).collect();
        for n in 1..=8 {
            let mut feed = Feed::new(&data.train, order.len(), batch, Some((augment, 4)), threads(n)).unwrap();
            if n == 2 {
                assert_ne!(epoch(&mut feed, 1, &order).0, images);
            }
            // Not by assert_eq, which would print them.
            assert!(epoch(&mut feed, 2, &order) == (images.clone(), labels.clone(), sizes.clone()), "{n} {batch}");
        }
    }
}

#[test]
fn without_augmentation_batches_are_of_the_samples_themselves() {
    let data = Dataset::sample().unwrap();
    let mut feed = Feed::new(&data.train, 10, 4, None, threads(3)).unwrap();
    let mut picks = vec![];
    feed.each(1, &[5, 4, 3, 2, 1], |samples, pick| {
        assert!(core::ptr::eq(samples, &data.train));
        picks.extend_from_slice(pick);
        Ok(picks.len() < 4)
    })
    .unwrap();
    assert_eq!(picks, [5, 4, 3, 2]);
}

#[test]
fn a_pass_that_is_ended_can_be_followed_by_another() {
    let data = Dataset::sample().unwrap();
    let order: Vec<u32> = (0..1000).collect();
    let mut feed = Feed::new(&data.train, 1000, 10, Some((Augment::default(), 1)), threads(3)).unwrap();
    let first = epoch(&mut feed, 1, &order);
    for stop in [1, 26, 60] {
        let mut seen = 0;
        let whole = feed.each(1, &order, |_, _| {
            seen += 1;
            Ok(seen < stop)
        });
        assert!(!whole.unwrap() && seen == stop);
        assert!(epoch(&mut feed, 1, &order) == first);
    }
}

#[test]
fn compressed_images_are_the_bytes_without_their_zeros() {
    const NET: Spec = Spec::new(784).dense(10, Activation::Identity);
    let data = Dataset::sample().unwrap();
    let mut params = vec![0.0; NET.param_len()];
    Model::new(&NET, &mut params).unwrap().init(Init::He, 1).unwrap();
    let (mut floats, mut lists) = (vec![0.0; NET.predict_len(32)], vec![0.0; NET.list_len(32)]);
    let (mut integers, mut classes) = (vec![0; NET.index_len(32)], vec![0; 32]);
    let order: Vec<u32> = (0..600).collect();
    let mut feed = Feed::new(&data.train, 600, 32, Some((Augment::default(), 1)), threads(2)).unwrap();
    let mut score = |samples: &Samples, inputs: Inputs<'_>, pick: &[u32]| {
        let work = Workspace::for_prediction(&NET, 32, &mut floats).unwrap();
        let mut work = work.with_lists(&NET, &mut lists, &mut integers).unwrap();
        let targets = Targets::Classes(samples.classes(pick, &mut classes));
        let mut score = Score::default();
        evaluate(&NET, &params, inputs, targets, &mut score, &mut work).unwrap();
        (score, score.loss().to_bits())
    };
    feed.each(1, &order, |samples, pick| {
        let bytes = Inputs::bytes(samples.images().unwrap().pixels(), PIXEL_SCALE, pick);
        assert_eq!(score(samples, samples.inputs_of(pick), pick), score(samples, bytes, pick));
        Ok(true)
    })
    .unwrap();
}

#[test]
fn any_number_of_threads_trains_to_the_same_bits() {
    let data = small();
    let usual = Plan { hidden: vec![8], validation: 0.1, epochs: 2, augment: Some(ALL), ..Plan::article() };
    let run = |n, plan: &Plan| train_on(threads(n), &data, plan, &mut Deaf, &AtomicBool::new(false)).unwrap();
    let bits = |outcome: &Outcome| -> Vec<u32> {
        let average = outcome.averages.iter().flat_map(|average| &average.params);
        outcome.last.iter().chain(average).map(|p| p.to_bits()).collect()
    };
    let first = bits(&run(1, &usual));
    for n in 2..=8 {
        assert!(bits(&run(n, &usual)) == first, "{n} threads");
    }
    assert!(bits(&run(2, &Plan { micro_batch: Some(5), ..usual.clone() })) == first);
    assert!(bits(&run(1, &Plan { augment: None, ..usual.clone() })) != first);
    let normal = Plan { norm: Some(NormKind::Batch), ..usual };
    assert!(bits(&run(1, &normal)) == bits(&run(3, &normal)));
}
