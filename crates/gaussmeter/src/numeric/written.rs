use std::fmt;

/// A number in a message: with all its digits, or with an exponent if it would have hundreds.
pub(crate) struct Written(f64);

/// The longest number of ordinary size, such as 0.000012345678901234567.
const LONGEST: usize = 24;

/// `number`, formatted for messages.
pub(crate) fn written(number: &f64) -> Written {
    Written(*number)
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, short) = match f.precision() {
            None => (self.0.to_string(), format!("{:e}", self.0)),
            Some(digits) => (format!("{:.digits$}", self.0), format!("{:.digits$e}", self.0)),
        };
        f.write_str(if text.len() <= LONGEST { &text } else { &short })
    }
}

#[cfg(test)]
mod tests {
    use super::written;

    #[test]
    fn numbers_of_everyday_size_are_as_they_always_were() {
        for number in
            [0.0, -0.0, 1.0, 0.1 + 0.2, -1e-5, 1e-20, 123456.75, 1e18, f64::NAN, -f64::INFINITY]
        {
            assert_eq!(written(&number).to_string(), number.to_string());
            assert_eq!(format!("{:.3}", written(&number)), format!("{number:.3}"));
        }
    }

    #[test]
    fn extreme_numbers_are_short() {
        for (number, text) in
            [(1e-320, "1e-320"), (-1e300, "-1e300"), (f64::MAX, "1.7976931348623157e308")]
        {
            assert_eq!(written(&number).to_string(), text);
            assert!(format!("{:.3}", written(&number)).len() <= 10);
        }
    }
}
