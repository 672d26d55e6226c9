//! Closed sets of values that have names: the macro that makes them, and reading a name that somebody typed.

use super::Failure;

/// Closed set of values that have names.
pub trait Named: Copy + PartialEq + 'static {
    /// All values, in the order of their declaration.
    const VALUES: &'static [Self];
    /// Returns the name used in JSON and on the command line.
    fn value_name(self) -> &'static str;
    /// Finds the value of a name; `None` if it is unknown.
    fn from_value_name(name: &str) -> Option<Self>;
}

/// Gives an enum its names, and its numbers in the database if it has any: `A: "a";` or `A = 1, "a";` for each value.
macro_rules! names {
    ($type:ident { $($variant:ident: $name:literal;)+ }) => {
        impl $type {
            /// All values, in the order of their declaration.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$variant),+];
            /// Returns the name used in JSON and on the command line.
            pub const fn name(self) -> &'static str { match self { $(Self::$variant => $name),+ } }
            /// Parses a name; `None` if it is unknown.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)+ _ => None }
            }
        }
        impl $crate::domain::Named for $type {
            const VALUES: &'static [Self] = &Self::ALL;
            fn value_name(self) -> &'static str { self.name() }
            fn from_value_name(name: &str) -> Option<Self> { Self::from_name(name) }
        }
    };
    ($type:ident { $($variant:ident = $number:literal, $name:literal;)+ }) => {
        $crate::domain::names::names!($type { $($variant: $name;)+ });
        impl $type {
            /// Returns the number stored in the database; numbers are never reused.
            pub const fn number(self) -> i64 { match self { $(Self::$variant => $number),+ } }
            /// Returns the value of a stored number, or `None` if it is unknown.
            pub const fn from_number(number: i64) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}
pub(crate) use names;

/// Reads the name that an argument has. A wrong one is a failure that lists the names of `offered`.
pub fn choose_value<T: Named>(argument: &str, name: &str, offered: &[T]) -> Result<T, Failure> {
    T::from_value_name(name).ok_or_else(|| {
        let hint = format!("it must be {}", list_names(offered));
        Failure::invalid_arguments(format!("{argument} is {name:?}"), hint)
    })
}

/// Reads the names that an argument has, as [`choose_value`] reads one.
pub fn choose_values<T: Named>(argument: &str, names: &[String], offered: &[T]) -> Result<Vec<T>, Failure> {
    names.iter().map(|name| choose_value(argument, name, offered)).collect()
}

/// Lists names: `a, b or c`.
fn list_names<T: Named>(values: &[T]) -> String {
    let names: Vec<&str> = values.iter().map(|value| value.value_name()).collect();
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, first)) => format!("{} or {last}", first.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{PartKind, SearchMode};

    #[test]
    fn a_wrong_name_lists_those_that_are_offered() {
        assert_eq!(choose_value("mode", "exact", &SearchMode::ALL).unwrap(), SearchMode::Exact);
        let failure = choose_value("mode", "Exact", &SearchMode::ALL).unwrap_err();
        assert_eq!(failure.to_string(), "mode is \"Exact\"; it must be hybrid, semantic, keyword or exact");
        let failure = choose_values("kind", &["text".to_owned(), "x".to_owned()], &PartKind::OFFERED).unwrap_err();
        assert_eq!(
            failure.hint.as_deref(),
            Some("it must be text, thinking, tool_use, tool_result, summary, meta or note")
        );
    }

    #[test]
    fn names_and_numbers_lead_back_to_their_values() {
        for kind in PartKind::ALL {
            assert_eq!(PartKind::from_name(kind.name()), Some(kind));
            assert_eq!(PartKind::from_number(kind.number()), Some(kind));
        }
    }
}
