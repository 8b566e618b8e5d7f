use super::classes::confusion;
use super::comparison::gap;
use super::document::STYLE;
use super::escape::{grouped, prose};
use super::history::{History, history};
use super::pictures::{weights, wrong};
use super::piece::{Figure, Piece};
use super::reliability::reliability;
use super::settings::settings;
use super::*;
use crate::average::{Ema, Warmup};
use crate::host::data::idx::parse_images;
use crate::host::data::{Dataset, Samples};
use crate::host::evaluation::{Marks, TestSet};
use crate::host::plan::{AverageKind, AveragePlan, DecayPlan, Plan};
use crate::host::prelude::*;
use crate::host::report::axis::{Axis, number};
use crate::host::report::chart::{Chart, Line};
use crate::host::report::svg::{BLUE, THEME, cut, dark_style, escape};
use crate::host::report::table::Table;
use crate::host::training::{Averaged, Epoch, Outcome};
use crate::metrics::{Calibration, Score};
use crate::network::NormKind;
use crate::{Activation, Spec};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::path::Path;

#[test]
fn text_is_text_and_numbers_have_their_digits() {
    assert_eq!(escape("<b a='&\">"), "&lt;b a=&#39;&amp;&quot;&gt;");
    // A single backtick is no code, and what is code is escaped once.
    assert_eq!(prose("`a<b` and `c`: 5 ` d"), "<code>a&lt;b</code> and <code>c</code>: 5 ` d");
    assert_eq!(Piece::text("see `--json`").html(), "<p>see <code>--json</code></p>\n");
    assert!(Page::new("`a`", "").notice("`b`").html().contains("<h1>`a`</h1>\n<p class=\"notice\"><code>b</code></p>"));
    assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    assert_eq!(
        [0.1 + 0.2, 20.0, 0.0, 0.999, -0.5, 150_000.0].map(number),
        ["0.3", "20", "0", "0.999", "-0.5", "150000"]
    );
    assert_eq!(["leak of", "leak of it", "é"].map(|name| cut(name, 6)), ["leak…", "leak…", "é"]);
    let table = Table { header: vec!["<".into()], rows: vec![vec![">".into(), "&".into()]] };
    let html = Piece::table(&table, "\"").html().to_owned();
    for part in ["<th scope=\"col\">&lt;</th>", "<th scope=\"row\">&gt;</th><td>&amp;</td>", "aria-label=\"&quot;\""] {
        assert!(html.contains(part), "{part}: {html}");
    }
}

#[test]
fn axes_have_a_few_round_numbers_and_one_at_each_end() {
    let labels = |axis: &Axis| axis.ticks.iter().map(|(_, label)| label.clone()).collect::<Vec<_>>().join(" ");
    assert_eq!(labels(&Axis::linear("", 0.0, 1.0)), "0 0.2 0.4 0.6 0.8 1");
    assert_eq!(labels(&Axis::linear("", -0.3, 11.0)), "-2 0 2 4 6 8 10 12");
    assert_eq!(labels(&Axis::whole("", 1.0, 20.0)), "1 5 10 15 20");
    assert_eq!(labels(&Axis::whole("", 1.0, 22.0)), "1 5 10 15 22");
    assert_eq!(labels(&Axis::whole("", 1.0, 2.0)), "1 2");
    assert_eq!(labels(&Axis::whole("", 1.0, 1.0)), "1");
    assert_eq!(labels(&Axis::log("", 1e-4, 1.0)), "0.0001 0.001 0.01 0.1 1");
    assert_eq!(labels(&Axis::log("", 0.041, 1.1)), "0.04 0.1 0.2 0.5 1 2");
    assert_eq!(labels(&Axis::log("", 0.21, 0.68)), "0.2 0.3 0.4 0.5 0.6 0.7");
    for axis in [Axis::linear("", 0.123, 4.56), Axis::log("", 0.0123, 45.6), Axis::whole("", 3.0, 47.0)] {
        let [first, last] = [axis.ticks.first(), axis.ticks.last()].map(|tick| tick.unwrap().0);
        assert_eq!(([first, last], axis.place(first), axis.place(last)), (axis.ends, Some(0.0), Some(1.0)));
    }
    // In equal ratios where values differ by much and all are above zero.
    let log = Axis::around("y", [0.1, 1.0].into_iter());
    assert_eq!((&*log.name, log.place(0.1), log.place(0.0)), ("y, log scale", Some(0.0), None));
    let linear = Axis::around("y", [0.5, 1.0].into_iter());
    assert_eq!((&*linear.name, linear.place(0.75)), ("y", Some(0.5)));
    assert_eq!(Axis::around("y", [0.0, 9.0].into_iter()).ends[0], 0.0);
    for values in [vec![], vec![3.0], vec![0.0], vec![f64::NAN, 2.0]] {
        let axis = Axis::around("y", values.iter().copied());
        assert!(axis.ends[0] < axis.ends[1] && axis.ticks.len() > 1, "{values:?}");
    }
    assert_eq!(Axis::rows(["a".into(), "b".into()]).said(-1.0), "b");
}

/// A chart of a line with this name.
fn chart(name: &str) -> Chart {
    let line = Line::new(name, BLUE, [(0.0, 0.0), (0.5, 1.0), (1.0, 2.0)]);
    Chart::new(Axis::linear("x", 0.0, 1.0), Axis::linear("title", 0.0, 2.0), vec![line])
}

#[test]
fn a_picture_is_light_or_dark_as_the_reader_prefers() {
    let piece = Piece::row([Figure::new("loss", "a \"label\"", "", chart("<name>"))]);
    let alone = file(&piece, "loss");
    assert!(alone.starts_with("<svg xmlns=") && alone.contains("#006cb0") && alone.contains(&dark_style()), "{alone}");
    let inline = piece.html();
    assert!(inline.contains("aria-label=\"a &quot;label&quot;\"") && inline.contains("&lt;name&gt;"), "{inline}");
    assert!(!inline.contains("http") && Page::new("", "").html().contains(&dark_style()));
    // The colours of a picture are those of the page around it.
    for (light, name, dark) in THEME {
        for colour in [light, dark] {
            assert_eq!(STYLE.matches(&format!("--{name}: {colour};")).count(), 1, "{name}");
        }
        assert!(dark_style().contains(&format!("[fill=\"{light}\"] {{ fill: {dark}; }}")), "{name}");
    }
}

#[test]
fn charts_side_by_side_have_one_height_and_their_axes_on_one_line() {
    let long = "a name that is much too long for half of a line of the legend";
    let mut second = chart(long);
    second.lines.push(Line::new(long, BLUE, [(0.0, 1.0)]));
    second.marks.push((0.5, "here".into()));
    let piece = Piece::row([Figure::new("a", "", "", chart("short")), Figure::new("b", "", "", second)]);
    let [a, b] = ["a", "b"].map(|name| file(&piece, name));
    let size = |svg: &str| svg.split("viewBox=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert_eq!(size(&a), size(&b));
    assert_eq!(places(&a, "0.4")[0][1], places(&b, "0.4")[0][1]);
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
        is_best: false,
        dropped: 0,
        seconds: 1.0,
    }
}

#[test]
fn the_batch_size_is_drawn_where_it_changes_or_noise_was_measured() {
    let drawn = |batches: [u64; 2], noise: Option<f32>, start: Option<f64>| {
        let run = [epoch(1, batches[0], noise), epoch(2, batches[1], noise)];
        let history = History { runs: &[&run], baselines: &[], start, loss: "NLL", names: ["model", "average"] };
        super::history::history(&history)
    };
    let names = |piece: &Piece| piece.plots().iter().map(|plot| plot.0.clone()).collect::<Vec<_>>();
    // The learning rate never changes.
    assert_eq!(names(&drawn([8, 8], None, None)), ["loss", "error"]);
    assert_eq!(names(&drawn([8, 16], None, None)), ["loss", "error", "batch"]);
    let measured = drawn([8, 8], Some(3.0), None);
    assert_eq!(names(&measured), ["loss", "error", "batch"]);
    assert!(measured.html().contains("gradient noise scale"));
    assert!(!drawn([8, 16], None, None).html().contains("gradient noise scale"));
    // Averaging that would have begun later is not marked.
    let is_marked = |start| drawn([8, 8], None, start).html().contains(">averaging<");
    assert_eq!([None, Some(1.5), Some(3.0)].map(is_marked), [false, true, false]);
    let nothing = History { runs: &[&[]], baselines: &[], start: None, loss: "NLL", names: ["", ""] };
    assert!(super::history::history(&nothing).html().contains("No epoch was completed"));
}

#[test]
fn several_seeds_are_a_mean_with_a_band_and_the_pointer_reads_all_values_of_an_epoch() {
    let of = |losses: [f64; 2]| {
        [1, 2].map(|i| Epoch { train_loss: losses[i as usize - 1], validation_loss: None, ..epoch(i, 8, None) })
    };
    let (a, b) = (of([1.0, 0.5]), of([3.0, 0.7]));
    let drawn = |runs: &[&[Epoch]]| {
        let piece = history(&History { runs, baselines: &[], start: None, loss: "NLL", names: ["model", "average"] });
        file(&piece, "loss")
    };
    let (one, both) = (drawn(&[&a]), drawn(&[&a, &b]));
    assert_eq!([&one, &both].map(|svg| svg.matches("<polygon").count()), [0, 1]);
    assert!(one.contains("<title>epoch 2\ntraining batches: 0.5</title>"), "{one}");
    assert!(both.contains("<title>epoch 2\ntraining batches: 0.6 ± 0.1414</title>"), "{both}");
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
    let picture = BASE64_STANDARD.decode(html.split("base64,").nth(1).unwrap().split('"').next().unwrap()).unwrap();
    let mut reader = png::Decoder::new(std::io::Cursor::new(picture)).read_info().unwrap();
    let mut pixels = vec![0; 160];
    reader.next_frame(&mut pixels).unwrap();
    // Brown, then blue; the others are white, and there is nothing between units.
    let colour = |place: usize| &pixels[4 * place..][..4];
    assert_eq!([12, 28, 11].map(colour), [[140, 81, 10, 255], [5, 85, 165, 255], [247, 247, 247, 255]]);
    assert_eq!(colour(0), [0; 4]);
}

/// All numbers of an attribute of the tags of a plot that hold `word`, in whole pixels.
fn numbers(plot: &str, word: &str, attribute: &str) -> Vec<i32> {
    let tags = plot.split('<').filter(|tag| tag.contains(word));
    let values = tags.filter_map(|tag| tag.split(&format!(" {attribute}=\"")).nth(1)?.split('"').next());
    let whole = |n: &str| n.parse::<f64>().ok().map(|n| n.round() as i32);
    values.flat_map(|value| value.split([' ', ',']).filter_map(whole)).collect()
}

/// Where the words stand in a plot.
fn places(plot: &str, words: &str) -> Vec<[i32; 2]> {
    let tags = plot.split("<text").filter(|tag| tag.contains(&format!(">{words}</text>")));
    tags.map(|tag| ["x", "y"].map(|side| numbers(&format!("<text{tag}"), "text", side)[0])).collect()
}

fn file(piece: &Piece, name: &str) -> String {
    piece.plots().iter().find(|plot| plot.0 == name).unwrap().1.alone(1.0)
}

/// So many hits of 4, each with this loss.
fn score(hits: usize, loss: f32) -> Score {
    let mut score = Score::default();
    (0..4).for_each(|i| score.add(loss, i < hits));
    score
}

fn marks(train: (usize, f32), test: (usize, f32)) -> Marks {
    let [train, test] = [train, test].map(|(hits, loss)| score(hits, loss));
    Marks { train, test, ..Marks::default() }
}

/// Images of two by two pixels, one of them bright: class, pixel and brightness of each.
fn images(samples: &[(u8, usize, u8)]) -> Samples {
    let mut bytes = vec![0, 0, 8, 3, 0, 0, 0, samples.len() as u8, 0, 0, 0, 2, 0, 0, 0, 2];
    for &(_, pixel, brightness) in samples {
        bytes.extend((0..4).map(|i| if i == pixel { brightness } else { 0 }));
    }
    Samples::of_images(parse_images(Path::new("x"), &bytes).unwrap(), samples.iter().map(|s| s.0).collect())
}

/// Takes an image for the class of its bright pixel.
const EYE: Spec = Spec::new(4).dense(4, Activation::Identity);

fn eye() -> Vec<f32> {
    (0..EYE.param_len()).map(|i| if i < 16 && i % 5 == 0 { 9.0 } else { 0.0 }).collect()
}

fn data() -> Dataset {
    let test = [(0, 0, 255), (0, 1, 99), (1, 0, 255), (1, 1, 255), (1, 1, 255), (2, 3, 50), (2, 3, 50), (2, 3, 50)];
    let test = images(&[&test[..], &[(3, 3, 255); 2]].concat());
    Dataset { train: images(&[(0, 0, 255); 4]), test, classes: 4, preparation: None, units: None, identity: None }
}

#[test]
fn the_gap_goes_from_train_to_test() {
    let marks = marks((3, 0.5), (1, 2.0));
    let piece = gap(&[("model".into(), &marks)], &EYE);
    let error = file(&piece, "gap-error");
    assert_eq!((places(&error, "+50.00").len(), places(&file(&piece, "gap-loss"), "+1.5000").len()), (1, 1));
    // The circle of train is hollow, after that of the legend.
    let at = |fill: &str| *numbers(&error, &format!("r=\"4.5\" fill=\"{fill}\""), "cx").last().unwrap();
    assert!(at("#ffffff") < at("#006cb0"), "{error}");
    assert!(error.contains("<title>test, model, 75</title>"), "{error}");
}

#[test]
fn a_page_shows_the_average_and_beside_it_the_last_iterate() {
    let average = Averaged { name: "swa", params: eye(), count: 2, marks: marks((4, 0.1), (3, 0.25)), drawn: None };
    let outcome = Outcome {
        spec: EYE,
        last: vec![0.0; EYE.param_len()],
        last_is_average: false,
        stored: Vec::new(),
        last_marks: marks((4, 0.2), (2, 0.75)),
        averages: vec![average],
        baseline: None,
        baseline_history: Vec::new(),
        history: vec![epoch(1, 8, None)],
        best: None,
        interrupted: false,
        diverged: None,
    };
    let page = of_run(Source { data: &data(), name: "squares", origin: "Command: `x`." }, &Plan::article(), &outcome)
        .unwrap()
        .html();
    for part in [
        "<dt>test error, average</dt><dd>25.00\u{a0}%</dd><dd>95 % interval 4.56–69.94, last iterate 50.00\u{a0}%</dd>",
        "<dt>test NLL, average</dt><dd>0.2500</dd><dd>last iterate 0.7500</dd>",
        "squares: 4 training samples, 10 test samples, 4 classes",
        "<p>Command: <code>x</code>.</p>",
        // Of the weights of the average: those of the last iterate take all for the first class.
        "5 of 10 test samples are misclassified",
    ] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn each_curve_is_of_its_own_quantity() {
    let run = [1, 2].map(|i| Epoch {
        validation_loss: Some(0.6),
        validation_error: Some(0.6),
        average_validation_loss: Some(0.4),
        average_validation_error: Some(0.4),
        train_loss: 0.5,
        train_error: 0.5,
        ..epoch(i, 8, None)
    });
    let drawn = History { runs: &[&run], baselines: &[], start: None, loss: "NLL", names: ["model", "average"] };
    let piece = history(&drawn);
    for name in ["loss", "error"] {
        let plot = file(&piece, name);
        // Of the model dashes, of the average points; higher up is less. The first are in the legend.
        let dashes = numbers(&plot, "stroke=\"#ce5600\" stroke-width=\"2\"", "points");
        let model = dashes.chunks(2).map(|at| at[1]).max().unwrap();
        let average = numbers(&plot, "fill=\"#006cb0\"", "cy").into_iter().max().unwrap();
        assert!(model + 20 < average, "{name}: {model}, {average}");
    }
}

#[test]
fn reliability_is_accuracy_over_confidence() {
    let mut calibration = Calibration::default();
    // Nine of ten sure, one of two right.
    (0..40).for_each(|i| calibration.add(&[0.9, 0.1], i % 2).unwrap());
    // Few, and right: hollow.
    (0..5).for_each(|_| calibration.add(&[0.55, 0.45], 0).unwrap());
    let piece = Piece::row(reliability(&[("model".into(), calibration)]));
    let plot = file(&piece, "reliability");
    let [corner, middle] = ["0.8", "0.4"].map(|label| places(&plot, label));
    // The numbers of the upright axis stand to the left.
    let [x8, y8] = [corner.iter().map(|at| at[0]).max().unwrap(), corner.iter().map(|at| at[1]).min().unwrap()];
    let y4 = middle.iter().map(|at| at[1]).min().unwrap();
    let [x, y] = ["cx", "cy"].map(|side| numbers(&plot, "circle cx", side)).map(|all| *all.last().unwrap());
    assert!(x > x8 && y < y4 && y > y8, "{x} {y}: {x8} {y8} {y4}");
    assert_eq!(numbers(&plot, "fill=\"#ffffff\"", "cx").len(), 1, "{plot}");
}

#[test]
fn rows_of_the_confusion_are_classes_and_the_surest_mistake_is_the_first() {
    let (data, params) = (data(), eye());
    let test = TestSet::new(&EYE, &params, &data).unwrap();
    let piece = confusion(&test);
    for (class, recall) in [("0", "50.00 %"), ("1", "66.67 %"), ("2", "0.00 %"), ("3", "100.00 %")] {
        let row = piece.html().split(&format!("<th scope=\"row\">{class}</th>")).nth(1).unwrap();
        assert!(row.split("</tr>").next().unwrap().contains(&format!("<td>{recall} (")), "{class}");
    }
    // Three samples of class 2 were taken for 3.
    let plot = file(&piece, "confusion");
    let [two, three] = ["2", "3"].map(|name| places(&plot, name));
    let (row, column) = (two.iter().min().unwrap()[1], three.iter().min_by_key(|at| at[1]).unwrap()[0]);
    assert!(three.contains(&[column, row]), "{three:?}: {column}, {row}");
    let html = wrong(&test, [2, 2]).unwrap().html().to_owned();
    let captions: Vec<&str> =
        html.split("<figcaption>").skip(1).map(|part| part.split("<br>").next().unwrap()).collect();
    assert_eq!(captions[..2], ["true 1, predicted <b>0</b>", "true 0, predicted <b>1</b>"]);
    assert_eq!(captions[2..], ["true 2, predicted <b>3</b>"; 3]);
}

#[test]
fn settings_say_what_was_set() {
    let rows = |plan: &Plan| settings(plan, "data", "1").html().to_owned();
    let linear = rows(&Plan { decay: DecayPlan::Linear(0.25), norm: None, ..Plan::article() });
    let cosine = rows(&Plan { decay: DecayPlan::Cosine(0.25), norm: Some(NormKind::Batch), ..Plan::article() });
    assert!(linear.contains("0.001, linear decay to 0.25<") && linear.contains("normalisation</th><td>none<"));
    assert!(cosine.contains("0.001, cosine decay to 0.25<") && cosine.contains("normalisation</th><td>batch norm<"));
    let ema = Ema { warmup: Warmup::Power { gamma: 2.0, power: 0.5 }, ..Ema::with_epsilon(0.25) };
    let averages = AveragePlan {
        kinds: vec![AverageKind::Ema(ema), AverageKind::Swag(20, 30)],
        rate: Some(0.125),
        ..AveragePlan::default()
    };
    let averaged = rows(&Plan { averages: Some(averages), ..Plan::article() });
    for part in
        ["decay 0.75, bias-corrected, warm-up 1 − (1 + t/2)^−0.5", "20 columns, 30 draws", "; learning rate 0.125"]
    {
        assert!(averaged.contains(part), "{part}: {averaged}");
    }
}
