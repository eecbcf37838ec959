//! The shell: the only module that knows proxy-wasm.
//!
//! It turns Envoy's callbacks into calls of the core, and the core's answers into calls of Envoy. One
//! [`root::Root`] per plugin and worker makes every callout and wakes waiting requests;
//! [`stream::Stream`] follows one request; [`guard::Guard`] stands in the upstream filter chain, and
//! [`status::Status`] in the token listener.

mod abi;
mod answer;
mod envoy;
mod fetch;
mod guard;
mod role_view;
mod root;
mod status;
mod stream;
#[cfg(feature = "trap")]
mod trap;
mod worker;

use proxy_wasm::traits::RootContext;
use proxy_wasm::types::LogLevel;

proxy_wasm::main! {{
    // Envoy's own level for the `wasm` component decides what is shown.
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|id| -> Box<dyn RootContext> { Box::new(root::Root::new(id)) });
}}
