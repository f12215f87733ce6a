//! Expressions in files: numbers, and vectors of a tape, which can be scaled by numbers.

use super::transfer::phi;
use crate::level::Level;
use crate::numeric::differentiation::Real;
use crate::numeric::written;
use crate::tape::Linear;

/// A parsed expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    Number(f64),
    /// A name, and how many steps ago the value was assigned.
    Name(String, usize),
    Call(String, Vec<Expression>),
    Negate(Box<Expression>),
    /// Operands of one precedence, from left to right, in a flat list, so that recursion does not
    /// deepen with their number.
    Chain(Box<Expression>, Vec<(Operator, Expression)>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    And,
    Or,
}

/// The value of an expression. True is 1, false is 0.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Number(Real),
    Vector(Linear),
    Level(Level<Real>),
}

impl Value {
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Number(_) => "a number",
            Value::Vector(_) => "a vector",
            Value::Level(_) => "a level",
        }
    }
    pub fn number(self) -> Result<Real, String> {
        match self {
            Value::Number(value) => Ok(value),
            other => Err(format!("{} stands where a number is needed", other.kind())),
        }
    }
    pub fn vector(self) -> Result<Linear, String> {
        match self {
            Value::Vector(value) => Ok(value),
            other => Err(format!("{} stands where a vector is needed", other.kind())),
        }
    }
}

/// Gives names their meaning.
pub(super) trait Scope {
    fn name(&self, name: &str, back: usize) -> Result<Value, String>;
    /// A function other than those of numbers; `None` if it is unknown.
    fn call(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, String>>;
}

/// No names, only numbers and their functions.
pub(super) struct NoNames;

impl Scope for NoNames {
    fn name(&self, name: &str, _: usize) -> Result<Value, String> {
        Err(format!("'{name}' is not a number"))
    }
    fn call(&self, _: &str, _: &[Value]) -> Option<Result<Value, String>> {
        None
    }
}

/// A function of one number.
type Function = fn(Real) -> Real;
/// A function of two numbers.
type Pair = fn(Real, Real) -> Real;

/// Functions of one number.
const FUNCTIONS: [(&str, Function); 14] = [
    ("exp", |x| x.exp()),
    ("expm1", |x| x.exp_m1()),
    ("log", |x| x.ln()),
    ("log1p", |x| x.ln_1p()),
    ("sqrt", |x| x.sqrt()),
    ("abs", |x| x.abs()),
    ("sin", |x| x.sin()),
    ("cos", |x| x.cos()),
    ("tan", |x| x.tan()),
    ("atan", |x| x.atan()),
    ("phi1", |x| phi(1, x)),
    ("phi2", |x| phi(2, x)),
    ("phi3", |x| phi(3, x)),
    ("not", |x| Real::from(if x == 0.0 { 1.0 } else { 0.0 })),
];

/// Functions of two numbers.
const PAIRS: [(&str, Pair); 2] = [("min", |x, y| x.min(y)), ("max", |x, y| x.max(y))];

/// Names of the functions of numbers.
pub(super) fn functions() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|f| f.0).chain(PAIRS.iter().map(|f| f.0))
}

/// The number of arguments of a function of numbers; `None` if it is unknown.
pub(super) fn arity(name: &str) -> Option<usize> {
    let one = FUNCTIONS.iter().any(|f| f.0 == name).then_some(1);
    one.or_else(|| PAIRS.iter().any(|f| f.0 == name).then_some(2))
}

impl Expression {
    /// Reads an expression.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { tokens: tokens(text)?, position: 0, depth: 0 };
        let expression = parser.either()?;
        match parser.next() {
            Token::End => Ok(expression),
            other => Err(format!("{} stands where an operator is needed", other.words())),
        }
    }

    /// Its value.
    pub fn value(&self, scope: &dyn Scope) -> Result<Value, String> {
        match self {
            Expression::Number(value) => Ok(Value::Number(Real::from(*value))),
            Expression::Name(name, back) => scope.name(name, *back),
            Expression::Negate(operand) => match operand.value(scope)? {
                Value::Number(x) => Ok(Value::Number(-x)),
                Value::Vector(x) => Ok(Value::Vector(-x)),
                level => Err(format!("- is not defined for {}", level.kind())),
            },
            Expression::Call(name, arguments) => {
                let values: Vec<Value> =
                    arguments.iter().map(|a| a.value(scope)).collect::<Result<_, _>>()?;
                if let Some(value) = scope.call(name, &values) {
                    return value.map_err(|reason| format!("{name}: {reason}"));
                }
                let numbers: Vec<Real> = values
                    .into_iter()
                    .map(Value::number)
                    .collect::<Result<_, _>>()
                    .map_err(|reason| format!("{name}: {reason}"))?;
                let one = FUNCTIONS.iter().find(|f| f.0 == name);
                let two = PAIRS.iter().find(|f| f.0 == name);
                match (&numbers[..], one, two) {
                    ([x], Some((_, f)), _) => Ok(Value::Number(f(*x))),
                    ([x, y], _, Some((_, f))) => Ok(Value::Number(f(*x, *y))),
                    (_, None, None) => Err(format!("there is no function '{name}'")),
                    _ => Err(format!("{name} does not take {} arguments", numbers.len())),
                }
            }
            Expression::Chain(first, rest) => {
                let mut left = first.value(scope)?;
                for (operator, right) in rest {
                    // Short circuit: the right side may be undefined where the left one decides.
                    left = match (operator, &left) {
                        (Operator::And, Value::Number(x)) if *x == 0.0 => left,
                        (Operator::Or, Value::Number(x)) if *x != 0.0 => {
                            Value::Number(Real::from(1.0))
                        }
                        _ => operator.apply(left, right.value(scope)?)?,
                    };
                }
                Ok(left)
            }
        }
    }

    /// Its value without names.
    pub fn constant(&self) -> Result<f64, String> {
        Ok(self.value(&NoNames)?.number()?.value())
    }

    /// Calls `visit` on itself and on all parts, in the order they are written.
    pub fn walk<E>(&self, visit: &mut impl FnMut(&Expression) -> Result<(), E>) -> Result<(), E> {
        visit(self)?;
        match self {
            Expression::Number(_) | Expression::Name(..) => Ok(()),
            Expression::Negate(operand) => operand.walk(visit),
            Expression::Call(_, arguments) => arguments.iter().try_for_each(|a| a.walk(visit)),
            Expression::Chain(first, rest) => {
                first.walk(visit)?;
                rest.iter().try_for_each(|(_, right)| right.walk(visit))
            }
        }
    }
}

impl Operator {
    fn symbol(self) -> &'static str {
        match self {
            Operator::Add => "+",
            Operator::Subtract => "-",
            Operator::Multiply => "*",
            Operator::Divide => "/",
            Operator::Power => "^",
            Operator::Less => "<",
            Operator::LessEqual => "<=",
            Operator::Greater => ">",
            Operator::GreaterEqual => ">=",
            Operator::Equal => "==",
            Operator::NotEqual => "!=",
            Operator::And => "and",
            Operator::Or => "or",
        }
    }

    fn apply(self, left: Value, right: Value) -> Result<Value, String> {
        let truth = |holds: bool| Real::from(if holds { 1.0 } else { 0.0 });
        let value = match (left, self, right) {
            (Value::Number(x), _, Value::Number(y)) => Value::Number(match self {
                Operator::Add => x + y,
                Operator::Subtract => x - y,
                Operator::Multiply => x * y,
                Operator::Divide => x / y,
                Operator::Power if y == 2.0 => x * x,
                Operator::Power if y.is_constant() => x.powf(y.value()),
                Operator::Power => (y * x.ln()).exp(),
                Operator::Less => truth(x < y),
                Operator::LessEqual => truth(x <= y),
                Operator::Greater => truth(x > y),
                Operator::GreaterEqual => truth(x >= y),
                Operator::Equal => truth(x == y),
                Operator::NotEqual => truth(x != y),
                Operator::And => truth(x != 0.0 && y != 0.0),
                Operator::Or => truth(x != 0.0 || y != 0.0),
            }),
            (Value::Vector(x), Operator::Add, Value::Vector(y)) => Value::Vector(x + y),
            (Value::Vector(x), Operator::Subtract, Value::Vector(y)) => Value::Vector(x - y),
            (Value::Vector(x), Operator::Multiply, Value::Number(y))
            | (Value::Number(y), Operator::Multiply, Value::Vector(x)) => Value::Vector(y * x),
            (Value::Vector(x), Operator::Divide, Value::Number(y)) => Value::Vector(x / y),
            (left, _, right) => {
                let (left, right) = (left.kind(), right.kind());
                return Err(format!("{left} {} {right} is not defined", self.symbol()));
            }
        };
        Ok(value)
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(f64),
    Name(String),
    Symbol(&'static str),
    End,
}

impl Token {
    fn words(&self) -> String {
        match self {
            Token::Number(value) => written(value).to_string(),
            Token::Name(name) => format!("'{}'", excerpt(name)),
            Token::Symbol(symbol) => format!("'{symbol}'"),
            Token::End => "the end".into(),
        }
    }
}

/// Longer symbols first.
const SYMBOLS: [&str; 18] =
    ["<=", ">=", "==", "!=", "**", "<", ">", "+", "-", "*", "/", "^", "(", ")", "[", "]", ",", "·"];

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if tokens.len() == LONGEST {
            return Err(format!(
                "it is too long: more than {LONGEST} numbers, names and operators"
            ));
        }
        let length = if first.is_ascii_digit() || first == '.' {
            let length = number_length(rest);
            let value = rest[..length].parse();
            tokens.push(Token::Number(
                value.map_err(|_| format!("'{}' does not begin a number", excerpt(rest)))?,
            ));
            length
        } else if first.is_alphabetic() || first == '_' {
            let end = |c: char| !(c.is_alphanumeric() || c == '_');
            let length = rest.find(end).unwrap_or(rest.len());
            if length > LONGEST_NAME {
                return Err(format!("the name '{}' is too long", excerpt(rest)));
            }
            tokens.push(Token::Name(rest[..length].into()));
            length
        } else {
            let symbol = SYMBOLS.iter().find(|s| rest.starts_with(**s));
            let symbol = symbol.ok_or_else(|| format!("'{first}' has no meaning"))?;
            tokens.push(Token::Symbol(match *symbol {
                "**" => "^",
                "·" => "*",
                other => other,
            }));
            symbol.len()
        };
        rest = rest[length..].trim_start();
    }
    tokens.push(Token::End);
    Ok(tokens)
}

/// The beginning of a text, for a message.
pub(super) fn excerpt(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut start: String = text.chars().take(LONGEST).collect();
    if text.chars().nth(LONGEST).is_some() {
        start.push('…');
    }
    start
}

/// Digits, a point, digits, and an exponent.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |from: usize| {
        from + bytes[from.min(bytes.len())..].iter().take_while(|b| b.is_ascii_digit()).count()
    };
    let mut end = digits(0);
    if bytes.get(end) == Some(&b'.') {
        end = digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        if bytes.get(end + 1 + sign).is_some_and(u8::is_ascii_digit) {
            end = digits(end + 1 + sign);
        }
    }
    end
}

struct Parser {
    tokens: Vec<Token>,
    position: usize,
    depth: usize,
}

/// Deepest nesting, far less than the stack allows.
const DEEPEST: usize = 100;
/// Longest name, in bytes.
pub(super) const LONGEST_NAME: usize = 200;
/// Most numbers, names and operators, far more than anyone writes.
const LONGEST: usize = 100_000;
/// Most steps back, far more than any method uses.
const FARTHEST: usize = 1000;

impl Parser {
    fn peek(&self) -> &Token {
        self.tokens.get(self.position).unwrap_or(&Token::End)
    }
    fn next(&mut self) -> Token {
        self.position += 1;
        self.tokens.get(self.position - 1).cloned().unwrap_or(Token::End)
    }
    fn symbol(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Token::Symbol(s) if *s == symbol);
        self.position += usize::from(found);
        found
    }
    fn word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Token::Name(name) if name == word);
        self.position += usize::from(found);
        found
    }
    fn expect(&mut self, symbol: &str) -> Result<(), String> {
        match self.symbol(symbol) {
            true => Ok(()),
            false => Err(format!("{} stands where '{symbol}' is needed", self.peek().words())),
        }
    }

    /// Operands of one precedence, from left to right.
    fn chain(
        &mut self,
        operand: fn(&mut Self) -> Result<Expression, String>,
        operators: &[(&str, Operator)],
    ) -> Result<Expression, String> {
        let first = operand(self)?;
        let mut rest = Vec::new();
        while let Some((_, operator)) =
            operators.iter().find(|(text, _)| self.symbol(text) || self.word(text))
        {
            rest.push((*operator, operand(self)?));
        }
        Ok(if rest.is_empty() { first } else { Expression::Chain(Box::new(first), rest) })
    }

    fn either(&mut self) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("it is nested too deeply".into());
        }
        let expression = self.chain(Self::both, &[("or", Operator::Or)]);
        self.depth -= 1;
        expression
    }
    fn both(&mut self) -> Result<Expression, String> {
        self.chain(Self::comparison, &[("and", Operator::And)])
    }
    fn comparison(&mut self) -> Result<Expression, String> {
        self.chain(
            Self::sum,
            &[
                ("<=", Operator::LessEqual),
                (">=", Operator::GreaterEqual),
                ("==", Operator::Equal),
                ("!=", Operator::NotEqual),
                ("<", Operator::Less),
                (">", Operator::Greater),
            ],
        )
    }
    fn sum(&mut self) -> Result<Expression, String> {
        self.chain(Self::product, &[("+", Operator::Add), ("-", Operator::Subtract)])
    }
    fn product(&mut self) -> Result<Expression, String> {
        self.chain(Self::signed, &[("*", Operator::Multiply), ("/", Operator::Divide)])
    }

    /// A sign binds less tightly than a power: -x^2 is -(x^2).
    fn signed(&mut self) -> Result<Expression, String> {
        let mut negative = false;
        loop {
            if self.symbol("-") {
                negative = !negative;
            } else if !self.symbol("+") {
                break;
            }
        }
        let value = self.power()?;
        Ok(if negative { Expression::Negate(Box::new(value)) } else { value })
    }
    /// Right-associative.
    fn power(&mut self) -> Result<Expression, String> {
        let base = self.atom()?;
        if !self.symbol("^") {
            return Ok(base);
        }
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("it is nested too deeply".into());
        }
        let exponent = self.signed()?;
        self.depth -= 1;
        Ok(Expression::Chain(Box::new(base), vec![(Operator::Power, exponent)]))
    }

    fn atom(&mut self) -> Result<Expression, String> {
        match self.next() {
            Token::Number(value) => Ok(Expression::Number(value)),
            Token::Symbol("(") => {
                let inner = self.either()?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Name(name) if self.symbol("(") => {
                let mut arguments = Vec::new();
                if !self.symbol(")") {
                    loop {
                        arguments.push(self.either()?);
                        if !self.symbol(",") {
                            break;
                        }
                    }
                    self.expect(")")?;
                }
                Ok(Expression::Call(name, arguments))
            }
            Token::Name(name) if self.symbol("[") => {
                let past = self.symbol("-");
                self.symbol("+");
                let back = match self.next() {
                    Token::Number(x) if x.fract() == 0.0 && x <= FARTHEST as f64 => x as usize,
                    other => {
                        return Err(format!(
                            "{name}[…] holds a number of steps, as in {name}[-1], not {}",
                            other.words()
                        ));
                    }
                };
                self.expect("]")?;
                match (past, back) {
                    (true, 1..) => Ok(Expression::Name(name, back)),
                    (_, 0) => Err(format!("{name}[0] refers to itself: write {name}")),
                    _ => Err(format!(
                        "{name}[{back}] refers to the future: only values of earlier steps are known, such as {name}[-1]"
                    )),
                }
            }
            Token::Name(name) => Ok(Expression::Name(name, 0)),
            other => Err(format!("{} stands where a value is needed", other.words())),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn number(text: &str) -> Result<f64, String> {
        Expression::parse(text)?.constant()
    }

    #[test]
    fn arithmetic_has_its_usual_precedence() {
        for (text, expected) in [
            ("1 + 2 * 3", 7.0),
            ("2/3", 2.0 / 3.0),
            ("-2^2", -4.0),
            ("2^-1", 0.5),
            ("2^3^2", 512.0),
            ("8 - 3 - 2", 3.0),
            ("12 / 3 / 2", 2.0),
            ("--1", 1.0),
            ("(1 + 2) * 3", 9.0),
            ("1.5e-1 + .5 + 2.", 2.65),
            ("max(1, min(5, 3))", 3.0),
            ("1 < 2 and not(2 <= 1) or 0", 1.0),
            ("1 == 1 == 1", 1.0),
            ("0 and unknown", 0.0),
            ("3 or unknown", 1.0),
            ("2 ** 3 · 2", 16.0),
            ("phi1(0) + 2 * phi2(0) + 6 * phi3(0)", 3.0),
        ] {
            assert!((number(text).unwrap() - expected).abs() < 1e-15, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        for (text, expected) in [
            ("", "the end stands where a value is needed"),
            ("1 +", "the end stands where a value is needed"),
            ("(1", "the end stands where ')' is needed"),
            ("1 2", "2 stands where an operator is needed"),
            ("1 § 2", "'§' has no meaning"),
            ("exp(1, 2)", "exp does not take 2 arguments"),
            ("sine(1)", "there is no function 'sine'"),
            ("a + 1", "'a' is not a number"),
            (
                "a[1]",
                "a[1] refers to the future: only values of earlier steps are known, such as a[-1]",
            ),
            ("a[0]", "a[0] refers to itself: write a"),
            ("a[-1.5]", "a[…] holds a number of steps, as in a[-1], not 1.5"),
            (".", "'.' does not begin a number"),
        ] {
            assert_eq!(number(text).unwrap_err(), expected, "{text}");
        }
        for deep in ["(".repeat(90_000), "2^".repeat(45_000), "exp(".repeat(45_000)] {
            assert_eq!(number(&deep).unwrap_err(), "it is nested too deeply");
        }
        assert_eq!(number(&format!("{}1", "-".repeat(99_000))), Ok(1.0));
    }

    /// Long chains are not deep ones, whatever is done with them.
    #[test]
    fn chains_are_as_flat_as_they_look() {
        let chain = |link: &str, count: usize| format!("1{}", link.repeat(count));
        for (link, expected) in [
            ("+1", 49_001.0),
            ("-1", -48_999.0),
            ("*1", 1.0),
            ("/1", 1.0),
            (" or 0", 1.0),
            (" and 1", 1.0),
            ("<=1", 1.0),
        ] {
            let expression = Expression::parse(&chain(link, 49_000)).unwrap();
            assert_eq!(expression.constant(), Ok(expected), "{link}");
            let mut parts = 0;
            let count = expression.walk(&mut |_| {
                parts += 1;
                Ok::<(), ()>(())
            });
            assert_eq!((count, parts), (Ok(()), 49_002), "{link}");
            assert_eq!(expression.clone(), expression, "{link}");
            assert!(format!("{expression:?}").len() > 49_000);
        }
        let nested = format!("{}1{}", "(1+".repeat(99), ")".repeat(99));
        assert_eq!(number(&nested), Ok(100.0));
        for long in [chain("+1", 50_000), "1 ".repeat(10_000_000), "-".repeat(100_001)] {
            let error = number(&long).unwrap_err();
            assert_eq!(error, "it is too long: more than 100000 numbers, names and operators");
        }
    }
}
