//! What AWS answers: what its errors say about the signature, and how far the clocks are apart.

pub(crate) mod skew;
pub(crate) mod verdict;
