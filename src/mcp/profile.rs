//! How many tools a server offers: every definition is paid for by every session.

/// A set of tools; each holds those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Profile {
    /// What a session needs.
    #[default]
    Core,
    /// For working with the history itself.
    Full,
    /// For putting the store right.
    Admin,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 3] = [Self::Core, Self::Full, Self::Admin];

    /// The name used in settings and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Full => "full",
            Self::Admin => "admin",
        }
    }

    /// From its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }
}
