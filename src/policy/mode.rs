//! Whether what the filter decides is carried out.

/// What becomes of decisions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// They are carried out.
    #[default]
    Enforce,
    /// They are told, and every request goes on as it came.
    Observe,
}
