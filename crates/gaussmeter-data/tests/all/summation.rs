//! Interrupted sums are kept, resumed and merged; what does not belong together is refused.

use gaussmeter::watch::{Progress, Watch};
use gaussmeter_data::samples::{InMemory, Part, Samples, Scale};
use gaussmeter_data::{Moments, MomentsError, PartFiles, Summation, SummationOptions};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

const ROWS: usize = 5000;

fn data(scale: Scale) -> Box<dyn Samples> {
    let values = (0..3 * ROWS).map(|k| (k * k / 7 % 251) as u8).collect();
    Box::new(InMemory::bytes("bytes", &[3], scale, values).unwrap())
}

fn options(output: &Path, resume: bool) -> SummationOptions {
    SummationOptions { output: Some(output.into()), resume, ..Default::default() }
}

/// Sums until so many samples are read.
fn run(sums: &mut Summation, end: u64) -> Result<(), MomentsError> {
    let hear = |progress: Option<Progress>| match progress.is_none_or(|p| p.done < end) {
        true => ControlFlow::Continue(()),
        false => ControlFlow::Break(()),
    };
    sums.run(Watch::new(&hear))
}

fn begin(options: SummationOptions) -> Result<Summation, MomentsError> {
    Summation::begin(data(Scale::UNIT), options)
}

/// The error of what must not succeed.
fn refused<T>(result: Result<T, MomentsError>) -> MomentsError {
    result.err().expect("an error")
}

#[test]
fn resumed_sums_are_those_of_one_pass() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("x.npz");
    let kept = folder.path().join("x.interrupted.npz");
    let mut stopped = begin(options(&output, false)).unwrap();
    assert_eq!(stopped.note(), None);
    let error = refused(run(&mut stopped, 1500));
    assert!(
        matches!(&error, MomentsError::Interrupted { position: 2048, kept: Some(k) } if *k == kept)
    );
    assert!(error.to_string().ends_with("the same command with --resume continues"), "{error}");
    assert!(!output.exists() && !Moments::load(&kept).unwrap().is_complete());

    let mut resumed = begin(options(&output, true)).unwrap();
    assert_eq!(resumed.note().unwrap(), "continuing after 2048 samples");
    run(&mut resumed, u64::MAX).unwrap();
    assert_eq!((resumed.added(), resumed.moments().count()), (5000 - 2048, 5000));
    let mut whole = Moments::of(&mut *data(Scale::UNIT)).unwrap();
    let found = resumed.moments_mut();
    assert_eq!(found.mean().unwrap(), whole.mean().unwrap());
    assert_eq!(found.covariance().unwrap().values(), whole.covariance().unwrap().values());
    // What is solved in no time is not kept meanwhile.
    assert_eq!(resumed.keep_meanwhile().unwrap(), None);
    assert!(kept.exists());
    resumed.finish();
    assert!(!kept.exists());
}

#[test]
fn without_an_output_nothing_is_kept() {
    let mut sums = begin(SummationOptions::default()).unwrap();
    let error = refused(run(&mut sums, 1));
    assert_eq!(error.to_string(), "interrupted after 1024 samples; with -o their sums are kept");
}

#[test]
fn only_sums_of_the_same_data_are_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("x.npz");
    let nothing = refused(begin(options(&output, true)));
    assert!(matches!(nothing, MomentsError::NothingToResume { .. }), "{nothing}");
    run(&mut begin(options(&output, false)).unwrap(), 1).unwrap_err();

    let part = Some(Part { index: 1, of: 2 });
    let vectors = InMemory::bytes("other", &[3], Scale::UNIT, vec![0; 30]).unwrap();
    let shape = InMemory::bytes("bytes", &[1, 3], Scale::UNIT, vec![0; 30]).unwrap();
    for other in [
        Summation::begin(data(Scale::SYMMETRIC), options(&output, true)),
        begin(SummationOptions { part, ..options(&output, true) }),
        Summation::begin(Box::new(vectors), options(&output, true)),
        Summation::begin(Box::new(shape), options(&output, true)),
    ] {
        let error = refused(other);
        assert!(matches!(error, MomentsError::OtherSums { .. }), "{error}");
        assert!(error.to_string().contains("x.interrupted.npz: sums of another data set"));
    }
    assert!(begin(options(&output, true)).is_ok());
}

/// Files of the parts of the data.
fn parts(folder: &Path, indices: &[u64]) -> Vec<PathBuf> {
    let save = |index: &u64| {
        let part = Some(Part { index: *index, of: 3 });
        let mut sums = begin(SummationOptions { part, ..Default::default() }).unwrap();
        run(&mut sums, u64::MAX).unwrap();
        let path = folder.join(format!("{index}.npz"));
        sums.moments_mut().save(&path).unwrap();
        path
    };
    indices.iter().map(save).collect()
}

#[test]
fn files_of_parts_are_merged_in_any_order() {
    let folder = tempfile::tempdir().unwrap();
    let files = parts(folder.path(), &[3, 1, 2]);
    let mut merged = PartFiles::open(&files, false).unwrap().merge().unwrap();
    merged.check_whole().unwrap();
    let mut whole = Moments::of(&mut *data(Scale::UNIT)).unwrap();
    assert_eq!(merged.covariance().unwrap().values(), whole.covariance().unwrap().values());

    let some = PartFiles::open(&files[..1], false).unwrap().merge().unwrap();
    let error = refused(some.check_whole());
    assert_eq!(
        error.to_string(),
        "2 of 3 parts are missing: 1, 2 (--incomplete continues without them)"
    );
    some.as_whole().check_whole().unwrap();
    let twice = [files[0].clone(), files[0].clone()];
    let error = refused(PartFiles::open(&twice, false).unwrap().merge());
    assert!(error.to_string().ends_with("3.npz: part 3/3 was given twice: give each part once"));
    assert!(matches!(refused(PartFiles::open(&[], false).unwrap().merge()), MomentsError::NoParts));
}

#[test]
fn interrupted_parts_are_merged_only_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("x.npz");
    let part = Some(Part { index: 1, of: 3 });
    let mut sums = begin(SummationOptions { part, ..options(&output, false) }).unwrap();
    run(&mut sums, 1).unwrap_err();
    let files = [Moments::kept_path(&output)];
    let error = refused(PartFiles::open(&files, false)).to_string();
    assert!(error.contains("sums of an interrupted run, over 1024 samples of part 1/3 only"));
    assert!(error.ends_with("or merge what there is with --incomplete"), "{error}");
    let files = PartFiles::open(&files, true).unwrap();
    assert_eq!(files.notes().len(), 1);
    let merged = files.merge().unwrap();
    assert!(matches!(refused(merged.check_whole()), MomentsError::Incomplete { count: 1024 }));
    assert!(merged.as_whole().check_whole().is_ok());
}
