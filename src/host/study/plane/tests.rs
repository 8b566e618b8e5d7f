use super::*;
use crate::{Activation, Spec};

const NET: Spec = Spec::new(2).dense(1, Activation::Identity).loss(crate::Loss::MeanSquared);

fn model(params: [f32; 3]) -> SavedModel {
    SavedModel { spec: NET, params: params.to_vec(), is_average: false, preparation: None, trained_on: None }
}

fn named(models: &[[f32; 3]]) -> Vec<(String, SavedModel)> {
    models.iter().enumerate().map(|(i, &params)| (format!("run/{i}.cygnet"), model(params))).collect()
}

#[test]
fn models_stand_where_their_marks_say_and_axes_are_orthonormal() {
    let models = named(&[[1.0, 2.0, 3.0], [4.0, 2.0, 7.0], [0.0, 5.0, 3.5]]);
    let frame = Frame::new(&models).unwrap();
    let [u, v] = &frame.axes[..] else { panic!() };
    for (product, expected) in [(dot(u, u), 1.0), (dot(v, v), 1.0), (dot(u, v), 0.0)] {
        assert!((product - expected).abs() < 1e-12);
    }
    let mut params = [0.0; 3];
    for (mark, (_, model)) in frame.marks().iter().zip(&models) {
        frame.weights(mark.at, &mut params);
        assert!(params.iter().zip(&model.params).all(|(a, b)| (a - b).abs() < 1e-6), "{params:?}");
    }
    frame.weights(frame.marks()[3].at, &mut params);
    let mean = [5.0 / 3.0, 3.0, 4.5];
    assert!(params.iter().zip(mean).all(|(a, b)| (a - b).abs() < 1e-6), "{params:?}");
    assert_eq!(frame.marks()[1].name, "run/1");
    let places = frame.places(0, 5, 0.5);
    let (low, high) = (places[0], places[4]);
    // From −0.04 to 5, half of that beyond each end.
    assert!(frame.marks().iter().all(|mark| mark.at[0] > low && mark.at[0] < high));
    assert!((places[2] - 0.5 * (low + high)).abs() < 1e-12);
}

#[test]
fn equal_models_and_models_on_one_line_make_no_plane() {
    let text = |models: &[[f32; 3]]| Frame::new(&named(models)).unwrap_err().to_string();
    assert!(text(&[[1.0; 3], [1.0; 3]]).contains("run/1.cygnet equals"));
    assert!(text(&[[1.0; 3], [2.0; 3], [3.0; 3]]).contains("run/2.cygnet lies on the line"));
    assert!(text(&[[1.0; 3], [2.0; 3], [1.0; 3]]).contains("run/2.cygnet equals"));
    let mut models = named(&[[1.0; 3], [2.0; 3]]);
    models[1].1.spec = NET.loss(crate::Loss::BinaryCrossEntropy);
    assert!(Frame::new(&models).unwrap_err().to_string().contains("different networks"));
}
