//! What stands around the Envoys: STS, the pod's token, the upstream, and who knows all keys.

use crate::Result;
use crate::upstream::Swallower;
use e2e::FakeSts;
use e2e::ca::TestCa;
use e2e::ledger::{Key, Ledger};
use e2e::token::TokenDir;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;

/// The fakes of one workload, so that its session tokens have their length.
pub(crate) struct Fakes {
    /// Issues the credentials of ours.
    pub(crate) sts: Arc<FakeSts>,
    /// The pod's token.
    pub(crate) token: Arc<TokenDir>,
    /// Every key.
    pub(crate) ledger: Arc<Ledger>,
    /// Behind the cluster of AWS.
    pub(crate) upstream: Arc<Swallower>,
    /// What Envoy trusts.
    pub(crate) authority: PathBuf,
    /// The credentials of the native filter: of the same shape, by the same issuer.
    pub(crate) native_key: Key,
    /// Ends with the fakes.
    _runtime: Runtime,
}

impl Fakes {
    /// Starts all of them; their files lie in `directory`.
    ///
    /// # Errors
    /// When a file cannot be written or a port not be opened.
    pub(crate) fn start(directory: &Path, session_token_bytes: usize) -> Result<Self> {
        let ledger = Arc::new(Ledger::default());
        ledger.session_token_bytes(session_token_bytes);
        let token = Arc::new(TokenDir::new(directory.join("pod"), Arc::clone(&ledger)));
        token.rotate();
        let ca = TestCa::new();
        let authority = directory.join("ca.pem");
        fs::write(&authority, ca.pem())?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let sts = runtime.block_on(FakeSts::start(&ca, &ledger, &token));
        // A long run must not measure a refresh.
        sts.lifetime(LIFETIME);
        let native_key = ledger.issue("arn:aws:iam::123456789012:role/native", LIFETIME);
        Ok(Self {
            sts,
            token,
            ledger,
            upstream: Swallower::start()?,
            authority,
            native_key,
            _runtime: runtime,
        })
    }
}

const LIFETIME: Duration = Duration::from_secs(12 * 3600);
