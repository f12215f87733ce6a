//! The few messages of ONNX that a network needs, in the encoding of protocol buffers. Numbers of fields are
//! those of onnx.proto (ONNX IR version 8).

/// A message: fields, one after another.
#[derive(Clone, Debug, Default)]
pub(super) struct Message(Vec<u8>);

const VARINT: u64 = 0;
const BYTES: u64 = 2;
const FOUR: u64 = 5;

impl Message {
    pub fn new() -> Self {
        Message::default()
    }

    fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value as u8) | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn key(&mut self, field: u64, kind: u64) {
        self.number(field << 3 | kind);
    }

    /// An integer, in two's complement where negative.
    pub fn int(mut self, field: u64, value: i64) -> Self {
        self.key(field, VARINT);
        self.number(value as u64);
        self
    }

    pub fn float(mut self, field: u64, value: f32) -> Self {
        self.key(field, FOUR);
        self.0.extend(value.to_le_bytes());
        self
    }

    pub fn bytes(mut self, field: u64, value: &[u8]) -> Self {
        self.key(field, BYTES);
        self.number(value.len() as u64);
        self.0.extend(value);
        self
    }

    pub fn text(self, field: u64, value: &str) -> Self {
        self.bytes(field, value.as_bytes())
    }

    pub fn message(self, field: u64, value: &Message) -> Self {
        self.bytes(field, &value.0)
    }

    /// The same field for each of several messages.
    pub fn messages<'a>(self, field: u64, values: impl IntoIterator<Item = &'a Message>) -> Self {
        values.into_iter().fold(self, |message, value| message.message(field, value))
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Types of elements.
pub(super) const FLOAT: i64 = 1;
pub(super) const INT64: i64 = 7;

/// A tensor with its values.
pub(super) fn tensor(name: &str, kind: i64, shape: &[usize], bytes: &[u8]) -> Message {
    let axes = shape.iter().fold(Message::new(), |m, n| m.int(1, *n as i64));
    axes.int(2, kind).text(8, name).bytes(9, bytes)
}

/// An attribute of a node.
pub(super) enum Attribute {
    Int(i64),
    Float(f32),
    Ints(Vec<i64>),
    Text(&'static str),
}

pub(super) fn attribute(name: &str, value: &Attribute) -> Message {
    let message = Message::new().text(1, name);
    match value {
        Attribute::Float(value) => message.float(2, *value).int(20, 1),
        Attribute::Int(value) => message.int(3, *value).int(20, 2),
        Attribute::Text(value) => message.text(4, value).int(20, 3),
        Attribute::Ints(values) => values.iter().fold(message, |m, v| m.int(8, *v)).int(20, 7),
    }
}

/// An axis of an input or output.
pub(super) enum Axis {
    Fixed(usize),
    Named(&'static str),
}

/// An input or output of a graph.
pub(super) fn value(name: &str, kind: i64, axes: &[Axis]) -> Message {
    let axis = |axis: &Axis| match axis {
        Axis::Fixed(n) => Message::new().int(1, *n as i64),
        Axis::Named(name) => Message::new().text(2, name),
    };
    let axes: Vec<Message> = axes.iter().map(axis).collect();
    let shape = Message::new().messages(1, &axes);
    let tensor = Message::new().int(1, kind).message(2, &shape);
    Message::new().text(1, name).message(2, &Message::new().message(1, &tensor))
}
