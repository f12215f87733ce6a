//! One encoded picture.

use super::SampleFormat;
use crate::source::blobs::{self, PictureFiles};
use crate::source::{Blob, Blobs, Content, ReadOption, pictures};

pub(super) static FORMAT: SampleFormat = SampleFormat {
    name: "picture",
    summary: "png, jpeg, webp, gif, bmp, tiff, qoi, pnm; many of them in a folder or archive",
    recognises: |input| pictures::is_picture(input.head()),
    open: |input, options| {
        options.refuse(input, "a picture", &[ReadOption::Array])?;
        Ok(Content::Pictures(match input.member() {
            None => Box::new(PictureFiles::new(input.path(), vec![input.path().into()])),
            Some(member) => {
                let (path, entry) = (input.path().into(), Some(member.into()));
                let class = blobs::folders(member);
                let blob = Blob { path, entry, class, bytes: input.bytes()? };
                Box::new(One { blob, passed: false })
            }
        }))
    },
};

/// A picture within another file.
struct One {
    blob: Blob,
    passed: bool,
}

impl Blobs for One {
    fn description(&self) -> String {
        self.blob.path.display().to_string()
    }
    fn has_parts(&self) -> bool {
        false
    }
    fn count(&self) -> Option<u64> {
        Some(1)
    }
    fn next_blob(&mut self) -> Result<Option<Blob>, crate::samples::SamplesError> {
        let passed = std::mem::replace(&mut self.passed, true);
        Ok((!passed).then(|| self.blob.clone()))
    }
    fn rewind(&mut self) -> Result<(), crate::samples::SamplesError> {
        self.passed = false;
        Ok(())
    }
}
