//! Errors as one line, for whoever shows them.

use std::error::Error;

/// Most characters of a message line.
const LONGEST: usize = 600;

/// Characters kept at the end of a longer line, where it says what to do.
const KEPT_END: usize = 200;

/// An error and its causes, without repeating what a message already contains.
///
/// ```
/// use gaussmeter::message;
/// let error = "1e".parse::<f64>().unwrap_err();
/// assert_eq!(message::line(&error), "invalid float literal");
/// ```
pub fn line(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(e) = cause {
        let message = e.to_string();
        if !text.contains(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        cause = e.source();
    }
    one_line(&text)
}

/// A message as one line. Typed text may contain anything, of any length: control characters become
/// spaces, and the middle of a long line is left out.
///
/// ```
/// use gaussmeter::message::one_line;
/// assert_eq!(one_line("two\nlines"), "two lines");
/// assert_eq!(one_line(&"x".repeat(1000)).chars().count(), 600);
/// ```
pub fn one_line(text: &str) -> String {
    let text = text.replace(char::is_control, " ");
    let count = text.chars().count();
    if count <= LONGEST {
        return text;
    }
    const GAP: &str = " … ";
    let start: String = text.chars().take(LONGEST - KEPT_END - GAP.chars().count()).collect();
    let end: String = text.chars().skip(count - KEPT_END).collect();
    start + GAP + &end
}
