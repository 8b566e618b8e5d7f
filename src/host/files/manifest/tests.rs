use super::*;

#[test]
fn a_name_that_leaves_the_directory_is_refused_wherever_it_is_read() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("run/plots")).unwrap();
    let run = dir.path().join("run");
    for name in [
        "",
        ".",
        "..",
        "../average.cygnet",
        "plots/../../x",
        "/etc/passwd",
        "plots//x",
        "plots/",
        "./x",
        "a\\b",
        "C:x",
        "a\0b",
        "a\nb",
        "run.json",
        "plots",
        "thesis.docx",
        "train-images-idx3-ubyte",
    ] {
        let manifest = Manifest { files: [name.to_string()].into(), ..Manifest::default() };
        manifest.write(&run).unwrap();
        let error = Manifest::read(&run).unwrap_err().to_string();
        assert!(error.contains("run.json") && !error.contains('\n'), "{name}: {error}");
    }
    let manifest = Manifest { files: ["plots/loss.svg".into(), "a b.csv".into()].into(), ..Manifest::default() };
    manifest.write(&run).unwrap();
    assert_eq!(Manifest::read(&run).unwrap(), Some(manifest.clone()));
    assert_eq!(Manifest::read(dir.path()).unwrap(), None);
    let twice = Manifest { files: ["a.csv".into(), "a.csv".into()].into(), ..manifest };
    twice.write(&run).unwrap();
    assert!(Manifest::read(&run).is_err());
}

#[test]
fn what_is_no_list_is_refused_and_what_joins_it_later_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let read = |text: &str| {
        fs::write(dir.path().join(NAME), text).unwrap();
        Manifest::read(dir.path())
    };
    for text in ["", "{}", "[]", "{\"format\":1}", "{\"format\":2,\"finished\":true,\"files\":[]}", "\u{0}"] {
        assert!(read(text).is_err(), "{text}");
    }
    let later = read("{\"format\":1,\"finished\":true,\"settings\":{\"rate\":1},\"files\":[\"a.csv\"]}").unwrap();
    assert_eq!(later, Some(Manifest { finished: true, files: ["a.csv".into()].into(), ..Manifest::default() }));
}

#[test]
fn a_model_belongs_to_the_run_that_lists_it_and_a_list_of_an_earlier_version_says_nothing_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let (run, part) = (dir.path().join("run"), dir.path().join("run/seed-8"));
    fs::create_dir_all(&part).unwrap();
    for file in [run.join("last.cygnet"), part.join("last.cygnet"), part.join("mine.cygnet")] {
        fs::write(file, "").unwrap();
    }
    let files = vec!["last.cygnet".to_owned(), "seed-8/last.cygnet".to_owned()];
    let manifest = Manifest { files, ..Manifest::default() };
    manifest.write(&run).unwrap();
    assert_eq!(Record::of_model(&run.join("last.cygnet")), None);
    let record = Record { seed: 7, seeds: 2, validation: 0.25, ..Record::default() };
    Manifest { run: Some(record.clone()), ..manifest }.write(&run).unwrap();
    let of = |path: PathBuf| Record::of_model(&path).map(|written| (written.seed, written.directory, written.record));
    assert_eq!(of(run.join("last.cygnet")), Some((7, run.clone(), record.clone())));
    assert_eq!(of(part.join("last.cygnet")), Some((8, run.clone(), record)));
    assert_eq!(of(part.join("mine.cygnet")), None);
    assert_eq!(of(run.join("absent.cygnet")), None);
}

#[test]
fn a_path_is_seen_from_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    let [data, run] = ["data/a.csv", "runs/one"].map(|name| dir.path().join(name));
    fs::create_dir_all(&run).unwrap();
    fs::create_dir_all(dir.path().join("data")).unwrap();
    fs::write(&data, "").unwrap();
    assert_eq!(seen_from(&run, &data), Path::new("../../data/a.csv"));
    assert_eq!(seen_from(dir.path(), &data), Path::new("data/a.csv"));
    assert_eq!(seen_from(&run, Path::new("absent")), Path::new("absent"));
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let [run, other] = ["run", "other"].map(|name| dir.path().join(name));
    fs::create_dir_all(&run).unwrap();
    fs::create_dir_all(&other).unwrap();
    fs::write(other.join("loss.svg"), "mine").unwrap();
    std::os::unix::fs::symlink(&other, run.join("plots")).unwrap();
    std::os::unix::fs::symlink(other.join("loss.svg"), run.join("a.svg")).unwrap();
    std::os::unix::fs::symlink("nowhere", run.join("b.svg")).unwrap();
    for name in ["plots/loss.svg", "plots/new.svg", "a.svg", "b.svg"] {
        assert!(inside(&run, name).is_err(), "{name}");
    }
    std::os::unix::fs::symlink(other.join("loss.svg"), run.join(NAME)).unwrap();
    assert!(Manifest::read(&run).is_err() && Manifest::default().write(&run).is_err());
    assert_eq!(fs::read(other.join("loss.svg")).unwrap(), b"mine");
}
