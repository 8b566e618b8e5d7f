//! The commands over saved models as a user meets them: evaluations, averages, soups, planes, networks with
//! norms.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "common/cli.rs"]
mod cli;

use cli::{Run, TRAIN, bytes, command, fails, files, run, succeeds, workplace, write_data};
use cygnet::host::evaluation::SavedModel;
use cygnet::{Activation, Loss, Spec};
use serde_json::Value;

/// The words of the row that begins with `name`, in the first table that has one.
fn row<'a>(table: &'a str, name: &str) -> Vec<&'a str> {
    let mut rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.find(|words| words.first() == Some(&name)).unwrap_or_default()
}

#[test]
fn an_evaluation_shows_every_set_and_class_as_tables_and_as_json() {
    let dir = workplace();
    succeeds(&dir, &format!("{TRAIN} --out run --quiet --seed 3"));
    let eval = "eval run/last.cygnet --data data --seed 3";
    let table = succeeds(&dir, eval);
    for (name, number) in [("train", "81"), ("validation", "9"), ("test", "30")] {
        assert_eq!(row(&table, name)[1], number, "{table}");
    }
    for part in
        ["NLL", "top-2 error", "ECE", "macro F1", "mean ROC AUC", "mean AP", "precision", "recall", "predicted classes"]
    {
        assert!(table.contains(part), "{part}: {table}");
    }
    let json = succeeds(&dir, &format!("{eval} --json"));
    assert_eq!((json.lines().count(), succeeds(&dir, &format!("{eval} --json"))), (1, json.clone()));
    assert_eq!(succeeds(&dir, "eval run/last.safetensors --data data --seed 3 --json"), json);
    // Nobody needs to say again what run.json says, and a wrong seed is refused: it would count training samples as
    // validation samples.
    assert_eq!(succeeds(&dir, "eval run/last.cygnet --json"), json);
    let wrong = ["--seed 2", "--seed 3", "--validation 0.1", "run/run.json"];
    fails(&dir, "eval run/last.cygnet --data data --seed 2", 2, &wrong);
    fails(&dir, "eval run/average.safetensors --validation 0.2", 2, &["--validation 0.2", "--seed 3", "run/run.json"]);
    let told = succeeds(&dir, "eval run/last.cygnet");
    assert!(told.starts_with("As run/run.json says: --data data --validation 0.1 --seed 3\n\n"), "{told}");
    assert_eq!(told.split_once("\n\n").unwrap().1, table);
    // Elsewhere nobody knows which samples were held out.
    std::fs::copy(dir.path().join("run/last.cygnet"), dir.path().join("moved.cygnet")).unwrap();
    let moved = run(&dir, "eval moved.cygnet --data data");
    assert!(moved.err.contains("held out") && row(&moved.out, "validation").is_empty(), "{}", moved.out);
    assert_eq!(row(&moved.out, "train")[1], "90");
    // --quiet is for every command, and hides the notes.
    assert_eq!(run(&dir, "eval moved.cygnet --data data -q").err, "");
    let short = succeeds(&dir, "eval run/last.cygnet --quiet");
    assert!(told.contains(short.trim_end()) && !short.contains("precision"), "{short}");
    assert!(!json.contains("thresholds") && !json.contains("roc\""));
    let json = succeeds(&dir, &format!("{eval} --json --curves"));

    let all: Value = serde_json::from_str(&json).unwrap();
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(names(&all), "classes loss_name test train validation");
    assert_eq!((&all["classes"], &all["loss_name"]), (&3.into(), &"cross-entropy".into()));
    for (name, number) in [("train", 81), ("validation", 9), ("test", 30)] {
        let set = &all[name];
        assert_eq!(
            names(set),
            "accuracy accuracy_interval confusion ece loss macro_f1 macro_precision macro_recall mean_average_precision mean_roc_auc nll \
             per_class samples top_k"
        );
        let numbers = |list: &Value| list.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect::<Vec<_>>();
        let counts: f64 = set["confusion"].as_array().unwrap().iter().flat_map(numbers).sum();
        assert_eq!((&set["samples"], counts), (&number.into(), f64::from(number)));
        let (error, loss) = (1.0 - set["accuracy"].as_f64().unwrap(), set["nll"].as_f64().unwrap());
        let row = row(&table, name);
        assert_eq!((row[2], row[5]), (&*format!("{:.2}", 100.0 * error), &*format!("{loss:.4}")));
        for class in set["per_class"].as_array().unwrap() {
            assert_eq!(
                names(class),
                "average_precision f1 pr precision predicted recall roc roc_auc support thresholds"
            );
            assert_eq!(
                (names(&class["roc"]), names(&class["pr"])),
                ("false_positive_rate true_positive_rate".into(), "precision recall".into())
            );
            let [fpr, tpr] = ["false_positive_rate", "true_positive_rate"].map(|axis| numbers(&class["roc"][axis]));
            let [recall, precision] = ["recall", "precision"].map(|axis| numbers(&class["pr"][axis]));
            assert!(tpr == recall && precision.len() == fpr.len() && precision[0] == 1.0);
            assert_eq!((fpr[0], tpr[0], fpr.last(), tpr.last()), (0.0, 0.0, Some(&1.0), Some(&1.0)));
            assert_eq!(numbers(&class["thresholds"]).len(), fpr.len() - 1);
            let steps = fpr.windows(2).zip(tpr.windows(2));
            let area: f64 = steps.map(|(x, y)| (x[1] - x[0]) * (y[1] + y[0]) / 2.0).sum();
            assert!((area - class["roc_auc"].as_f64().unwrap()).abs() < 1e-6);
        }
    }
    let mut child =
        command(dir.path(), &format!("{eval} --json")).stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// Whatever its outputs and its loss are: with classes it names one of them, else it gives its value.
#[test]
fn a_model_of_any_outputs_and_loss_answers_for_images() {
    let dir = workplace();
    write_data(&dir.path().join("two"), [40, 20], 6, 2);
    let losses = [Loss::SoftmaxCrossEntropy, Loss::MeanSquared, Loss::BinaryCrossEntropy, Loss::Huber(1.0)];
    for (outputs, loss) in (1..=3).flat_map(|outputs| losses.map(|loss| (outputs, loss))) {
        let spec = Spec::new(36).dense(outputs, Activation::Identity).loss(loss);
        if spec.check().is_err() {
            continue;
        }
        for (z, class) in [(1.5, usize::from(spec.classes() == 2)), (-1.5, 0)] {
            // The last output is z, the others are 0, whatever the image.
            let mut params = vec![0.0; spec.param_len()];
            *params.last_mut().unwrap() = z;
            let class = if outputs > 1 && z > 0.0 { usize::from(outputs) - 1 } else { class };
            let model = SavedModel { spec, params, is_average: false, preparation: None, trained_on: None };
            model.write(&dir.path().join("made.cygnet")).unwrap();
            let answers = succeeds(&dir, "predict made.cygnet two/t10k-images-idx3-ubyte");
            assert_eq!(answers.lines().count(), 22, "{answers}");
            let (header, cells) = (answers.lines().next().unwrap(), row(&answers, "7"));
            if spec.classes() > 0 {
                assert!(header.contains("class"), "{answers}");
                assert_eq!(cells.get(1), Some(&class.to_string().as_str()), "{outputs} {loss:?} {z}: {answers}");
                assert_eq!(cells.iter().filter(|cell| cell.ends_with(':')).count(), spec.classes(), "{answers}");
                assert_eq!(row(&succeeds(&dir, "eval made.cygnet --data two --quiet"), "test").first(), Some(&"test"));
            } else {
                assert_eq!((header.contains("class"), cells), (false, vec!["7", z.to_string().as_str()]), "{answers}");
                fails(&dir, "eval made.cygnet --data two", 1, &["predicts a number", "classes"]);
                fails(&dir, "predict made.cygnet -", 1, &["standard input", "header"]);
            }
        }
    }
}

#[test]
fn an_evaluation_leaves_out_what_there_is_not() {
    let dir = workplace();
    let parsed = |line: &str| serde_json::from_str::<Value>(&succeeds(&dir, line)).unwrap();
    succeeds(&dir, &format!("{TRAIN} --out run --quiet --loss mse"));
    let noted = |line: &str| run(&dir, line).out;
    let table = succeeds(&dir, "eval run/last.cygnet --data data --validation 0");
    assert!(table.contains("mse") && row(&table, "test").contains(&"–") && row(&table, "validation").is_empty());
    assert_eq!(row(&table, "train")[1], "90");
    let all = parsed("eval run/last.cygnet --data data --validation 0 --json");
    assert!(all["validation"].is_null() && all["test"]["nll"].is_null() && all["test"]["ece"].is_null());
    assert!(all["test"]["loss"].is_number() && all["test"]["mean_roc_auc"].is_number());

    let vote = "vote run/last.cygnet run/average.cygnet --data data";
    assert!(!succeeds(&dir, vote).contains("soft vote"));
    fails(&dir, &format!("{vote} --weights 1,2"), 2, &["--weights need votes", "mse"]);

    // A class without samples has neither recall nor curves.
    write_data(&dir.path().join("poorer"), [9, 9], 6, 2);
    let all: Value = serde_json::from_str(&noted("eval run/last.cygnet --data poorer --json --curves")).unwrap();
    let class = &all["test"]["per_class"][2];
    assert!(class["roc_auc"].is_null() && class["roc"]["true_positive_rate"][1].is_null() && class["support"] == 0);
    assert!(class["roc"]["false_positive_rate"][1].is_number());

    write_data(&dir.path().join("many"), [160, 40], 7, 40);
    succeeds(&dir, "train --data many --epochs 1 --out many --quiet");
    let table = succeeds(&dir, "eval many/last.cygnet --data many");
    assert!(table.contains("confusion matrix of 40 classes") && table.contains("top-5 error"), "{table}");

    let model = SavedModel::read(&dir.path().join("run/last.cygnet")).unwrap();
    let huge = SavedModel { params: vec![3e38; model.params.len()], ..model };
    huge.write(&dir.path().join("huge.cygnet")).unwrap();
    for (flags, code, words) in [
        ("run/last.cygnet --validation 1", 2, ["validation 1", "below 1"]),
        ("run/last.cygnet --validation -1", 2, ["validation -1", "below 1"]),
        ("run/last.cygnet --validation 0.999", 2, ["0.999", "run/run.json"]),
        ("run/last.cygnet --seed x", 2, ["--seed", "invalid digit"]),
        ("missing.cygnet --json", 1, ["missing.cygnet", "o such file"]),
        ("huge.cygnet --json", 1, ["train samples", "not finite"]),
    ] {
        fails(&dir, &format!("eval {flags} --data data"), code, &words);
    }
}

#[test]
fn stored_averages_make_one_of_another_width() {
    let dir = workplace();
    succeeds(&dir, "train --data data --hidden 8 --epochs 30 --posthoc 8 --out run --quiet");
    let stored: Vec<String> = files(&dir, "run").into_iter().filter(|name| name.starts_with("polynomial-")).collect();
    assert_eq!(stored.len(), 16, "{stored:?}");
    assert!(["6.94", "0.72"].iter().all(|eta| stored.iter().filter(|name| name.contains(eta)).count() == 8));
    let models = stored.iter().map(|name| format!("run/{name}")).collect::<Vec<_>>().join(" ");
    let out = succeeds(&dir, &format!("average {models} --posthoc 0.15 --data data --out wide.cygnet"));
    assert!(out.contains("width 0.150") && out.contains("% are missed") && out.contains("average"), "{out}");
    assert!(info_is_average(&dir, "wide.cygnet"));
    let out = succeeds(&dir, &format!("average {models} --posthoc best --data data --out best.cygnet"));
    assert!(out.contains("A polynomial average of width 0."), "{out}");
    for (flags, words) in [
        ("--posthoc 0.01", ["0.01", "at most 10 %"]),
        ("--posthoc 0.5", ["0.5", "out of range"]),
        ("--posthoc wide", ["`wide`", "width"]),
        ("--posthoc 0.1 --soup", ["--posthoc", "--soup"]),
    ] {
        fails(&dir, &format!("average {models} --data data {flags}"), 2, &words);
    }
    fails(&dir, "average run/last.cygnet run/average.cygnet --posthoc 0.1", 2, &["last.cygnet", "train --posthoc"]);
}

fn info_is_average(dir: &tempfile::TempDir, name: &str) -> bool {
    succeeds(dir, &format!("info {name}")).contains("average")
}

#[test]
fn saved_models_are_averaged_uniformly_by_weight_or_as_a_soup() {
    let dir = workplace();
    succeeds(&dir, &format!("{TRAIN} --seeds 3 --out run --quiet"));
    let models = "run/seed-1/last.cygnet run/seed-2/last.safetensors run/seed-3/last.cygnet --data data --seed 1";
    let out = succeeds(&dir, &format!("average {models} --out mean.cygnet"));
    for part in ["run/seed-2/last.safetensors", "weight", "validation error, %", "average", "Saved in mean.cygnet"] {
        assert!(out.contains(part), "{part}: {out}");
    }
    assert!(succeeds(&dir, "eval mean.cygnet --data data --quiet").contains("test"));
    succeeds(&dir, &format!("average {models} --out equal.cygnet --weights 1,1,1"));
    assert_eq!(bytes(&dir, "equal.cygnet"), bytes(&dir, "mean.cygnet"));
    succeeds(&dir, &format!("average {models} --out other.safetensors --weights 1,2.5,1"));
    succeeds(&dir, "convert other.safetensors other.cygnet");
    assert_ne!(bytes(&dir, "other.cygnet"), bytes(&dir, "mean.cygnet"));
    // A soup of one model and itself is that model.
    let same = "run/seed-1/last.cygnet run/seed-1/last.safetensors --data data";
    succeeds(&dir, &format!("average {same} --soup --out soup.cygnet"));
    let model = |name: &str| SavedModel::read(&dir.path().join(name)).unwrap();
    let last = model("run/seed-1/last.cygnet");
    assert!(!last.is_average);
    assert_eq!(model("soup.cygnet"), SavedModel { is_average: true, ..last });
    let soup = succeeds(&dir, &format!("average {models} --soup"));
    assert!(soup.contains("average.cygnet") && soup.contains(" 1 "), "{soup}");
    succeeds(&dir, "train --data data --hidden 5 --epochs 1 --out other --quiet");
    for (flags, code, words) in [
        ("run/seed-1/last.cygnet --data data", 2, ["2 values", "MODELS"]),
        ("run/seed-1/last.cygnet other/last.cygnet --data data", 1, ["other/last.cygnet", "different networks"]),
        (&format!("{models} --weights 1,2"), 2, ["2 numbers", "3 models"]),
        (&format!("{models} --weights 1,2,-1"), 2, ["--weights", "not negative"]),
        (&format!("{models} --weights 0,0,0"), 2, ["--weights", "one must be above 0"]),
        (&format!("{models} --weights 1,inf,1"), 2, ["--weights", "finite"]),
        (&format!("{models} --soup --weights 1,1,1"), 2, ["--soup", "--weights"]),
        (&format!("{models} --validation 0"), 2, ["--validation", "above 0"]),
        ("run/seed-1/last.cygnet missing.cygnet", 1, ["missing.cygnet", "o such file"]),
    ] {
        fails(&dir, &format!("average {flags}"), code, &words);
    }
}

/// Models of one run have its validation samples without a word; those of several runs have none in common.
#[test]
fn votes_and_averages_go_by_the_runs_of_their_models() {
    let dir = workplace();
    succeeds(&dir, &format!("{TRAIN} --out run --quiet --seed 3 --validation 0.2"));
    succeeds(&dir, &format!("{TRAIN} --out other --quiet --seed 4"));
    for begin in ["vote", "average --soup --out soup.cygnet --overwrite"] {
        let models = format!("{begin} run/last.cygnet run/average.safetensors --data data");
        assert_eq!(succeeds(&dir, &models), succeeds(&dir, &format!("{models} --seed 3 --validation 0.2")));
        fails(&dir, &format!("{models} --seed 4"), 2, &["--seed 4", "count training samples as validation samples"]);
        let others = run(&dir, &format!("{begin} run/last.cygnet other/last.cygnet --data data"));
        assert!(
            others.err.starts_with("note: ") && others.err.contains("did not hold out the same samples"),
            "{}",
            others.err
        );
    }
}

#[test]
fn a_plane_and_a_line_are_drawn() {
    let dir = workplace();
    let [a, b, c] = [1, 2, 3].map(|seed| format!("run/seed-{seed}/last.cygnet"));
    // With norms, whose statistics each place of the plane gets anew, and without.
    succeeds(&dir, &format!("{TRAIN} --batch-norm --seeds 3 --out run --quiet"));
    succeeds(&dir, &format!("plane {a} {b} {c} --data data --steps 3 --out picture"));
    succeeds(&dir, &format!("{TRAIN} --seeds 3 --out run --quiet --overwrite"));
    for (models, rows) in [(format!("{a} {b} {c}"), 25), (format!("{a} {b}"), 5)] {
        let out = succeeds(&dir, &format!("plane {models} --data data --steps 5 --out picture --overwrite"));
        assert!(out.contains("lowest train loss") && out.contains("picture.svg, its data in picture.csv"), "{out}");
        let svg = String::from_utf8(bytes(&dir, "picture.svg")).unwrap();
        for part in [
            "<svg",
            "seed-2/last",
            "average",
            "train loss",
            "test error, %",
            "distance in weight space",
            "prefers-color-scheme",
            "</svg>",
        ] {
            assert!(svg.contains(part), "{part}");
        }
        // A map has areas of all colours.
        let colours = svg.split("fill=\"#").skip(1).map(|part| &part[..6]).collect::<std::collections::BTreeSet<_>>();
        assert_eq!(colours.len() > 12, rows == 25, "{colours:?}");
        let csv = String::from_utf8(bytes(&dir, "picture.csv")).unwrap();
        assert!(csv.starts_with("x,y,train_loss,test_error_percent") && csv.lines().count() == 1 + rows, "{csv}");
    }
    succeeds(&dir, "train --data data --hidden 5 --epochs 1 --out other --quiet");
    for (flags, code, words) in [
        (format!("{a} {a}"), 1, ["last.cygnet", "equals"]),
        (format!("{a} other/last.cygnet"), 1, ["other/last.cygnet", "different networks"]),
        (format!("{a} {b} --steps 1"), 2, ["--steps", "2"]),
        (format!("{a} {b} --margin -1"), 2, ["--margin", "0 to 100"]),
        (format!("{a} {b} --samples 0"), 2, ["--samples", "1"]),
        (a.clone(), 2, ["2 values", "MODELS"]),
        (format!("{a} {b} --steps 3 --out missing/picture"), 1, ["missing/picture.svg", "o such file"]),
    ] {
        fails(&dir, &format!("plane {flags} --data data"), code, &words);
    }
}

#[test]
fn networks_with_norms_are_trained_and_averaged() {
    let dir = workplace();
    let flags = "--batch-norm --hidden 8,5 --average swa,swag --swag-samples 3 --swa-start 0 --seeds 2 --quiet";
    for optimizer in ["adam --clip 1 --micro-batch 10", "sgd --momentum 0.9 --lookahead 5", "schedule-free --loss mse"]
    {
        let flags = if optimizer.ends_with("mse") { flags.replace(",swag --swag-samples 3", "") } else { flags.into() };
        succeeds(&dir, &format!("train --data data --epochs 2 {flags} --optimizer {optimizer} --out run --overwrite"));
    }
    let read = |name: &str| SavedModel::read(&dir.path().join(name)).unwrap();
    assert!(read("run/seed-1/last.cygnet").is_average, "schedule-free's is one");
    let info = succeeds(&dir, "info run/seed-1/average.cygnet");
    for part in ["norm, relu", "(an average of models)", "training workspace, batch 2"] {
        assert!(info.contains(part), "{part}: {info}");
    }
    let models = "run/seed-1/last.cygnet run/seed-2/average.safetensors run/seed-1/average.cygnet --data data";
    succeeds(&dir, &format!("average {models} --seed 1 --out mean.cygnet --soup"));
    assert!(succeeds(&dir, "eval mean.cygnet --data data --quiet").contains("test"));
    succeeds(&dir, "predict mean.cygnet data/t10k-images-idx3-ubyte");
    succeeds(&dir, "convert mean.cygnet mean.safetensors");
    assert_eq!(read("mean.safetensors"), read("mean.cygnet"));
    succeeds(&dir, "convert mean.cygnet folded.cygnet --fold");
    assert!(!succeeds(&dir, "info folded.cygnet").contains("norm, relu"));
    assert_eq!(
        succeeds(&dir, "eval folded.cygnet --data data --quiet"),
        succeeds(&dir, "eval mean.cygnet --data data --quiet")
    );
    succeeds(&dir, "convert folded.cygnet again.cygnet --fold");
    assert_eq!(read("again.cygnet"), read("folded.cygnet"));

    // Other statistics are no other weights: to a soup they are equal, and a plane finds no way between them.
    let mut stale = read("run/seed-1/average.cygnet");
    for layer in stale.spec.layers().filter(|layer| layer.is_normed()) {
        let end = layer.offset() + layer.param_len();
        stale.params[end - 2 * layer.outputs()..end].fill(300.0);
    }
    stale.write(&dir.path().join("stale.cygnet")).unwrap();
    let both = "run/seed-1/average.cygnet stale.cygnet --data data";
    let table = succeeds(&dir, &format!("average {both} --soup --out soup.cygnet"));
    let weights: Vec<_> = table.lines().filter(|line| line.contains(".cygnet ")).collect();
    assert!(weights.len() == 2 && weights.iter().all(|line| line.split_whitespace().nth(1) == Some("1")), "{table}");
    assert_eq!(read("soup.cygnet"), read("run/seed-1/average.cygnet"));
    fails(&dir, &format!("plane {both}"), 1, &["stale.cygnet", "equals"]);
    for (flags, words) in [
        ("--batch 1", ["leave a single sample", "batches of 1"]),
        ("--batch 40", ["leave a single sample", "81 samples"]),
        ("--batch 33 --micro-batch 16", ["leave a single sample", "16 at once"]),
        ("--hidden none --batch 1", ["batch-norm", "one hidden layer"]),
    ] {
        fails(&dir, &format!("train --data data --batch-norm {flags} --out none"), 2, &words);
    }
    for (flags, words) in [
        ("--layer-norm --hidden none", ["layer-norm", "one hidden layer"]),
        ("--layer-norm --hidden 1", ["layer-norm", "two units"]),
        ("--layer-norm --batch-norm", ["--layer-norm", "--batch-norm"]),
        ("--optimizer adam --no-bias-decay", ["--no-bias-decay", "--weight-decay above 0"]),
    ] {
        fails(&dir, &format!("train --data data {flags} --out none"), 2, &words);
    }
    assert!(!dir.path().join("none").exists());
}

#[test]
fn replicas_are_trained_side_by_side_and_vote() {
    let dir = workplace();
    let out = succeeds(&dir, &format!("{TRAIN} --replicas 3 --out run --threads 2"));
    let rows = ["replica-1", "replica-3", "mean of the models above", "average", "polynomial of 6", "soup"];
    let votes = ["soft vote", "log-pooled", "hard vote"];
    for part in rows.into_iter().chain(votes).chain(["epoch   rate", "Saved in run"]) {
        assert!(out.contains(part), "{part}: {out}");
    }
    let mut expected: Vec<String> = ["average", "replica-1", "replica-2", "replica-3", "soup", "polynomial"]
        .iter()
        .flat_map(|name| [".cygnet", ".safetensors"].map(|end| format!("{name}{end}")))
        .collect();
    expected.extend(["history.csv", "history.jsonl", "plots", "report.html", "run.json"].map(String::from));
    expected.sort();
    assert_eq!(files(&dir, "run"), expected);
    succeeds(&dir, &format!("{TRAIN} --replicas 3 --out same --threads 1 --quiet"));
    assert_eq!(bytes(&dir, "run/average.cygnet"), bytes(&dir, "same/average.cygnet"));
    let models = "run/replica-1.cygnet run/replica-2.safetensors run/replica-3.cygnet --data data";
    let votes = succeeds(&dir, &format!("vote {models}"));
    let line = |text: &str, name: &str| text.lines().find(|line| line.contains(name)).map(str::to_owned);
    for name in ["soft vote", "hard vote"] {
        let figures =
            |text| line(text, name).map(|line| line.split_whitespace().skip(2).map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(figures(&votes), figures(&out), "{name}");
    }
    succeeds(&dir, &format!("vote {models} --weights 1,2,0.5"));
    // A weight of 0 leaves a model out, as in an average.
    let [without, two] = [
        "vote run/replica-1.cygnet run/replica-2.safetensors run/replica-3.cygnet --weights 1,0,1",
        "vote run/replica-1.cygnet run/replica-3.cygnet",
    ]
    .map(|vote| succeeds(&dir, &format!("{vote} --data data")));
    let pooled = |text: &str| line(text, "log-pooled").map(|line| line.split_whitespace().collect::<String>());
    assert!(pooled(&two).is_some() && pooled(&without) == pooled(&two));
    // Fewer replicas that replace them leave none of the earlier ones beside them, and an ordinary run leaves no replica.
    let none = "--pull none --replica-start independent --validation 0 --quiet";
    let out = succeeds(&dir, &format!("{TRAIN} --replicas 2 --out run --overwrite {none}"));
    let page = |name: &str| String::from_utf8(bytes(&dir, &format!("{name}/report.html"))).unwrap();
    assert!(page("run").contains("different basins") && !page("same").contains("different basins"));
    assert!(
        page("run").contains("initial weights, not pulled.")
            && page("same").contains("run T), at the end of each epoch.")
    );
    assert!(out.contains("different basins") && !out.contains("soup"), "{out}");
    assert!(files(&dir, "run").iter().all(|name| !name.starts_with("replica-3") && !name.starts_with("soup")));
    succeeds(&dir, &format!("{TRAIN} --out run --overwrite --quiet"));
    assert!(files(&dir, "run").iter().all(|name| !name.starts_with("replica")));
    // Five unless it is said; several seeds have a page of their own.
    succeeds(&dir, &format!("{TRAIN} --seeds 2 --out seeds --quiet --replicas"));
    assert!(files(&dir, "seeds/seed-2").contains(&"replica-5.cygnet".into()));
    assert!(page("seeds").contains("seed-2/report.html") && page("seeds").contains("replica-5"));
    assert!(!page("seeds").contains("different basins"));
    succeeds(
        &dir,
        &format!(
            "{TRAIN} --seeds 2 --out seeds --overwrite --quiet --replicas 2 --replica-start independent --pull none"
        ),
    );
    assert!(page("seeds").contains("different basins"));
    for (command, code, words) in [
        ("train --replicas 3 --epochs 1", 2, ["single epoch", "--pull-every"]),
        ("train --replicas 1", 2, ["replicas 1", "at least 2"]),
        ("train --replicas 3 --pull 2", 2, ["--pull", "`2`"]),
        ("train --replicas 3 --pull-every 0", 2, ["pull-every 0", "at least 1"]),
        ("train --pull fading", 2, ["required arguments", "not provided"]),
        ("train --replicas 3 --pull elastic:0", 2, ["pull elastic:0.0", "above 0"]),
        ("train --replicas 3 --pull elastic:0.34", 2, ["pull elastic:0.34", "at most 1/3"]),
        ("train --replicas 3 --pull elastic:x", 2, ["--pull", "elastic[:ALPHA]"]),
        ("train --replicas 3 --average swa,swag", 2, ["replicas", "--average swag"]),
        ("train --replicas 3 --optimizer schedule-free", 2, ["schedule-free", "--optimizer"]),
        ("train --replicas 3 --baseline", 2, ["--replicas", "--baseline"]),
        ("vote same/average.cygnet", 2, ["2 values", "MODELS"]),
        ("vote same/average.cygnet same/soup.cygnet --weights 1", 2, ["1 numbers", "2 models"]),
        ("vote same/average.cygnet same/soup.cygnet --weights 1,-1", 2, ["--weights", "not negative"]),
        ("vote same/average.cygnet same/soup.cygnet --weights 0,0", 2, ["--weights", "one must be above 0"]),
    ] {
        let data = format!("{command} --data data {}", if command.starts_with("train") { "--out none" } else { "" });
        fails(&dir, &data, code, &words);
    }
    assert!(!dir.path().join("none").exists());
}

#[test]
fn replicas_are_augmented_averaged_held_elastically_and_repeated() {
    let dir = workplace();
    let train = |flags: &str| succeeds(&dir, &format!("{TRAIN} --replicas 3 --quiet {flags}"));
    let all = "--pull elastic --pull-every 2 --augment --average swa,ema --swa-start 0 --replica-start independent";
    let out = train(&format!("{all} --threads 2 --out run"));
    for part in ["replica-3", "centre", "swa of 2", "ema of 6", "soup", "soft vote"] {
        assert!(out.contains(part), "{part}: {out}");
    }
    train(&format!("{all} --threads 1 --out same"));
    let of = |run: &str, name: &str| bytes(&dir, &format!("{run}/{name}.cygnet"));
    for name in ["average", "swa", "ema", "replica-2"] {
        assert!(of("run", name) == of("same", name), "{name}");
    }
    for (less, changed) in [
        (all.replace("--augment ", ""), true),
        (all.replace("elastic", "elastic:0.2"), true),
        (all.replace("elastic", "elastic:0.3"), false),
        (all.replace("elastic", "0.3"), true),
        (all.replace("--pull-every 2 ", ""), true),
        (all.replace("ema", "lawa"), false),
    ] {
        train(&format!("{less} --out other --overwrite"));
        assert_eq!(of("other", "average") != of("run", "average"), changed, "{less}");
    }
    // What no average needs is not left beside it.
    train("--average none --out run --overwrite");
    assert!(!files(&dir, "run").iter().any(|name| name.starts_with("swa") || name.starts_with("ema")));

    let out = train("--seeds 2 --out many");
    assert!(out.contains("± standard deviation of 2 seeds") && out.matches("  polynomial of 6").count() == 3, "{out}");
    assert_eq!(files(&dir, "many"), ["report.html", "run.json", "seed-1", "seed-2"]);
    train("--seed 2 --out one");
    assert!(
        of("many/seed-2", "average") == of("one", "average")
            && of("many/seed-1", "polynomial") != of("one", "polynomial")
    );

    let late = "--replicas 3 --epochs 6 --loss mse --optimizer sgd --dropout 0 --swa-start 0.5 --swa-rate 1e9";
    let Run { code, out, err } = run(&dir, &format!("train --data data --hidden 8 --quiet --out late {late}"));
    assert!(code == Some(1) && out.contains("replica-3"), "{out}");
    assert!(err.contains("epoch 3 are saved in late") && err.contains("smaller --rate (it was 1000000000.0)"), "{err}");
    for name in ["replica-1", "average", "swa"] {
        let model = SavedModel::read(&dir.path().join(format!("late/{name}.cygnet"))).unwrap();
        assert!(model.params.iter().all(|p| p.abs() < 100.0), "{name}");
    }
}

#[test]
fn the_article_is_reproduced_in_one_table() {
    let dir = workplace();
    let line = "reproduce --data data --epochs 2 --replicas 3 --seeds 2 --validation 0.3 --out r --overwrite";
    let out = succeeds(&dir, line);
    let header = out.lines().find(|line| line.contains("test ECE, %")).unwrap();
    assert!(header.contains("validation, %") && header.contains("updates"), "{header}");
    // 63 samples are learned from: 2 updates an epoch, of one model or of three.
    for (name, updates) in [
        ("one model", "4"),
        ("one model: SWA", "4"),
        ("learning rate decay", "4"),
        ("growing batch", "4"),
        ("independent replicas: single model, mean", "4"),
        ("independent replicas: average", "12"),
        ("independent replicas: soft vote", "12"),
        ("independent replicas: log-pooled vote", "12"),
        ("independent replicas: hard vote", "12"),
        ("pulled replicas, common start: average", "12"),
        ("pulled replicas, independent start: average", "12"),
    ] {
        let mut rows = out.lines().skip_while(|line| !line.contains("test ECE, %"));
        let row = rows.find(|line| line.trim_start().starts_with(&format!("{name}  "))).expect(name);
        assert!(row.ends_with(&format!("{updates} ± 0")), "{row}");
    }
    assert!(
        out.contains("1. Mean of models with independent initial weights.") && out.contains("not a useful model"),
        "{out}"
    );
    let page = String::from_utf8(bytes(&dir, "r/report.html")).unwrap();
    for part in [
        "one of the independent replicas",
        "learning rate decay",
        "mean, common start",
        "not a useful model",
        "mean ± standard deviation of 2 seeds",
        "first-layer weights: SWA",
    ] {
        assert!(page.contains(part), "{part}");
    }
    // The stages stand over each other, in one chart of each quantity.
    assert_eq!(page.matches(" of each stage after each epoch").count(), 2);
    assert!(!page.contains("is not complete"));
    let table = String::from_utf8(bytes(&dir, "r/table.csv")).unwrap();
    assert!(table.starts_with("variant,seed,\"train, %\",\"validation, %\"") && table.lines().count() == 23, "{table}");
    for stage in ["single", "falling", "growing", "apart", "common", "independent"] {
        let history = String::from_utf8(bytes(&dir, &format!("r/{stage}.csv"))).unwrap();
        assert_eq!(history.lines().count(), 3, "{stage}");
    }
    // The same bits, on any number of threads; another recipe has others.
    let quiet = succeeds(&dir, &format!("{line} --quiet --threads 1"));
    assert!(!quiet.contains("useful model") && quiet.lines().count() == 14, "{quiet}");
    assert_eq!(String::from_utf8(bytes(&dir, "r/table.csv")).unwrap(), table);
    succeeds(&dir, &format!("{line} --quiet --recipe sgd"));
    assert_ne!(String::from_utf8(bytes(&dir, "r/table.csv")).unwrap(), table);
    for (flags, words) in [
        ("--validation 0", ["no validation samples", "--validation"]),
        ("--replicas 1", ["replicas 1", "at least 2"]),
        ("--epochs 0", ["epochs 0", "at least 1"]),
        ("--epochs 1", ["fading pull", "--epochs"]),
        ("--seeds 0", ["--seeds", "0"]),
        ("--recipe lbfgs", ["--recipe", "lbfgs"]),
    ] {
        fails(&dir, &format!("reproduce --data data --out none {flags}"), 2, &words);
    }
    assert!(!dir.path().join("none").exists());
}

/// A file of another program does not record which columns its inputs are: whoever knows it says it.
#[test]
fn a_model_without_preprocessing_takes_a_table_whose_columns_are_named() {
    let dir = workplace();
    // Two inputs are the two outputs: the larger one is the class.
    let spec = Spec::new(2).dense(2, Activation::Identity);
    let params = vec![1.0, 0.0, 0.0, 1.0, 0.0, 0.0];
    let model = SavedModel { spec, params, is_average: false, preparation: None, trained_on: None };
    for file in ["made.cygnet", "made.safetensors"] {
        model.write(&dir.path().join(file)).unwrap();
    }
    let row = |i: usize| format!("{},x,{},{}\n", i % 7, i % 5, if i % 7 >= i % 5 { "first" } else { "second" });
    let table: String = ["a,text,b,y\n".to_owned()].into_iter().chain((0..40).map(row)).collect();
    std::fs::write(dir.path().join("rows.csv"), table).unwrap();
    let columns = "--columns a,b --label y --classes first,second";
    for file in ["made.cygnet", "made.safetensors"] {
        let out = succeeds(&dir, &format!("eval {file} --data rows.csv {columns} --quiet --json"));
        let all: Value = serde_json::from_str(&out).unwrap();
        assert_eq!((&all["test"]["accuracy"], &all["train"]["accuracy"]), (&1.0.into(), &1.0.into()), "{out}");
        fails(&dir, &format!("eval {file} --data rows.csv"), 1, &["images"]);
        fails(&dir, &format!("eval {file} --data rows.csv --columns a"), 2, &["--columns has 1 names", "2-…-2"]);
        fails(&dir, &format!("eval {file} --data rows.csv --label y"), 2, &["required arguments"]);
    }
    succeeds(&dir, &format!("convert made.safetensors ready.cygnet {columns}"));
    let answers = succeeds(&dir, "predict ready.cygnet rows.csv");
    assert_eq!(succeeds(&dir, &format!("predict made.safetensors rows.csv {columns}")), answers);
    assert_eq!(answers.lines().skip(2).filter(|line| line.split_whitespace().nth(1) == Some("first")).count(), 30);
    fails(&dir, &format!("eval ready.cygnet --data rows.csv {columns}"), 2, &["ready.cygnet records its columns"]);
}
