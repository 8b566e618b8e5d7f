//! The command as a user meets it: what it writes and says, its exit codes, and one line for every mistake.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "common/cli.rs"]
mod cli;

use cli::{Run, TRAIN, bytes, command, fails, files, run, succeeds, workplace, write_data};
use cygnet::host::evaluation::SavedModel;
use std::fs;

#[test]
fn a_run_writes_models_that_every_command_reads() {
    let dir = workplace();
    let out = succeeds(&dir, &format!("{TRAIN} --out run --swa-start 0"));
    for part in ["36-8-3, 323 parameters", "epoch   rate", "average of 2", "test error, %", "Next: cygnet predict"] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let saved = [
        "average.cygnet",
        "average.safetensors",
        "history.csv",
        "history.jsonl",
        "last.cygnet",
        "last.safetensors",
        "plots",
        "report.html",
        "run.json",
    ];
    assert_eq!(files(&dir, "run"), saved);
    let history = String::from_utf8(bytes(&dir, "run/history.csv")).unwrap();
    assert!(
        history.starts_with("epoch,steps,rate,batch,noise_scale,train_loss") && history.lines().count() == 3,
        "{history}"
    );

    let from_checkpoint = succeeds(&dir, "eval run/average.cygnet --data data");
    assert!(from_checkpoint.contains("NLL") && from_checkpoint.contains("test"));
    assert_eq!(succeeds(&dir, "eval run/average.safetensors --data data"), from_checkpoint);
    assert!(succeeds(&dir, "info run/last.cygnet").contains("dense 2"));
    let verdicts = succeeds(&dir, "predict run/last.cygnet data/t10k-images-idx3-ubyte");
    assert_eq!(verdicts.lines().count(), 2 + 30, "{verdicts}");

    assert_eq!(succeeds(&dir, "convert run/last.cygnet copy.safetensors"), "");
    assert_eq!(bytes(&dir, "copy.safetensors"), bytes(&dir, "run/last.safetensors"));
    succeeds(&dir, "convert copy.safetensors back.cygnet");
    assert_eq!(bytes(&dir, "back.cygnet"), bytes(&dir, "run/last.cygnet"));
    // The content says what a file is, not only its name.
    fs::rename(dir.path().join("copy.safetensors"), dir.path().join("model.bin")).unwrap();
    assert_eq!(succeeds(&dir, "info model.bin"), succeeds(&dir, "info run/last.cygnet"));

    // A run without an average that replaces one leaves none beside its model.
    let out = succeeds(&dir, &format!("{TRAIN} --out run --overwrite --average none --quiet"));
    assert!(out.contains("No average was computed") && !out.contains("epoch   rate"), "{out}");
    assert_eq!(files(&dir, "run"), saved[2..]);
}

#[test]
fn every_average_has_a_column_and_a_file() {
    let dir = workplace();
    let flags = "--average swag:2,swa,ema:0.5,lawa --swa-start 0 --baseline --seeds 2";
    let out = succeeds(&dir, &format!("{TRAIN} --out run {flags}"));
    for part in ["swag of 2", "swa of 2", "ema of ", "lawa of 2", "baseline", "test ECE, %", "that of the baseline"] {
        assert!(out.contains(part), "{part}: {out}");
    }
    for part in ["mean weights", "soft vote of 30", "log-pooled vote of 30", "hard vote of 30 draws"] {
        assert_eq!(out.matches(part).count(), 2, "{part}: {out}");
    }
    let seeds = out.rsplit("last iterate  ").next().unwrap();
    for part in ["swag", "swa", "ema", "lawa", "baseline", "± standard deviation of 2 seeds"] {
        assert!(seeds.contains(part), "{part}: {seeds}");
    }
    let models = ["average", "ema", "last", "lawa", "swa"]
        .map(|name| [".cygnet", ".safetensors"].map(|end| format!("{name}{end}")));
    let mut expected: Vec<String> = models.concat();
    expected.extend(["history.csv", "history.jsonl", "plots", "report.html"].map(String::from));
    expected.sort();
    assert_eq!(files(&dir, "run/seed-1"), expected);
    assert_eq!(files(&dir, "run"), ["plots", "report.html", "run.json", "seed-1", "seed-2"]);
    // The mean of a posterior is the running mean; two of two snapshots are, too.
    let [swag, swa, lawa] = ["average", "swa", "lawa"].map(|name| bytes(&dir, &format!("run/seed-2/{name}.cygnet")));
    assert!(swag == swa && swa == lawa);
    // Fewer seeds and averages that replace them leave none of the others.
    succeeds(&dir, &format!("{TRAIN} --out run --overwrite --average ema --quiet"));
    assert!(files(&dir, "run").iter().all(|name| !name.starts_with(['e', 's']) && !name.starts_with("lawa")));
}

#[test]
fn every_schedule_trains_and_ends_at_its_rate() {
    let dir = workplace();
    for (flags, last) in [
        ("--schedule paper --rate 0.1 --final-rate 0.02 --swa-start 0.5", "0.02"),
        ("--lookahead 5", "0.05"),
        ("--schedule cyclic:1 --rate 0.1", "0.02"),
        ("--schedule restarts:1 --rate 0.1", "0.0"),
        ("--schedule one-cycle --rate 0.1 --final-rate 0.001", "0.01"),
        ("--swa-rate 0.03 --swa-start 0.5 --rate 0.1", "0.03"),
        ("--schedule step:1,0.5 --rate 0.1", "0.05"),
    ] {
        succeeds(&dir, &format!("{TRAIN} --out run --overwrite --quiet --optimizer sgd {flags}"));
        let history = String::from_utf8(bytes(&dir, "run/history.csv")).unwrap();
        let rate = history.lines().last().unwrap().split(',').nth(2).unwrap();
        assert!(rate.starts_with(last), "{flags}: {rate}");
    }
}

#[test]
fn equal_runs_give_equal_bytes_and_only_what_decides_changes_them() {
    let dir = workplace();
    let average = |flags: &str| {
        succeeds(&dir, &format!("{TRAIN} --out run --overwrite --quiet {flags}"));
        bytes(&dir, "run/average.cygnet")
    };
    let first = average("--seed 7");
    assert_eq!(average("--seed 7"), first);
    assert_ne!(average("--seed 8"), first);
    assert_eq!(average("--seed 7 --micro-batch 5"), first);
    assert_eq!(average("--seed 7 --micro-batch 99999999999"), first);
    let whole = average("--batch 4000000000");
    assert_eq!(average("--batch 81"), whole);
    assert_eq!(average("--batch 18446744073709551615 --micro-batch 7"), whole);
}

#[test]
fn augmentation_changes_what_is_learned_and_nothing_else_decides_it() {
    let dir = workplace();
    let average = |flags: &str| {
        succeeds(&dir, &format!("{TRAIN} --out run --overwrite --quiet {flags}"));
        bytes(&dir, "run/average.cygnet")
    };
    let plain = average("");
    let augmented = average("--augment");
    assert_ne!(augmented, plain);
    assert_eq!(average("--augment"), augmented);
    assert_eq!(average("--augment --micro-batch 5"), augmented);
    assert_eq!(average("--augment --rotate 10 --zoom 0.1 --shift 0.1 --shear 0.1"), augmented);
    assert_eq!(average("--augment --rotate 0 --zoom 0 --shift 0 --shear 0"), plain);
    for flags in ["--flip", "--elastic", "--elastic --elastic-alpha 8 --elastic-sigma 2", "--shift 0.3"] {
        assert_ne!(average(&format!("--augment {flags}")), augmented, "{flags}");
    }
    write_data(&dir.path().join("dot"), [9, 9], 1, 2);
    for flags in [
        "--optimizer schedule-free --batch-norm --average ema,swag",
        "--optimizer sgd --momentum 0.9 --clip 1 --lookahead 5 --batch 7 --micro-batch 3",
        "--optimizer adamw --loss mse --batch 1000 --seeds 2 --baseline",
        "--layer-norm --batch 1 --average ema,swag --baseline",
        "--optimizer schedule-free --weight-decay 0.01 --no-bias-decay --layer-norm",
        "--data dot",
    ] {
        let data = if flags.contains("--data") { "" } else { "--data data" };
        succeeds(&dir, &format!("train --epochs 2 --hidden 8 --quiet --augment --elastic {data} {flags}"));
    }
    let out = succeeds(&dir, &format!("{TRAIN} --augment --out other"));
    assert!(out.contains("the others are augmented"), "{out}");
}

#[test]
fn a_batch_that_grows_is_in_the_log_and_in_the_history() {
    let dir = workplace();
    let out = succeeds(&dir, &format!("{TRAIN} --batch 8 --grow doubling:1 --grow-to 16 --out run"));
    let lines: Vec<&str> = out.lines().skip_while(|line| !line.contains("validation ")).take(4).collect();
    assert!(lines[1].contains("size   noise") && lines[3].split_whitespace().nth(2) == Some("16"), "{out}");
    assert_eq!(lines[2].split_whitespace().nth(2), Some("8"), "{out}");
    let history = String::from_utf8(bytes(&dir, "run/history.csv")).unwrap();
    let row = |n: usize| history.lines().nth(n).unwrap().split(',').map(String::from).collect::<Vec<_>>();
    assert_eq!(row(0)[3..5], ["batch", "noise_scale"]);
    // Of 81 samples: 11 batches of 8, the last of one sample, then 6 of 16.
    assert_eq!([&row(1)[1], &row(1)[3], &row(2)[1], &row(2)[3]], ["11", "8", "17", "16"]);
    let plain = succeeds(&dir, &format!("{TRAIN} --out plain"));
    assert!(!plain.contains("noise"), "{plain}");
}

#[test]
fn several_seeds_end_in_a_mean() {
    let dir = workplace();
    let out = succeeds(&dir, &format!("{TRAIN} --seeds 2 --seed 18446744073709551615 --out many"));
    assert!(out.contains('±') && out.contains("Mean ± standard deviation of 2 seeds"), "{out}");
    assert_eq!(files(&dir, "many"), ["plots", "report.html", "run.json", "seed-0", "seed-18446744073709551615"]);
    assert_eq!(files(&dir, "many/seed-0").len(), 8);
}

#[test]
fn small_sets_and_extreme_settings_are_trained_on() {
    let dir = workplace();
    write_data(&dir.path().join("two"), [2, 2], 1, 2);
    write_data(&dir.path().join("wide"), [3, 2], 40, 2);
    for flags in [
        "--data two",
        "--data two --validation 0.5 --hidden none",
        "--data wide --hidden 1,1,1,1,1,1,1",
        "--validation 0.988",
        "--dropout 0.999 --swa-start 1",
        "--swa-every 18446744073709551615 --schedule step:18446744073709551615",
        "--schedule cosine --warmup 2 --optimizer sgd --momentum 0.9 --nesterov --clip 1",
        "--loss bce --optimizer adamw --weight-decay 0.1 --activation leaky-relu:0.3 --init 0.1",
    ] {
        let line = if flags.contains("--data") { "train --epochs 2" } else { "train --epochs 2 --data data" };
        let ended = run(&dir, &format!("{line} --quiet {flags}"));
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{flags}");
    }
}

#[test]
fn help_is_for_newcomers_and_a_wrong_word_gets_a_hint() {
    let dir = tempfile::tempdir().unwrap();
    assert!(succeeds(&dir, "--help").contains("Start with:  cygnet train"));
    let help = succeeds(&dir, "train --help");
    assert!(help.contains("[default: 0.75") && help.contains("Press Ctrl-C to stop the run"), "{help}");
    assert!(succeeds(&dir, "--version").starts_with("cygnet 0."));
    assert_eq!(run(&dir, "").code, Some(2));
    fails(&dir, "trian", 2, &["unrecognized subcommand 'trian'"]);
    fails(&dir, "train --epoch 3", 2, &["unexpected argument '--epoch'"]);
    fails(&dir, "predict model", 2, &["required arguments"]);
    assert_eq!(files(&dir, ".").len(), 0);
}

#[test]
fn a_setting_out_of_range_is_named_before_anything_is_written() {
    let dir = workplace();
    for (flags, words) in [
        ("--rate nan", ["rate NaN", "from 0 to 1e9"]),
        ("--rate -1", ["rate -1", "from 0 to 1e9"]),
        ("--swa-rate inf", ["swa-rate inf", "from 0 to 1e9"]),
        ("--validation 1", ["validation 1", "below 1"]),
        ("--validation 0.99999", ["90 of 90 samples", "held out"]),
        ("--dropout 1", ["dropout 1", "below 1"]),
        ("--dropout nan", ["dropout NaN", "below 1"]),
        ("--epochs 0", ["epochs 0", "at least 1"]),
        ("--batch 0", ["batch 0", "at least 1"]),
        ("--micro-batch 0", ["micro-batch 0", "at least 1"]),
        ("--swa-every 0", ["swa-every 0", "at least 1"]),
        ("--swa-start 1.5", ["swa-start 1.5", "from 0 to 1"]),
        ("--clip 0", ["clip 0", "above 0"]),
        ("--warmup inf", ["warmup inf", "finite"]),
        ("--warmup 21", ["warmup", "longer"]),
        ("--weight-decay=-inf", ["weight-decay -inf", "from 0 to 1"]),
        ("--optimizer sgd --momentum 1", ["momentum 1", "below 1"]),
        ("--optimizer sgd --nesterov --momentum 0", ["nesterov", "momentum"]),
        ("--optimizer adam --momentum 0.9", ["--momentum", "--optimizer sgd"]),
        ("--final-rate 0.1", ["--final-rate", "other than constant and step"]),
        ("--schedule linear:3", ["`linear:3`", "cyclic[:EPOCHS]"]),
        ("--schedule cyclic:0", ["cycle 0.0", "above 0"]),
        ("--schedule restarts:often", ["`often`", "number of epochs"]),
        ("--lookahead 0", ["lookahead 0", "at least 1"]),
        ("--optimizer schedule-free --lookahead 5", ["schedule-free", "lookahead"]),
        ("--optimizer schedule-free --momentum 1", ["momentum 1.0", "below 1"]),
        ("--average swa,none", ["--average", "none cannot be combined"]),
        ("--average ema,ema:0.9", ["--average", "twice"]),
        ("--average mean", ["`mean`", "ema[:DECAY]"]),
        ("--average polynomial:-1", ["exponent of polynomial -1", "at least 0"]),
        ("--posthoc 0", ["posthoc 0", "at least 1"]),
        ("--average none --switch-average", ["--switch-average", "--average"]),
        ("--switch-average --lookahead 5", ["switch-average", "lookahead"]),
        ("--switch-average --optimizer schedule-free", ["switch-average", "schedule-free"]),
        ("--optimizer schedule-free-adamw --lookahead 5", ["schedule-free", "lookahead"]),
        ("--optimizer schedule-free-adamw --replicas 2", ["replicas", "schedule-free"]),
        ("--posthoc 8 --replicas 2", ["replicas", "--posthoc"]),
        ("--average ema:1", ["decay of ema 1", "at least 0 and below 1"]),
        ("--average lawa:0", ["snapshots of lawa 0", "at least 1"]),
        ("--average lawa:many", ["`many`", "number of snapshots"]),
        ("--average swag --swag-samples 0", ["swag-samples 0", "at least 1"]),
        ("--average swag --loss mse", ["swag", "cross-entropy"]),
        ("--schedule step:3,2", ["factor of the schedule step 2", "from 0 to 1"]),
        ("--schedule linear --final-rate nan", ["final-rate NaN", "from 0 to 1e9"]),
        ("--hidden 64,70000", ["--hidden", "`70000`"]),
        ("--hidden 1,1,1,1,1,1,1,1", ["8 hidden layers", "the maximum is 7"]),
        ("--hidden 65535,65535,65535", ["parameters", "the maximum is 500000000"]),
        ("--init nan", ["--init", "`nan`"]),
        ("--init 1e38", ["init 1e38", "from 0 to 1e37"]),
        ("--activation relux", ["--activation", "sigmoid"]),
        ("--activation leaky-relu:nan", ["--activation", "leaky-relu:nan"]),
        ("--loss huber:0", ["--loss", "huber:0"]),
        ("--seeds 0", ["--seeds", "0"]),
        ("--augment --rotate 181", ["rotate 181", "from 0 to 180"]),
        ("--augment --zoom 1", ["zoom 1", "from 0 to 0.9"]),
        ("--augment --shift=-0.1", ["shift -0.1", "from 0 to 1"]),
        ("--augment --shear nan", ["shear NaN", "from 0 to 1"]),
        ("--augment --elastic --elastic-sigma 0", ["elastic-sigma 0", "from 0.1 to 1000"]),
        ("--augment --elastic --elastic-alpha inf", ["elastic-alpha inf", "from 0 to 1000"]),
        ("--average none --swa-rate 0.5", ["--swa-rate", "--average"]),
        ("--grow norm-test:1", ["norm-test 1", "below 1"]),
        ("--grow norm-test:much", ["--grow", "`much`"]),
        ("--grow noise-scale:0", ["noise-scale 0", "above 0"]),
        ("--grow doubling:0", ["doubling 0", "at least 1"]),
        ("--grow doubling:1.5", ["`1.5`", "epochs"]),
        ("--grow often", ["`often`", "noise-scale"]),
        ("--grow doubling --grow-to 16", ["grow-to", "batch"]),
        ("--grow doubling --micro-batch 32", ["micro-batches", "32 samples in micro-batches of 32"]),
        ("--grow doubling --batch 1", ["micro-batches", "1 samples in micro-batches of 1"]),
        ("--grow doubling --batch 33", ["micro-batches", "33 samples in micro-batches of 16"]),
        ("--grow doubling --schedule cyclic", ["growing batch", "cyclic"]),
        ("--grow doubling --replicas 2", ["--grow", "--replicas"]),
    ] {
        fails(&dir, &format!("train --data data --out run {flags}"), 2, &words);
    }
    assert!(!dir.path().join("run").exists());
}

#[test]
fn an_option_that_needs_another_names_it() {
    let dir = workplace();
    for (flags, needed) in [
        ("--rotate 5", "--augment"),
        ("--elastic", "--augment"),
        ("--flip", "--augment"),
        ("--elastic-sigma 3", "--augment\n  --elastic\n"),
        ("--augment --elastic-alpha 3", "--elastic"),
        ("--grow-to 512", "--grow <RULE>"),
        ("--replica-start common", "--replicas"),
    ] {
        let ended = run(&dir, &format!("train --data data {flags}"));
        assert_eq!(ended.code, Some(2), "{flags}");
        assert!(ended.err.contains(&format!("required arguments were not provided:\n  {needed}")), "{}", ended.err);
    }
}

#[test]
fn a_file_that_is_missing_or_something_else_is_named() {
    let dir = workplace();
    fs::write(dir.path().join("empty"), "").unwrap();
    fs::write(dir.path().join("empty.safetensors"), "").unwrap();
    succeeds(&dir, &format!("{TRAIN} --quiet --out run"));
    write_data(&dir.path().join("larger"), [9, 9], 7, 3);
    write_data(&dir.path().join("richer"), [9, 9], 6, 9);
    for (line, words) in [
        ("info nowhere", ["nowhere: cannot read: ", "os error 2"]),
        ("info data", ["data: this is a directory", "not a model file"]),
        ("info empty", ["empty", "not a cygnet model"]),
        ("info empty.safetensors", ["empty.safetensors", "not a safetensors file"]),
        ("info data/t10k-labels-idx1-ubyte", ["t10k-labels-idx1-ubyte", "not a cygnet model"]),
        ("eval run/last.cygnet --data nowhere", ["nowhere", "os error 2"]),
        ("eval run/last.cygnet --data run", ["run", "*train*images*idx*"]),
        ("eval run/last.cygnet --data larger", ["has 36 inputs", "the data have 49"]),
        ("eval run/last.cygnet --data richer", ["has 3 classes", "the data have 9"]),
        ("predict run/last.cygnet larger/t10k-images-idx3-ubyte", ["larger/t10k-images-idx3-ubyte", "49 pixels"]),
        ("predict run/last.cygnet run/last.cygnet", ["takes images of 6×6; run/last.cygnet", "neither a picture"]),
        ("predict run/last.cygnet nowhere.png", ["nowhere.png", "os error 2"]),
        ("convert run/last.cygnet nowhere/model.cygnet", ["nowhere/model.cygnet", "os error 2"]),
        ("train --data nowhere", ["nowhere", "os error 2"]),
    ] {
        fails(&dir, line, 1, &words);
    }
    // Fewer classes than the model knows are no mistake.
    write_data(&dir.path().join("poorer"), [9, 9], 6, 2);
    assert!(run(&dir, "eval run/last.cygnet --data poorer").code == Some(0));
}

#[test]
fn a_run_that_explodes_says_what_to_try_and_keeps_what_was_good() {
    let dir = workplace();
    let explosive = "--quiet --loss mse --optimizer sgd --dropout 0 --out run";
    fails(&dir, &format!("{TRAIN} {explosive} --rate 1e9"), 1, &["not finite", "1000000000", "smaller --rate"]);
    assert!(!dir.path().join("run").exists());

    let late = format!("train --data data --hidden 8 --epochs 6 {explosive} --swa-start 0.5 --swa-rate 1e9");
    let Run { code, out, err } = run(&dir, &late);
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("epoch 3 are saved in run") && err.contains("smaller --rate (it was 1000000000.0)"), "{err}");
    assert!(out.contains("last iterate"), "{out}");
    let finite = |name: &str| {
        let model = SavedModel::read(&dir.path().join(name)).unwrap();
        model.params.iter().all(|p| p.abs() < 100.0)
    };
    assert!(finite("run/last.cygnet") && finite("run/average.cygnet"));
}

#[cfg(unix)]
mod unix {
    use super::*;
    use std::fs::File;
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    #[test]
    fn signals_end_a_run_with_its_models_saved() {
        let dir = workplace();
        for (signal, out, row, last) in [
            ("INT", "a", "last iterate", "last"),
            ("TERM", "b", "last iterate", "last"),
            ("INT", "d --augment", "last iterate", "last"),
            ("INT", "c --replicas 2", "mean of the models above", "replica-2"),
        ] {
            let line = format!("train --data data --hidden 8 --epochs 18446744073709551615 --swa-start 0 --out {out}");
            let out = &out[..1];
            let mut child = command(dir.path(), &line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
            assert!(lines.any(|line| line.starts_with("    1 ")));
            Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status().unwrap();
            let table: Vec<String> = lines.filter(|line| line.contains(row) && !line.ends_with('.')).collect();
            assert_eq!(table.len(), 1);
            let ended = child.wait_with_output().unwrap();
            let err = String::from_utf8(ended.stderr).unwrap();
            assert_eq!(ended.status.code(), Some(130), "{err}");
            assert_eq!(
                err,
                format!(
                    "interrupted: the models trained so far are saved in {out}; to go on: cygnet train --resume {out}\n"
                )
            );
            let page = String::from_utf8(bytes(&dir, &format!("{out}/report.html"))).unwrap();
            assert!(page.contains("This run was interrupted."), "{line}");
            for model in [last, "average"] {
                let model = SavedModel::read(&dir.path().join(out).join(model).with_extension("cygnet")).unwrap();
                assert_eq!(model.params.len(), 323);
            }
        }
    }

    #[test]
    fn a_signal_ends_the_experiment_with_the_stages_that_are_whole() {
        let dir = workplace();
        let line = "reproduce --data data --replicas 2 --epochs 200 --seeds 1000 --out r";
        let mut child = command(dir.path(), line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        assert!(lines.any(|line| line.starts_with("learning rate decay")));
        Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        assert!(lines.any(|line| line.contains("one model: SWA")));
        lines.for_each(drop);
        let ended = child.wait_with_output().unwrap();
        let err = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(130), "{err}");
        assert_eq!(err, "interrupted: the completed stages are saved in r; to go on: cygnet reproduce --resume r\n");
        let page = String::from_utf8(bytes(&dir, "r/report.html")).unwrap();
        assert!(page.contains("The experiment is not complete"));
    }

    #[test]
    fn a_reader_that_leaves_is_no_error_and_a_full_disk_is() {
        let dir = workplace();
        let mut child = command(dir.path(), TRAIN).stdout(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        assert_eq!(child.wait().unwrap().code(), Some(0));
        assert!(SavedModel::read(&dir.path().join("cygnet-run/last.cygnet")).is_ok());

        let Ok(full) = File::options().write(true).open("/dev/full") else { return };
        let output = command(dir.path(), "info cygnet-run/last.cygnet").stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8(output.stderr).unwrap().starts_with("error: standard output: "));
        let full = File::options().write(true).open("/dev/full").unwrap();
        assert_eq!(command(dir.path(), "info nowhere").stderr(full).status().unwrap().code(), Some(1));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_device_without_end_is_not_read_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        // The shell's limit stands for a small machine.
        let line = format!("ulimit -v 1000000; exec '{}' info /dev/zero", env!("CARGO_BIN_EXE_cygnet"));
        let output = Command::new("sh").args(["-c", &line]).current_dir(dir.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8(output.stderr).unwrap().starts_with("error: /dev/zero: "));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn memory_is_asked_for_before_it_is_taken() {
        let dir = workplace();
        let line = format!(
            "ulimit -v 1000000; exec '{}' train --data data --hidden 60000,5000 --out run",
            env!("CARGO_BIN_EXE_cygnet")
        );
        let output = Command::new("sh").args(["-c", &line]).current_dir(dir.path()).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{err}");
        assert!(err.starts_with("error: not enough memory: ") && err.lines().count() == 1, "{err}");
    }
}

#[test]
fn every_shell_gets_its_completions() {
    let dir = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = succeeds(&dir, &format!("completions {shell}"));
        assert!(script.contains("cygnet") && script.contains("average"), "{shell}");
    }
    fails(&dir, "completions dash", 2, &["dash", "invalid value"]);
}
