//! PNG.

use super::{Content, Format};

pub(super) static FORMAT: Format = Format {
    name: "png",
    extensions: &["png"],
    summary: "figures as pixels at 300 dpi, for slides",
    content: Content::Pictures,
    #[cfg(feature = "figures")]
    write: |report, page, out| {
        let figures = super::drawn(report)?;
        Ok(out.write_all(&super::plot::png::write(&super::plot::scene(&figures, page.width))?)?)
    },
    #[cfg(not(feature = "figures"))]
    write: |_, _, _| Err(super::ReportError::NotBuilt("png")),
};
