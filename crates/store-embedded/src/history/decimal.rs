//! Numbers as they were written: digits, and how many of them stand after the point.

/// `-21.50` is -2150 with two digits after the point. Takes 18 digits at most, and no exponent;
/// every number reads back letter by letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    pub digits: i64,
    pub scale: u8,
}

const DIGITS_MAX: usize = 18;

impl Decimal {
    /// Nothing for a number that would not read back as it is written here.
    pub fn parse(text: &str) -> Option<Decimal> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = match unsigned.split_once('.') {
            Some((_, "")) => return None,
            Some((whole, fraction)) => (whole, fraction),
            None => (unsigned, ""),
        };
        let leading_zero = whole.len() > 1 && whole.starts_with('0');
        if whole.is_empty() || leading_zero || whole.len() + fraction.len() > DIGITS_MAX {
            return None;
        }
        let mut digits = 0_i64;
        for byte in whole.bytes().chain(fraction.bytes()) {
            if !byte.is_ascii_digit() {
                return None;
            }
            digits = digits * 10 + i64::from(byte - b'0');
        }
        if negative && digits == 0 {
            return None;
        }
        Some(Decimal {
            digits: if negative { -digits } else { digits },
            scale: fraction.len() as u8,
        })
    }

    pub fn text(self) -> String {
        let mut text = String::new();
        self.put(&mut text);
        text
    }

    pub fn put(self, out: &mut String) {
        let mut buffer = [0; 20];
        let (mut rest, mut at) = (self.digits.unsigned_abs(), buffer.len());
        while rest > 0 || at == buffer.len() {
            at -= 1;
            buffer[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        let digits = std::str::from_utf8(&buffer[at..]).unwrap_or_default();
        if self.digits < 0 {
            out.push('-');
        }
        match digits.len().checked_sub(self.scale.into()) {
            _ if self.scale == 0 => out.push_str(digits),
            Some(whole) if whole > 0 => {
                out.push_str(&digits[..whole]);
                out.push('.');
                out.push_str(&digits[whole..]);
            }
            _ => {
                out.push_str("0.");
                out.extend((digits.len()..self.scale.into()).map(|_| '0'));
                out.push_str(digits);
            }
        }
    }

    /// The nearest floating-point number.
    pub fn value(self) -> f64 {
        // Up to here both are exact, so that the quotient is the nearest one.
        if self.digits.unsigned_abs() < 1 << 53 && self.scale <= 22 {
            self.digits as f64 / POWERS_OF_TEN[usize::from(self.scale.min(22))]
        } else {
            self.text().parse().unwrap_or(f64::NAN)
        }
    }
}

const POWERS_OF_TEN: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_what_reads_back_is_taken() {
        for text in [
            "0",
            "-1",
            "21.5",
            "21.50",
            "0.007",
            "-0.5",
            "123456789012345678",
            "0.0",
            "0.12345678901234567",
        ] {
            assert_eq!(Decimal::parse(text).unwrap().text(), text);
        }
        for text in
            ["", "-", "-0", "-0.0", "01", "1.", ".5", "1e3", "1.5E-3", "1234567890123456789"]
        {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_number_has_the_value_that_its_text_has(digits in -999_999_999_999_999_999_i64..=999_999_999_999_999_999, scale in 0_u8..=17) {
            let decimal = Decimal { digits, scale };
            prop_assert_eq!(decimal.value(), decimal.text().parse::<f64>().unwrap());
        }

        #[test]
        fn floats_read_back(value: f64) {
            let text = format!("{value:?}");
            if let Some(decimal) = Decimal::parse(&text) {
                prop_assert_eq!(decimal.text(), text);
            }
        }
    }
}
