//! `Debug` of views: how long their slices are, never what is in them.

use core::fmt;

/// In place of a slice.
pub(crate) struct Elements(pub usize);

impl fmt::Debug for Elements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} elements]", self.0)
    }
}

/// Implements `Debug` for a view: of some fields by theirs, and of slices by their lengths.
macro_rules! debug_view {
    ($view:ident<$($life:lifetime),+ $(, $other:ident)?>: $($field:ident)*; $($slice:ident)*) => {
        impl $(<$other: core::fmt::Debug>)? core::fmt::Debug for $view<$($life),+ $(, $other)?> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_struct(stringify!($view))
                    $(.field(stringify!($field), &self.$field))*
                    $(.field(stringify!($slice), &crate::debug::Elements(self.$slice.len())))*
                    .finish_non_exhaustive()
            }
        }
    };
}
