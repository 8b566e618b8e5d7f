use super::axis::{Axis, number};
use super::canvas::{BLUE, THEME};
use super::chart::{Chart, Line};
use super::pictures::base64;
use super::piece::{escape, grouped};
use super::*;
use crate::host::report::Table;
use crate::host::run::Epoch;
use crate::{Activation, Spec};
use plotters::coord::ranged1d::ValueFormatter;
use std::vec;

#[test]
fn known_values_of_base64() {
    // RFC 4648, section 10.
    for (text, digits) in
        [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE=")]
    {
        assert_eq!(base64(text.as_bytes()), digits);
    }
    assert_eq!(base64(&[0xfb, 0xff, 0xbf]), "+/+/");
}

#[test]
fn text_is_text_and_numbers_have_their_digits() {
    assert_eq!(escape("<b a='&\">"), "&lt;b a=&#39;&amp;&quot;&gt;");
    assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    assert_eq!(
        [0.1 + 0.2, 20.0, 0.0, 0.999, -0.5, 150_000.0].map(number),
        ["0.3", "20", "0", "0.999", "-0.5", "150000"]
    );
    let table = Table { header: vec!["<".into()], rows: vec![vec![">".into(), "&".into()]] };
    let html = Piece::table(&table, "\"").html().to_owned();
    for part in ["<th scope=\"col\">&lt;</th>", "<th scope=\"row\">&gt;</th><td>&amp;</td>", "aria-label=\"&quot;\""] {
        assert!(html.contains(part), "{part}: {html}");
    }
}

#[test]
fn axes_have_a_few_round_numbers() {
    let labels = |axis: &Axis| axis.labels().join(" ");
    assert_eq!(labels(&Axis::linear("", 0.0, 1.0)), "0 0.2 0.4 0.6 0.8 1");
    assert_eq!(labels(&Axis::whole("", 1.0, 20.0)), "5 10 15 20");
    assert_eq!(labels(&Axis::whole("", 1.0, 2.0)), "1 2");
    assert_eq!(labels(&Axis::whole("", 1.0, 1.0)), "1");
    assert_eq!(labels(&Axis::log("", 1e-4, 1.0)), "0.0001 0.001 0.01 0.1 1");
    assert_eq!(labels(&Axis::log("", 0.04, 1.1)), "0.05 0.1 0.2 0.5 1");
    assert_eq!(labels(&Axis::log("", 0.21, 0.68)), "0.3 0.4 0.5 0.6");
    // In equal ratios where values differ by much and all are above zero.
    let log = Axis::around("y", [0.1, 1.0].into_iter());
    assert_eq!((&*log.name, log.place(0.1), log.place(0.0)), ("y, log scale", Some(-1.0), None));
    let linear = Axis::around("y", [0.5, 1.0].into_iter());
    assert_eq!((&*linear.name, linear.place(0.5)), ("y", Some(0.5)));
    assert_eq!(Axis::around("y", [0.0, 9.0].into_iter()).ends[0], 0.0);
    for values in [vec![], vec![3.0], vec![0.0], vec![f64::NAN, 2.0]] {
        let axis = Axis::around("y", values.iter().copied());
        assert!(axis.ends[0] < axis.ends[1] && !axis.labels().is_empty(), "{values:?}");
    }
    assert_eq!(Axis::rows(["a".into(), "b".into()]).format_ext(&-1.0), "b");
}

#[test]
fn a_plot_on_a_page_has_the_colours_of_the_page_and_alone_its_own() {
    let line = Line::new("<name>", BLUE, [(0.0, 0.0), (0.5, 1.0), (1.0, 2.0)]);
    let axes = || [Axis::linear("x", 0.0, 1.0), Axis::linear("", 0.0, 2.0)];
    let [x, y] = axes();
    let plot = Chart::new("title", x, y, vec![line]).plot("loss", "a \"label\"").unwrap();
    let (alone, inline) = (plot.alone(), plot.inline());
    assert!(alone.starts_with("<svg width=") && alone.contains("#006CB0") && !alone.contains("var("), "{alone}");
    assert!(inline.contains("aria-label=\"a &quot;label&quot;\"") && !inline.contains('#'), "{inline}");
    assert!(inline.contains("&lt;name&gt;") && !inline.contains("http") && inline.ends_with("</svg>"), "{inline}");
    // Each colour is known to the page, in a light and in a dark form; the light one is that of the file.
    for (plotters::style::RGBColor(r, g, b), name) in THEME {
        assert_eq!(STYLE.matches(&format!("--{name}: #")).count(), 2, "{name}");
        assert!(STYLE.contains(&format!("--{name}: #{r:02x}{g:02x}{b:02x}")), "{name}");
    }
}

fn epoch(epoch: u64, batch: u64, noise_scale: Option<f32>) -> Epoch {
    Epoch {
        epoch,
        steps: 10 * epoch,
        rate: 0.1,
        batch,
        noise_scale,
        train_loss: 1.0 / epoch as f64,
        train_error: 0.5 / epoch as f64,
        validation_error: Some(0.5),
        validation_loss: Some(0.7),
        averaged: 0,
        average_validation_error: None,
        average_validation_loss: None,
        seconds: 1.0,
    }
}

#[test]
fn the_batch_size_is_drawn_where_it_changes_or_noise_was_measured() {
    let drawn = |batches: [u64; 2], noise: Option<f32>, start: Option<f64>| {
        let run = [epoch(1, batches[0], noise), epoch(2, batches[1], noise)];
        let history = History { runs: &[&run], baselines: &[], start, loss: "NLL", names: ["model", "average"] };
        super::history(&history).unwrap()
    };
    let names = |piece: &Piece| piece.plots().iter().map(|plot| plot.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&drawn([8, 8], None, None)), ["loss", "error", "rate"]);
    assert_eq!(names(&drawn([8, 16], None, None)), ["loss", "error", "rate", "batch"]);
    assert_eq!(names(&drawn([8, 8], None, None).under("sgd")), ["sgd-loss", "sgd-error", "sgd-rate"]);
    let measured = drawn([8, 8], Some(3.0), None);
    assert_eq!(names(&measured), ["loss", "error", "rate", "batch"]);
    assert!(measured.html().contains("gradient noise scale"));
    assert!(!drawn([8, 16], None, None).html().contains("gradient noise scale"));
    // Averaging that would have begun later is not marked.
    let is_marked = |start| drawn([8, 8], None, start).html().contains(">\naveraging");
    assert_eq!([None, Some(1.5), Some(3.0)].map(is_marked), [false, true, false]);
    let nothing = History { runs: &[&[]], baselines: &[], start: None, loss: "NLL", names: ["", ""] };
    assert!(super::history(&nothing).unwrap().html().contains("No epoch was finished"));
}

#[test]
fn weights_are_pictures_of_the_first_layer_where_inputs_are_pictures() {
    const NET: Spec = Spec::new(6).dense(2, Activation::Relu).dense(3, Activation::Identity);
    let mut params = vec![0.0; NET.param_len()];
    // Unit 0 is dark at pixel 1, unit 1 bright at pixel 5.
    (params[2], params[11]) = (-2.0, 2.0);
    let html = weights(&NET, &params, [2, 3]).unwrap().html().to_owned();
    assert!(html.contains("All 2 units") && html.contains("±2.00"), "{html}");
    assert!(html.contains("width=\"10\" height=\"4\""), "{html}");
    assert!(weights(&NET, &params, [2, 2]).unwrap().is_empty());
}
