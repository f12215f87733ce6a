//! Limits on the memory of reading and decomposing, checked before any is allocated.

use std::fmt;

/// A limit in bytes on the samples, pictures and vectors of their length held at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory(pub u64);

impl Default for Memory {
    /// 2 GiB.
    fn default() -> Self {
        Memory(2 << 30)
    }
}

impl Memory {
    /// Refuses what needs more than the limit. `what` begins the message.
    ///
    /// ```
    /// use gaussmeter_data::Memory;
    /// let error = Memory(1 << 20).check(5 << 20, "a picture").unwrap_err();
    /// assert_eq!(error, "a picture needs 5 MiB of memory, but the limit is 1 MiB: allow more with --memory");
    /// assert!(Memory(1 << 20).check(1 << 20, "a picture").is_ok());
    /// ```
    ///
    /// # Errors
    /// What needs how much, and what to do.
    pub fn check(self, needed: u128, what: impl fmt::Display) -> Result<(), String> {
        match needed <= u128::from(self.0) {
            true => Ok(()),
            false => Err(format!(
                "{what} needs {} of memory, but the limit is {}: allow more with --memory",
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
