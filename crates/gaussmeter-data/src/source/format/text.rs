//! Text: a list of eigenvalues.

use super::SampleFormat;
use crate::source::{ArrayKind, Content, ReadOption};

pub(super) static FORMAT: SampleFormat = SampleFormat {
    name: "text",
    summary: "text, CSV or JSON: eigenvalues, with multiplicities and means",
    recognises: |input| {
        let head = input.head();
        !head.is_empty() && !input.is_gzip() && input.member().is_none() && is_text(head)
    },
    open: |input, options| {
        options.refuse(input, "text, which is read as eigenvalues", &[ReadOption::Array])?;
        match gaussmeter::data::read(input.path()) {
            _ if !matches!(options.kind, None | Some(ArrayKind::Eigenvalues)) => {
                Err(input.malformed("text is read only as eigenvalues: save other numbers as .npy"))
            }
            Ok(spectrum) => Ok(Content::Spectrum(Box::new(spectrum))),
            Err(error) => Err(input.malformed(error)),
        }
    },
};

/// Whether bytes are UTF-8, up to a character that is cut off, without control characters other than
/// white space.
fn is_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(e) if e.error_len().is_none() => {
            std::str::from_utf8(&head[..e.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    text.chars().all(|c| !c.is_control() || c.is_whitespace())
}
