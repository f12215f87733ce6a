//! A scene as PNG, for slides and where vectors cannot be.

use super::font::Face;
use super::scene::{Item, Scene, Shape, Step, Text};
use png::{BitDepth, ColorType, Encoder, PixelDimensions, Unit};
use std::io;
use tiny_skia::{
    Color, FillRule, LineJoin, Mask, Paint, Path, PathBuilder, Pixmap, Stroke, StrokeDash,
    Transform,
};
use ttf_parser::{GlyphId, OutlineBuilder};

/// Pixels to an inch, as journals ask for.
const RESOLUTION: f64 = 300.0;

/// Most pixels: 120 inches of a page.
const MOST: f64 = 60e6;

/// A picture on white. It has no date, so that the same scene is the same file.
///
/// # Errors
/// If the picture would be too large for memory.
pub(crate) fn write(scene: &Scene) -> io::Result<Vec<u8>> {
    let scale = RESOLUTION / 72.0;
    let (width, height) = ((scene.width * scale).ceil(), (scene.height * scale).ceil());
    let too_large = || {
        let message = format!("{width} × {height} pixels are too many: write svg or pdf");
        io::Error::other(message)
    };
    if width * height > MOST {
        return Err(too_large());
    }
    let mut pixmap = Pixmap::new(width as u32, height as u32).ok_or_else(too_large)?;
    pixmap.fill(Color::WHITE);
    let fonts = Face::ALL.map(|face| ttf_parser::Face::parse(face.opentype(), 0).ok());
    let mut canvas = Canvas {
        pixmap: &mut pixmap,
        to_pixels: Transform::from_scale(scale as f32, scale as f32),
        fonts,
    };
    canvas.items(&scene.items);
    encoded(&pixmap, scene)
}

fn encoded(pixmap: &Pixmap, scene: &Scene) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, pixmap.width(), pixmap.height());
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    let per_metre = (RESOLUTION / 0.0254).round() as u32;
    let density = PixelDimensions { xppu: per_metre, yppu: per_metre, unit: Unit::Meter };
    encoder.set_pixel_dims(Some(density));
    let notes = scene.notes.join("\n");
    for (key, text) in [("Title", &scene.title), ("Description", &notes)] {
        if !text.is_empty() {
            encoder.add_itxt_chunk(key.into(), text.clone()).map_err(io::Error::other)?;
        }
    }
    let mut writer = encoder.write_header().map_err(io::Error::other)?;
    // White is opaque.
    let pixels: Vec<u8> = pixmap.data().chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
    writer.write_image_data(&pixels).map_err(io::Error::other)?;
    writer.finish().map_err(io::Error::other)?;
    Ok(bytes)
}

struct Canvas<'a> {
    pixmap: &'a mut Pixmap,
    to_pixels: Transform,
    fonts: [Option<ttf_parser::Face<'static>>; 3],
}

impl Canvas<'_> {
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
        let mut path = PathBuilder::new();
        for step in &shape.path {
            match *step {
                Step::Move((x, y)) => path.move_to(x as f32, y as f32),
                Step::Line((x, y)) => path.line_to(x as f32, y as f32),
                Step::Curve(a, b, to) => {
                    let [a, b, to] = [a, b, to].map(|(x, y)| (x as f32, y as f32));
                    path.cubic_to(a.0, a.1, b.0, b.1, to.0, to.1);
                }
                Step::Close => path.close(),
            }
        }
        let Some(path) = path.finish() else { return };
        if let Some(fill) = shape.fill {
            self.fill(&path, fill.colour, fill.opacity);
        }
        if let Some(own) = &shape.stroke {
            let dashes = own.dashes.iter().map(|dash| *dash as f32).collect();
            let stroke = Stroke {
                width: own.width as f32,
                line_join: LineJoin::Round,
                dash: StrokeDash::new(dashes, 0.0),
                ..Stroke::default()
            };
            let paint = paint(own.colour, 1.0);
            self.pixmap.stroke_path(&path, &paint, &stroke, self.to_pixels, None::<&Mask>);
        }
    }

    fn text(&mut self, text: &Text) {
        let (x, y) = text.start();
        for glyphs in text.glyphs() {
            let Some(font) = &self.fonts[glyphs.face as usize] else { continue };
            let scale = glyphs.size / f64::from(font.units_per_em());
            let mut outlines = PathBuilder::new();
            let mut along = glyphs.along;
            for c in glyphs.text.chars() {
                let place = match text.is_upwards {
                    true => [0.0, -scale, -scale, 0.0, x - glyphs.rise, y - along],
                    false => [scale, 0.0, 0.0, -scale, x + along, y - glyphs.rise],
                };
                let mut outline = Outline { path: &mut outlines, place };
                font.outline_glyph(GlyphId(glyphs.face.glyph(c)), &mut outline);
                along += glyphs.face.width(c.encode_utf8(&mut [0; 4])) * glyphs.size;
            }
            if let Some(path) = outlines.finish() {
                self.fill(&path, text.colour, 1.0);
            }
        }
    }

    fn fill(&mut self, path: &Path, colour: [u8; 3], opacity: f64) {
        let paint = paint(colour, opacity);
        self.pixmap.fill_path(path, &paint, FillRule::Winding, self.to_pixels, None::<&Mask>);
    }
}

fn paint([red, green, blue]: [u8; 3], opacity: f64) -> Paint<'static> {
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color_rgba8(red, green, blue, (255.0 * opacity).round() as u8);
    paint
}

/// The outline of a glyph at its place: a matrix by columns.
struct Outline<'a> {
    path: &'a mut PathBuilder,
    place: [f64; 6],
}

impl Outline<'_> {
    fn to(&self, x: f32, y: f32) -> (f32, f32) {
        let [a, b, c, d, e, f] = self.place;
        let (x, y) = (f64::from(x), f64::from(y));
        ((a * x + c * y + e) as f32, (b * x + d * y + f) as f32)
    }
}

impl OutlineBuilder for Outline<'_> {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.to(x, y);
        self.path.move_to(x, y);
    }
    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.to(x, y);
        self.path.line_to(x, y);
    }
    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.to(x1, y1), self.to(x, y));
        self.path.quad_to(x1, y1, x, y);
    }
    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.to(x1, y1), self.to(x2, y2), self.to(x, y));
        self.path.cubic_to(x1, y1, x2, y2, x, y);
    }
    fn close(&mut self) {
        self.path.close();
    }
}
