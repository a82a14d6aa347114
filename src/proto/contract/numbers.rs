//! Enums whose variants have numbers: those that cross into JavaScript, or that options name.
//!
//! A variant's number and name stand beside it, so that nothing depends on the order in which variants are written. The build makes
//! the `const enum`s of the TypeScript face and the constants of the browser's drivers of them.

/// One variant: its name in Rust, its number, and the name that JavaScript sees.
pub type NumberRow = (&'static str, u8, &'static str);

/// An enum whose variants have numbers.
pub trait Numbered: Copy + 'static {
    /// The enum's name.
    const ENUM: &'static str;
    /// All variants.
    const ALL: &'static [Self];
    /// Their names and numbers.
    const ROWS: &'static [NumberRow];

    /// Returns the variant of a number; an unknown number is none.
    fn from_number(number: u8) -> Option<Self>;

    /// Returns the number, as a place in an array.
    fn place(self) -> u32;

    /// Returns the variant of a name; an unknown name is none.
    fn from_name(name: &str) -> Option<Self> {
        let place = Self::ROWS.iter().position(|(_, _, known)| *known == name)?;
        Self::ALL.get(place).copied()
    }
}

/// Declares an enum whose variants have numbers and names: `Variant = number "name"`.
macro_rules! numbered {
    (
        $(#[$meta:meta])*
        $vis:vis enum $Name:ident { $( $(#[$about:meta])* $Variant:ident = $number:literal $text:literal ),+ $(,)? }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        $vis enum $Name { $( $(#[$about])* $Variant = $number ),+ }

        impl $Name {
            /// Returns the name that JavaScript sees.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $( Self::$Variant => $text ),+ }
            }

            /// Returns the number that crosses into JavaScript.
            #[must_use]
            pub const fn number(self) -> u8 {
                self as u8
            }
        }

        impl $crate::proto::contract::Numbered for $Name {
            const ENUM: &'static str = stringify!($Name);
            const ALL: &'static [Self] = &[ $( Self::$Variant ),+ ];
            const ROWS: &'static [$crate::proto::contract::NumberRow] = &[ $( (stringify!($Variant), $number, $text) ),+ ];

            fn place(self) -> u32 {
                self as u32
            }

            fn from_number(number: u8) -> Option<Self> {
                match number {
                    $( $number => Some(Self::$Variant), )+
                    _ => None,
                }
            }
        }

        impl $crate::proto::contract::OptionValue for $Name {
            const KIND: $crate::proto::contract::Kind =
                $crate::proto::contract::Kind::Choice(stringify!($Name), <Self as $crate::proto::contract::Numbered>::ROWS);

            fn read<V: $crate::proto::contract::Value>(
                value: &V,
                name: &'static str,
                _: $crate::proto::contract::Reads,
            ) -> Result<Self, V::Wrong> {
                value.choice().ok_or_else(|| V::wrong(name))
            }

            fn show(&self) -> Option<String> {
                Some(["'", self.name(), "'"].concat())
            }
        }
    };
}
pub(crate) use numbered;
