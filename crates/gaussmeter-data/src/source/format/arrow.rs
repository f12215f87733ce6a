//! Arrow files and streams: recognised, but not read. The error says how to convert them.

use super::SampleFormat;

pub(super) static FORMAT: SampleFormat = SampleFormat {
    name: "arrow",
    summary: "Arrow and Feather, as cached by datasets: not read; the error says how to save them as parquet",
    recognises: |input| {
        let head = input.head();
        let is_stream = head.starts_with(b"\xff\xff\xff\xff") && head.get(7) == Some(&0);
        head.starts_with(b"ARROW1\0\0") || head.starts_with(b"FEA1") || is_stream
    },
    open: |input, _| {
        Err(input.malformed(
            "Arrow files are not read: save the data set as parquet, with datasets.load_from_disk(FOLDER).to_parquet(\"data.parquet\") or pandas.read_feather(FILE).to_parquet(\"data.parquet\")",
        ))
    },
};
