//! The commands over saved models as a user meets them: averages, soups, planes, networks with norms.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "common/cli.rs"]
mod cli;

use cli::{TRAIN, bytes, fails, succeeds, workplace};
use cygnet::host::model_file::SavedModel;

#[test]
fn saved_models_are_averaged_uniformly_by_weight_or_as_a_soup() {
    let dir = workplace();
    succeeds(&dir, &format!("{TRAIN} --seeds 3 --out run --quiet"));
    let models = "run/seed-1/last.cygnet run/seed-2/last.safetensors run/seed-3/last.cygnet --data data";
    let out = succeeds(&dir, &format!("average {models} --out mean.cygnet"));
    for part in ["run/seed-2/last.safetensors", "weight", "validation error, %", "average", "Saved in mean.cygnet"] {
        assert!(out.contains(part), "{part}: {out}");
    }
    assert!(succeeds(&dir, "eval mean.cygnet --data data").contains("test"));
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
        (&format!("{models} --weights 1,2"), 2, ["2 weights", "3 models"]),
        (&format!("{models} --weights 1,2,-1"), 1, ["weight", "positive"]),
        (&format!("{models} --weights 0,0,0"), 1, ["average", "no update"]),
        (&format!("{models} --soup --weights 1,1,1"), 2, ["--soup", "--weights"]),
        (&format!("{models} --validation 0"), 2, ["--validation", "above 0"]),
        ("run/seed-1/last.cygnet missing.cygnet", 1, ["missing.cygnet", "o such file"]),
    ] {
        fails(&dir, &format!("average {flags}"), code, &words);
    }
}

#[test]
fn a_plane_and_a_line_are_drawn() {
    let dir = workplace();
    succeeds(&dir, &format!("{TRAIN} --seeds 3 --out run --quiet"));
    let [a, b, c] = [1, 2, 3].map(|seed| format!("run/seed-{seed}/last.cygnet"));
    for (models, rows) in [(format!("{a} {b} {c}"), 25), (format!("{a} {b}"), 5)] {
        let out = succeeds(&dir, &format!("plane {models} --data data --steps 5 --out picture"));
        assert!(out.contains("least train loss") && out.contains("picture.svg and picture.png"), "{out}");
        let svg = String::from_utf8(bytes(&dir, "picture.svg")).unwrap();
        for part in ["<svg", "seed-2/last", "average", "train loss", "test error, %", "</svg>"] {
            assert!(svg.contains(part), "{part}");
        }
        let image = bytes(&dir, "picture.png");
        let decoder = png::Decoder::new(std::io::Cursor::new(&image));
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width, info.height), (1240, if rows > 5 { 560 } else { 460 }));
        // Text and colours, not an empty canvas.
        let mut seen: Vec<&[u8]> = pixels.chunks(3).collect();
        seen.sort_unstable();
        seen.dedup();
        assert!(seen.len() > 30, "{}", seen.len());
        let csv = String::from_utf8(bytes(&dir, "picture.csv")).unwrap();
        assert!(csv.starts_with("x,y,train_loss,test_error_percent") && csv.lines().count() == 1 + rows, "{csv}");
    }
    succeeds(&dir, "train --data data --hidden 5 --epochs 1 --out other --quiet");
    for (flags, code, words) in [
        (format!("{a} {a}"), 1, ["last.cygnet", "equals"]),
        (format!("{a} other/last.cygnet"), 1, ["other/last.cygnet", "different networks"]),
        (format!("{a} {b} --steps 1"), 2, ["--steps", "2"]),
        (format!("{a} {b} --margin -1"), 2, ["--margin", "0 to 100"]),
        (format!("{a} {b} --samples 0"), 2, ["--samples", "one"]),
        (a.clone(), 2, ["2 values", "MODELS"]),
        (format!("{a} {b} --steps 3 --out missing/picture"), 1, ["missing/picture.csv", "o such file"]),
    ] {
        fails(&dir, &format!("plane {flags} --data data"), code, &words);
    }
}

#[test]
fn networks_with_norms_are_trained_averaged_and_drawn() {
    let dir = workplace();
    let flags = "--batch-norm --hidden 8,5 --average swa,swag --swag-samples 3 --swa-start 0 --seeds 2 --quiet";
    for optimizer in ["adam --clip 1 --micro-batch 10", "sgd --momentum 0.9 --lookahead 5", "schedule-free --loss mse"]
    {
        let flags = if optimizer.ends_with("mse") { flags.replace(",swag --swag-samples 3", "") } else { flags.into() };
        succeeds(&dir, &format!("train --data data --epochs 2 {flags} --optimizer {optimizer} --out run"));
    }
    let read = |name: &str| SavedModel::read(&dir.path().join(name)).unwrap();
    assert!(read("run/seed-1/last.cygnet").is_average, "schedule-free's is one");
    let info = succeeds(&dir, "info run/seed-1/average.cygnet");
    for part in ["norm, relu", "of an average", "training workspace, batch 2"] {
        assert!(info.contains(part), "{part}: {info}");
    }
    let models = "run/seed-1/last.cygnet run/seed-2/average.safetensors run/seed-1/average.cygnet --data data";
    succeeds(&dir, &format!("average {models} --out mean.cygnet --soup"));
    assert!(succeeds(&dir, "eval mean.cygnet --data data").contains("test"));
    succeeds(&dir, "predict mean.cygnet data/t10k-images-idx3-ubyte");
    succeeds(&dir, "convert mean.cygnet mean.safetensors");
    assert_eq!(read("mean.safetensors"), read("mean.cygnet"));
    succeeds(&dir, &format!("plane {models} --steps 3 --out picture"));
    for (flags, words) in [
        ("--batch 1", ["no single sample", "batches of 1"]),
        ("--batch 40", ["no single sample", "one of 81"]),
        ("--batch 33 --micro-batch 16", ["no single sample", "16 at once"]),
    ] {
        fails(&dir, &format!("{TRAIN} --batch-norm {flags} --out none"), 2, &words);
    }
    assert!(!dir.path().join("none").exists());
}
