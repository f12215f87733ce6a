//! How much memory reading and decomposing may take, asked before any is taken.

use std::fmt;

/// Bytes that samples, pictures and vectors of their length may take at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory(pub u64);

impl Default for Memory {
    /// 2 GiB.
    fn default() -> Self {
        Memory(2 << 30)
    }
}

impl Memory {
    /// Refuses what would take more. `what` begins the message.
    ///
    /// ```
    /// use gaussmeter_data::Memory;
    /// let error = Memory(1 << 20).check(5 << 20, "a picture").unwrap_err();
    /// assert_eq!(error, "a picture takes 5 MiB of memory, but may take 1 MiB: allow more with --memory");
    /// assert!(Memory(1 << 20).check(1 << 20, "a picture").is_ok());
    /// ```
    ///
    /// # Errors
    /// The reason in words.
    pub fn check(self, needed: u128, what: impl fmt::Display) -> Result<(), String> {
        match needed <= u128::from(self.0) {
            true => Ok(()),
            false => Err(format!(
                "{what} takes {} of memory, but may take {}: allow more with --memory",
                amount(needed),
                amount(self.0.into())
            )),
        }
    }
}

/// A number of bytes in words, rounded up.
pub(crate) fn amount(bytes: u128) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    match units.into_iter().find(|(shift, _)| bytes >= 1 << shift) {
        Some((shift, unit)) => {
            let tenths = (bytes * 10).div_ceil(1 << shift);
            match tenths % 10 {
                0 => format!("{} {unit}", tenths / 10),
                tenth => format!("{}.{tenth} {unit}", tenths / 10),
            }
        }
        None => format!("{bytes} bytes"),
    }
}
