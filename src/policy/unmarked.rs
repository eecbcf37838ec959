//! What becomes of a request that asks for no signature.

/// What is done with a request to AWS that carries neither the marker header nor a placeholder's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmarked {
    /// Without a signature of its own it is signed.
    Sign,
    /// It goes on as it came, unless a rule denies it.
    Pass,
    /// Without a signature of its own it is answered 403.
    Refuse,
}
