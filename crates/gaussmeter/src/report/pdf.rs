//! PDF.

use super::{Content, Format};

pub(super) static FORMAT: Format = Format {
    name: "pdf",
    extensions: &["pdf"],
    summary: "figures as vector graphics for papers",
    content: Content::Pictures,
    #[cfg(feature = "figures")]
    write: |report, page, out| {
        let figures = super::drawn(report)?;
        Ok(out.write_all(&super::plot::pdf::write(&super::plot::scene(&figures, page.width))?)?)
    },
    #[cfg(not(feature = "figures"))]
    write: |_, _, _| Err(super::ReportError::NotBuilt("pdf")),
};
