//! A scene as PDF: vectors, and text in a subset of the font that can be selected and searched.

use super::font::{Face, table};
use super::scene::{Item, Scene, Shape, Step, Text};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use pdf_writer::types::{CidFontType, FontFlags, LineJoinStyle, SystemInfo, UnicodeCmap};
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref, Str, TextStr};
use std::collections::BTreeMap;
use std::io::{self, Write};
use subsetter::GlyphRemapper;

/// A document of one page. It has no date, so that the same scene is the same file.
///
/// # Errors
/// If the font cannot be subset, which would be a mistake in ours.
pub(crate) fn write(scene: &Scene) -> io::Result<Vec<u8>> {
    let mut refs = Ref::new(1);
    let [catalog, pages, page, content, info] = [(); 5].map(|()| refs.bump());
    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(pages).viewer_preferences().display_doc_title(true);
    pdf.pages(pages).kids([page]).count(1);
    let mut writer = pdf.document_info(info);
    writer.title(TextStr(&scene.title)).creator(TextStr(CREATOR));
    if !scene.notes.is_empty() {
        writer.subject(TextStr(&scene.notes.join("\n")));
    }
    writer.finish();

    let mut drawing =
        Drawing { content: Content::new(), fonts: BTreeMap::new(), opacities: Vec::new() };
    // From the upper left corner, as scenes are.
    drawing.content.transform([1.0, 0.0, 0.0, -1.0, 0.0, scene.height as f32]);
    drawing.content.set_line_join(LineJoinStyle::RoundJoin);
    drawing.items(&scene.items);
    let packed = compressed(&drawing.content.finish())?;
    pdf.stream(content, &packed).filter(Filter::FlateDecode);

    let fonts: Vec<(Face, Ref)> = drawing.fonts.keys().map(|face| (*face, refs.bump())).collect();
    let opacities: Vec<(u8, Ref)> = drawing.opacities.iter().map(|o| (*o, refs.bump())).collect();
    let mut writer = pdf.page(page);
    writer.parent(pages).contents(content);
    writer.media_box(Rect::new(0.0, 0.0, scene.width as f32, scene.height as f32));
    let mut resources = writer.resources();
    let mut named = resources.fonts();
    for (face, id) in &fonts {
        named.pair(Name(font_name(*face).as_bytes()), id);
    }
    named.finish();
    let mut named = resources.ext_g_states();
    for (opacity, id) in &opacities {
        named.pair(Name(opacity_name(*opacity).as_bytes()), id);
    }
    named.finish();
    resources.finish();
    writer.finish();
    for (opacity, id) in opacities {
        pdf.ext_graphics(id).non_stroking_alpha(f32::from(opacity) / 100.0);
    }
    for (face, id) in fonts {
        font(&mut pdf, face, &drawing.fonts[&face], id, &mut refs)?;
    }
    Ok(pdf.finish())
}

const CREATOR: &str = concat!("gaussmeter ", env!("CARGO_PKG_VERSION"));

fn compressed(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn font_name(face: Face) -> &'static str {
    match face {
        Face::Regular => "Regular",
        Face::Italic => "Italic",
        Face::Bold => "Bold",
    }
}

fn opacity_name(percent: u8) -> String {
    format!("Opacity{percent}")
}

/// The characters of a face that are used, and the numbers that their glyphs have in the subset.
#[derive(Default)]
struct Used {
    glyphs: GlyphRemapper,
    /// The widths of the glyphs in thousandths, and what they stand for.
    characters: BTreeMap<u16, (f32, char)>,
}

/// The content of the page, and what it refers to.
struct Drawing {
    content: Content,
    fonts: BTreeMap<Face, Used>,
    /// In percent.
    opacities: Vec<u8>,
}

impl Drawing {
    fn items(&mut self, items: &[Item]) {
        for item in items {
            match item {
                Item::Shape(shape) => self.shape(shape),
                Item::Text(text) => self.text(text),
                Item::Group(_, items) => self.items(items),
            }
        }
    }

    fn shape(&mut self, shape: &Shape) {
        self.content.save_state();
        if let Some(fill) = shape.fill {
            let [r, g, b] = fill.colour.map(|c| f32::from(c) / 255.0);
            self.content.set_fill_rgb(r, g, b);
            if fill.opacity < 1.0 {
                let percent = (100.0 * fill.opacity).round() as u8;
                if !self.opacities.contains(&percent) {
                    self.opacities.push(percent);
                }
                self.content.set_parameters(Name(opacity_name(percent).as_bytes()));
            }
        }
        if let Some(stroke) = &shape.stroke {
            let [r, g, b] = stroke.colour.map(|c| f32::from(c) / 255.0);
            self.content.set_stroke_rgb(r, g, b).set_line_width(stroke.width as f32);
            if !stroke.dashes.is_empty() {
                self.content.set_dash_pattern(stroke.dashes.iter().map(|d| *d as f32), 0.0);
            }
        }
        for step in &shape.path {
            match *step {
                Step::Move((x, y)) => self.content.move_to(x as f32, y as f32),
                Step::Line((x, y)) => self.content.line_to(x as f32, y as f32),
                Step::Curve(a, b, to) => {
                    let [a, b, to] = [a, b, to].map(|(x, y)| (x as f32, y as f32));
                    self.content.cubic_to(a.0, a.1, b.0, b.1, to.0, to.1)
                }
                Step::Close => self.content.close_path(),
            };
        }
        match (shape.fill, &shape.stroke) {
            (Some(_), Some(_)) => self.content.fill_nonzero_and_stroke(),
            (Some(_), None) => self.content.fill_nonzero(),
            (None, Some(_)) => self.content.stroke(),
            (None, None) => self.content.end_path(),
        };
        self.content.restore_state();
    }

    fn text(&mut self, text: &Text) {
        let (x, y) = text.start();
        let [r, g, b] = text.colour.map(|c| f32::from(c) / 255.0);
        self.content.set_fill_rgb(r, g, b);
        self.content.begin_text();
        for glyphs in text.glyphs() {
            let (along, rise) = (glyphs.along as f32, glyphs.rise as f32);
            let (x, y) = (x as f32, y as f32);
            // The page runs downwards, glyphs upwards.
            self.content.set_text_matrix(match text.is_upwards {
                true => [0.0, -1.0, -1.0, 0.0, x - rise, y - along],
                false => [1.0, 0.0, 0.0, -1.0, x + along, y - rise],
            });
            let name = font_name(glyphs.face);
            self.content.set_font(Name(name.as_bytes()), glyphs.size as f32);
            let used = self.fonts.entry(glyphs.face).or_default();
            let mut codes = Vec::new();
            for c in glyphs.text.chars() {
                let glyph = used.glyphs.remap(glyphs.face.glyph(c));
                let width = 1000.0 * glyphs.face.width(&c.to_string());
                used.characters.entry(glyph).or_insert((width as f32, c));
                codes.extend(glyph.to_be_bytes());
            }
            self.content.show(Str(&codes));
        }
        self.content.end_text();
    }
}

/// A font with the glyphs that are used.
fn font(pdf: &mut Pdf, face: Face, used: &Used, id: Ref, refs: &mut Ref) -> io::Result<()> {
    let [descendant, descriptor, map, file] = [(); 4].map(|()| refs.bump());
    let subset = subsetter::subset(face.opentype(), 0, &used.glyphs);
    let subset = subset.map_err(|error| io::Error::other(format!("the font: {error}")))?;
    let glyphs = table(&subset, b"CFF ").ok_or_else(|| io::Error::other("the font: no glyphs"))?;
    let name = format!("{}+Inter-{}", tag(used), font_name(face));
    let system = SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };

    pdf.type0_font(id)
        .base_font(Name(name.as_bytes()))
        .encoding_predefined(Name(b"Identity-H"))
        .descendant_font(descendant)
        .to_unicode(map);
    let mut cid = pdf.cid_font(descendant);
    cid.subtype(CidFontType::Type0);
    cid.base_font(Name(name.as_bytes()));
    cid.system_info(system);
    cid.font_descriptor(descriptor);
    cid.default_width(0.0);
    let mut widths = cid.widths();
    for (glyph, (width, _)) in &used.characters {
        widths.consecutive(*glyph, [*width]);
    }
    widths.finish();
    cid.finish();

    let mut flags = FontFlags::SYMBOLIC;
    flags.set(FontFlags::ITALIC, face == Face::Italic);
    pdf.font_descriptor(descriptor)
        .name(Name(name.as_bytes()))
        .flags(flags)
        // Inter's, in thousandths.
        .bbox(Rect::new(-742.0, -323.0, 2580.0, 1105.0))
        .italic_angle(if face == Face::Italic { -9.4 } else { 0.0 })
        .ascent(969.0)
        .descent(-242.0)
        .cap_height(727.0)
        .stem_v(if face == Face::Bold { 130.0 } else { 90.0 })
        .font_file3(file);
    let mut characters = UnicodeCmap::new(Name(b"Characters"), system);
    for (glyph, (_, c)) in &used.characters {
        characters.pair(*glyph, *c);
    }
    let packed = compressed(&characters.finish())?;
    pdf.cmap(map, &packed).filter(Filter::FlateDecode);
    let packed = compressed(glyphs)?;
    let mut stream = pdf.stream(file, &packed);
    stream.filter(Filter::FlateDecode);
    stream.pair(Name(b"Subtype"), Name(b"CIDFontType0C"));
    Ok(())
}

/// Six letters, which tell one subset from another.
fn tag(used: &Used) -> String {
    // FNV-1a, whose values are the same everywhere.
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for (_, c) in used.characters.values() {
        hash = (hash ^ u64::from(u32::from(*c))).wrapping_mul(0x0100_0000_01b3);
    }
    (0..6).map(|k| char::from(b'A' + ((hash >> (8 * k)) % 26) as u8)).collect()
}
