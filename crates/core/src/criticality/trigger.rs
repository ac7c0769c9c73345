//! From which value on something presses.

use std::fmt;
use std::str::FromStr;

/// Two values of something that runs out: from the first on it presses, and at
/// the second nothing is left (the scaled trigger of Envoy's overload manager).
///
/// ```
/// use plimsoll_core::criticality::Trigger;
///
/// let trigger = Trigger::new(0.8, 1.0).unwrap();
/// assert_eq!(trigger, "0.8,1".parse().unwrap());
/// assert_eq!([0.5, 0.8, 1.0, 7.0].map(|value| trigger.pressure(value)), [0.0, 0.0, 1.0, 1.0]);
/// assert!((trigger.pressure(0.9) - 0.5).abs() < 1e-9);
/// assert_eq!(Trigger::never().pressure(7.0), 0.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trigger {
    begins: f64,
    saturated: f64,
}

/// A trigger that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TriggerError;

impl fmt::Display for TriggerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "two numbers are needed, from 0 on and the second above the first: where it begins \
             to press, and where nothing is left; for example 0.85,0.95, or off",
        )
    }
}

impl std::error::Error for TriggerError {}

impl Trigger {
    /// The default for memory, in shares of its limit: 0.85 and 0.95.
    pub const MEMORY: Self = Self {
        begins: 0.85,
        saturated: 0.95,
    };

    /// The default for a runtime's delay, in seconds: 0.05 and 0.5.
    pub const DELAY: Self = Self {
        begins: 0.05,
        saturated: 0.5,
    };

    /// Presses from `begins` on, and most from `saturated` on.
    ///
    /// # Errors
    /// One is no number or below 0, or the second is not above the first.
    pub fn new(begins: f64, saturated: f64) -> Result<Self, TriggerError> {
        let fits = begins >= 0.0 && saturated.is_finite() && begins < saturated;
        fits.then_some(Self { begins, saturated })
            .ok_or(TriggerError)
    }

    /// One that never presses.
    pub const fn never() -> Self {
        Self {
            begins: f64::INFINITY,
            saturated: f64::INFINITY,
        }
    }

    /// How far `value` is between the two, 0 to 1.
    pub fn pressure(&self, value: f64) -> f64 {
        if value > self.begins {
            ((value - self.begins) / (self.saturated - self.begins)).min(1.0)
        } else {
            0.0
        }
    }
}

impl FromStr for Trigger {
    type Err = TriggerError;

    fn from_str(text: &str) -> Result<Self, TriggerError> {
        if text == "off" {
            return Ok(Self::never());
        }
        let (begins, saturated) = text.split_once(',').ok_or(TriggerError)?;
        let number = |text: &str| text.trim().parse().map_err(|_| TriggerError);
        Self::new(number(begins)?, number(saturated)?)
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.begins.is_infinite() {
            return f.write_str("off");
        }
        write!(f, "{},{}", self.begins, self.saturated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_trigger_is_told() {
        for text in [
            "", "1", "1,1", "2,1", "-1,1", "a,b", "0,NaN", "NaN,1", "1,inf", "1,2,3",
        ] {
            assert_eq!(text.parse::<Trigger>(), Err(TriggerError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn more_presses_no_less_and_what_is_written_is_read_again(
            begins in 0.0..9.0_f64, width in 0.001..9.0_f64, value in -1.0..20.0_f64, more in 0.0..9.0_f64,
        ) {
            let trigger = Trigger::new(begins, begins + width).unwrap();
            let (less, more) = (trigger.pressure(value), trigger.pressure(value + more));
            prop_assert!(0.0 <= less && less <= more && more <= 1.0);
            prop_assert_eq!(trigger.to_string().parse(), Ok(trigger));
        }
    }
}
