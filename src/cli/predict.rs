//! The predictions of a model for rows and pictures, printed one by one.

use super::columns::ModelColumns;
use super::data::check_kind;
use super::images::note_sideways;
use super::lines::{Form, Lines, named};
use super::model::read_model;
use super::table::yes_or_no;
use crate::{complain, note};
use clap::Args;
use cygnet::host::HostError;
use cygnet::host::data::{PictureForm, is_picture, pictures_in};
use cygnet::host::evaluation::{Event, SavedModel, predict_file, predict_table};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::ExitCode;

/// Rows or pictures that cannot be read of which each is told.
const TOLD: u64 = 10;

#[derive(Args)]
pub(crate) struct Predict {
    /// A model file: .cygnet or .safetensors
    model: PathBuf,
    /// Pictures (PNG or JPEG of any size), directories of them, or IDX files of images; for a model of a table, CSV files.
    /// `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How predictions are written: a table with the three most likely classes, or every class as csv or json (an object a
    /// line)
    #[arg(long, value_enum, value_name = "HOW", default_value = "table")]
    format: Form,
    /// Whether to find the digit in a picture, and to scale and centre it as in MNIST [default: yes if the images that the
    /// model was trained on are scaled and centred so]
    #[arg(long, value_parser = yes_or_no(), value_name = "YES|NO", hide_possible_values = true, alias = "center")]
    centre: Option<bool>,
    /// Draw each image as the network sees it
    #[arg(long)]
    show: bool,
    /// Transpose each image of an IDX file; needed if `train` used --transpose
    #[arg(long)]
    transpose: bool,
    #[command(flatten)]
    columns: ModelColumns,
}

impl Predict {
    /// Predicts for each file. What cannot be read gets a dash, its reason goes to standard error, and the command fails in
    /// the end; a reader that has gone away is no error.
    pub(crate) fn answer(&self) -> Result<ExitCode, HostError> {
        let model = self.columns.of(&self.model, read_model(&self.model)?)?;
        self.check(&model)?;
        let (is_table, files) = (model.preparation.is_some(), self.files(&model)?);
        let form = (!is_table).then(|| PictureForm::of(&model.spec, model.trained_on.as_ref(), self.centre));
        let columns = form.as_ref().filter(|_| self.show).map(|form| form.cols);
        let mut lines = Lines::new(&model, &files, self.format, columns);
        let mut refused = 0;
        for file in &files {
            lines.file.clone_from(file);
            let mut hear = |event| hear(&mut lines, &mut refused, event);
            let done = check_kind(&model, file).and_then(|()| match &form {
                None => predict_table(&model, file, &mut hear),
                Some(form) => predict_file(&model, file, form, self.transpose, &mut hear),
            });
            match done.and_then(|()| lines.flush()) {
                Err(HostError::File { source, .. }) if source.kind() == ErrorKind::BrokenPipe => {
                    return Ok(ExitCode::SUCCESS);
                }
                // What was answered before comes first.
                Err(error) if files.len() == 1 => return lines.flush().and(Err(error)),
                Err(error) => refuse(&mut lines, &mut refused, None, &error)?,
                Ok(()) => {}
            }
        }
        if refused > TOLD {
            let what = if is_table { "rows" } else { "pictures" };
            // Where there is one file, errors begin with it.
            let only = if let [file] = &self.files[..] { named(file) + ": " } else { String::new() };
            complain(&format!("error: {only}{refused} {what} cannot be read; the first {TOLD} are listed above"));
        }
        Ok(if refused > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    /// Refuses what goes with images alone.
    fn check(&self, model: &SavedModel) -> Result<(), HostError> {
        let given = [(self.transpose, "--transpose"), (self.centre.is_some(), "--centre"), (self.show, "--show")];
        if let Some((_, option)) = given.iter().find(|(is_given, _)| *is_given && model.preparation.is_some()) {
            return Err(HostError::Usage(format!("{option} needs images, but the model needs rows of a table")));
        }
        if self.show && self.format != Form::Table {
            return Err(HostError::Usage("--show needs --format table".to_owned()));
        }
        Ok(())
    }

    /// The files, with the pictures of a directory in its place.
    fn files(&self, model: &SavedModel) -> Result<Vec<PathBuf>, HostError> {
        if model.preparation.is_some() {
            return Ok(self.files.clone());
        }
        let mut files = Vec::new();
        for file in &self.files {
            files.extend(if file.is_dir() { pictures_in(file)? } else { vec![file.clone()] });
        }
        if !self.transpose {
            note_sideways(files.iter().map(PathBuf::as_path).filter(|file| !is_picture(file)));
        }
        Ok(files)
    }
}

fn hear(lines: &mut Lines, refused: &mut u64, event: Event) -> Result<(), HostError> {
    match event {
        Event::Answer(answer) => {
            if let Some(odd) = &answer.odd {
                lines.flush()?;
                note(&format!("note: {}: {odd}", named(&lines.file)));
            }
            lines.answer(&answer)
        }
        Event::Refused(number, error) => refuse(lines, refused, Some(number), &error),
        Event::Waiting => lines.flush(),
        // No other kind is known.
        _ => Ok(()),
    }
}

/// A row or a picture that cannot be read.
fn refuse(lines: &mut Lines, refused: &mut u64, number: Option<u64>, error: &HostError) -> Result<(), HostError> {
    *refused += 1;
    lines.refused(number, error)?;
    if *refused <= TOLD {
        lines.flush()?;
        complain(&format!("error: {error}"));
    }
    Ok(())
}
