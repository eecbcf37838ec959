//! A gate that a test closes to hold answers back, instead of sleeping.

use tokio::sync::watch;

/// Open at first.
pub struct Gate(watch::Sender<bool>);

impl Gate {
    /// Who comes to `Gate::pass` from now on waits.
    pub fn close(&self) {
        self.0.send_replace(false);
    }

    /// Everybody who waits goes on.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    pub(crate) async fn pass(&self) {
        // The sender lives as long as `self`, so this cannot fail.
        let _ = self.0.subscribe().wait_for(|open| *open).await;
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self(watch::Sender::new(true))
    }
}
