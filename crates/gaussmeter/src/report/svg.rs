//! SVG: text is text, in the font of figures.

use super::plot::font::Face;
use super::plot::scene::{Anchor, Colour, Item, Scene, Shape, Step, Text};
use super::{Content, Figure, Format, drawn, plot};
use std::collections::BTreeSet;
use std::fmt::Write;

/// Fonts alike, where a program does not read the one in the file.
const FAMILY: &str = "Inter, Helvetica, Arial, 'DejaVu Sans', sans-serif";

impl Figure {
    /// The figure as an SVG document, with its font in it: the same in every browser.
    ///
    /// ```
    /// use gaussmeter::report::{Axis, Figure, Panel, Series};
    /// let panel = Panel {
    ///     x: Axis::linear("t"),
    ///     y: Axis::log("W2"),
    ///     series: vec![Series::line("heun", vec![(1.0, 0.3), (0.0, 2.0)])],
    ///     ..Panel::default()
    /// };
    /// let svg = Figure::of("Error along time", panel).svg();
    /// assert!(svg.contains("<title>Error along time</title>"));
    /// ```
    pub fn svg(&self) -> String {
        write(&plot::scene(std::slice::from_ref(self), None), Fonts::Inside)
    }

    /// The same for a page with other figures, without the font, which the page has or does without
    /// (`font-family` is on the outermost element).
    pub fn inline_svg(&self) -> String {
        write(&plot::scene(std::slice::from_ref(self), None), Fonts::Outside)
    }
}

/// Where the font is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fonts {
    Inside,
    Outside,
}

/// A scene as a document. It has no ids, so that a page can have several.
fn write(scene: &Scene, fonts: Fonts) -> String {
    let mut out = String::new();
    let (width, height) = (number(scene.width), number(scene.height));
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}pt\" height=\"{height}pt\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" font-family=\"{FAMILY}\" xml:space=\"preserve\">"
    );
    if !scene.title.is_empty() {
        let _ = writeln!(out, "<title>{}</title>", escape(&scene.title));
    }
    if !scene.notes.is_empty() {
        let _ = writeln!(out, "<desc>{}</desc>", escape(&scene.notes.join("\n")));
    }
    if fonts == Fonts::Inside {
        out.push_str(&faces(scene));
    }
    let _ = writeln!(out, "<rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>");
    for item in &scene.items {
        self::item(&mut out, item);
    }
    out.push_str("</svg>\n");
    out
}

/// The faces that the texts have.
fn faces(scene: &Scene) -> String {
    let texts = scene.texts();
    let used: BTreeSet<Face> =
        texts.iter().flat_map(|text| text.rich.runs()).map(|run| run.face).collect();
    let mut out = String::new();
    for face in used {
        let (weight, style) = css(face);
        let _ = writeln!(
            out,
            "@font-face {{ font-family: Inter; font-weight: {weight}; font-style: {style}; \
             src: url(data:font/woff2;base64,{}) format(\"woff2\"); }}",
            base64(face.woff2())
        );
    }
    if out.is_empty() { out } else { format!("<style>\n{out}</style>\n") }
}

fn css(face: Face) -> (u16, &'static str) {
    match face {
        Face::Regular => (400, "normal"),
        Face::Italic => (400, "italic"),
        Face::Bold => (600, "normal"),
    }
}

fn item(out: &mut String, item: &Item) {
    match item {
        Item::Shape(shape) => self::shape(out, shape),
        Item::Text(text) => self::text(out, text),
        Item::Group(name, items) => {
            out.push_str("<g>\n");
            if !name.is_empty() {
                let _ = writeln!(out, "<title>{}</title>", escape(name));
            }
            items.iter().for_each(|item| self::item(out, item));
            out.push_str("</g>\n");
        }
    }
}

fn shape(out: &mut String, shape: &Shape) {
    let mut path = String::new();
    for step in &shape.path {
        let (command, places) = match step {
            Step::Move(to) => ("M", vec![*to]),
            Step::Line(to) => ("L", vec![*to]),
            Step::Curve(a, b, to) => ("C", vec![*a, *b, *to]),
            Step::Close => ("Z", vec![]),
        };
        path.push_str(command);
        for (k, (x, y)) in places.into_iter().enumerate() {
            let gap = if k > 0 { " " } else { "" };
            let _ = write!(path, "{gap}{} {}", number(x), number(y));
        }
    }
    let fill = shape.fill.map_or("none".into(), |fill| hex(fill.colour));
    let _ = write!(out, "<path d=\"{path}\" fill=\"{fill}\"");
    if let Some(fill) = shape.fill.filter(|fill| fill.opacity < 1.0) {
        let _ = write!(out, " fill-opacity=\"{}\"", number(fill.opacity));
    }
    if let Some(stroke) = &shape.stroke {
        let (colour, width) = (hex(stroke.colour), number(stroke.width));
        let _ = write!(out, " stroke=\"{colour}\" stroke-width=\"{width}\"");
        out.push_str(" stroke-linejoin=\"round\"");
        if !stroke.dashes.is_empty() {
            let dashes: Vec<String> = stroke.dashes.iter().map(|d| number(*d)).collect();
            let _ = write!(out, " stroke-dasharray=\"{}\"", dashes.join(" "));
        }
    }
    out.push_str("/>\n");
}

fn text(out: &mut String, text: &Text) {
    let (x, y) = (number(text.at.0), number(text.at.1));
    let _ = write!(out, "<text x=\"{x}\" y=\"{y}\" font-size=\"{}\"", number(text.size));
    match text.anchor {
        Anchor::Start => {}
        Anchor::Middle => out.push_str(" text-anchor=\"middle\""),
        Anchor::End => out.push_str(" text-anchor=\"end\""),
    }
    if text.is_upwards {
        let _ = write!(out, " transform=\"rotate(-90 {x} {y})\"");
    }
    if text.colour != [0, 0, 0] {
        let _ = write!(out, " fill=\"{}\"", hex(text.colour));
    }
    out.push('>');
    let mut rise = 0.0;
    for glyphs in text.glyphs() {
        let mut attributes = String::new();
        // Shifts are relative to the part before.
        if glyphs.rise != rise {
            let _ = write!(attributes, " dy=\"{}\"", number(rise - glyphs.rise));
        }
        rise = glyphs.rise;
        if glyphs.size != text.size {
            let _ = write!(attributes, " font-size=\"{}\"", number(glyphs.size));
        }
        match css(glyphs.face) {
            (400, "normal") => {}
            (400, style) => attributes.push_str(&format!(" font-style=\"{style}\"")),
            (weight, _) => attributes.push_str(&format!(" font-weight=\"{weight}\"")),
        }
        let content = escape(glyphs.text);
        match attributes.is_empty() {
            true => out.push_str(&content),
            false => {
                let _ = write!(out, "<tspan{attributes}>{content}</tspan>");
            }
        }
    }
    out.push_str("</text>\n");
}

/// Hundredths of a point are not seen.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

fn hex([red, green, blue]: Colour) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// What XML takes as it is; characters that it cannot have are spaces.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push('\n'),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Bytes as text (RFC 4648).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let at = |k: usize| u32::from(chunk.get(k).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for k in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * k)) as usize & 63];
            out.push(if k > chunk.len() { '=' } else { char::from(digit) });
        }
    }
    out
}

pub(super) static FORMAT: Format = Format {
    name: "svg",
    extensions: &["svg"],
    summary: "figures as vector graphics for web pages and drawing programs",
    content: Content::Figures,
    write: |report, page, out| {
        let figures = drawn(report)?;
        Ok(out.write_all(write(&plot::scene(&figures, page.width), Fonts::Inside).as_bytes())?)
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn numbers_are_short() {
        for (value, text) in
            [(0.0, "0"), (-0.001, "0"), (1.5, "1.5"), (100.0, "100"), (2.346, "2.35")]
        {
            assert_eq!(number(value), text);
        }
    }
}
