//! What the built module must be: small enough, loadable, and confined by `envoy/envoy.yaml`.

use crate::overlay;
use crate::run::Result;
use std::collections::BTreeSet;
use wasmparser::{ExternalKind, Parser, Payload};

/// What it has, and a little room. A ConfigMap, which holds 1 MiB, takes 780,000: in it the module is a third larger, as
/// base64. Envoy's start grows with each byte of code (`docs/bench.md`).
const MAX_BYTES: usize = 765_000;

/// The WASI functions that Envoy 1.36 offers (`src/exports.cc` and `include/proxy-wasm/exports.h` of
/// proxy-wasm-cpp-host). A module that imports another one does not load.
const WASI: &[&str] = &[
    "args_get",
    "args_sizes_get",
    "clock_time_get",
    "environ_get",
    "environ_sizes_get",
    "fd_close",
    "fd_fdstat_get",
    "fd_fdstat_set_flags",
    "fd_prestat_dir_name",
    "fd_prestat_get",
    "fd_read",
    "fd_seek",
    "fd_write",
    "path_open",
    "poll_oneoff",
    "proc_exit",
    "random_get",
    "sched_yield",
];

/// Host calls that the SDK links into every module and the filter never makes: `envoy/envoy.yaml` forbids them.
const NEVER_MADE: &[&str] = &[
    "proxy_add_header_map_value",
    "proxy_close_stream",
    "proxy_dequeue_shared_queue",
    "proxy_done",
    "proxy_get_status",
    "proxy_grpc_cancel",
    "proxy_grpc_close",
    "proxy_grpc_send",
    "proxy_register_shared_queue",
    "proxy_set_header_map_pairs",
];

/// Checks size, imports, and that the capabilities in `envoy/envoy.yaml` are those that the module has and needs.
pub(crate) fn check(bytes: &[u8]) -> Result {
    if bytes.len() > MAX_BYTES {
        return Err(format!(
            "the module has {} bytes, {MAX_BYTES} are allowed",
            bytes.len()
        )
        .into());
    }
    let surface = Surface::read(bytes)?;
    let faults = surface.faults(&overlay::capabilities(&overlay::bootstrap()?)?);
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults.join("\n").into())
    }
}

/// What a module and its host know of each other.
#[derive(Debug, Default)]
struct Surface {
    host_calls: BTreeSet<String>,
    wasi: BTreeSet<String>,
    callbacks: BTreeSet<String>,
}

impl Surface {
    fn read(bytes: &[u8]) -> Result<Self> {
        let mut surface = Self::default();
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import?;
                        let kind = match import.module {
                            "env" => &mut surface.host_calls,
                            "wasi_snapshot_preview1" => &mut surface.wasi,
                            other => return Err(format!("the module imports from {other}").into()),
                        };
                        kind.insert(import.name.to_owned());
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export?;
                        if export.kind == ExternalKind::Func && export.name.starts_with("proxy_on_")
                        {
                            surface.callbacks.insert(export.name.to_owned());
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(surface)
    }

    fn faults(&self, allowed: &BTreeSet<String>) -> Vec<String> {
        let mut faults = Vec::new();
        for name in &self.wasi {
            if !WASI.contains(&name.as_str()) {
                faults.push(format!("the module imports {name}, which Envoy 1.36 lacks"));
            }
        }
        for name in self.wasi.union(&self.host_calls) {
            if !allowed.contains(name) && !NEVER_MADE.contains(&name.as_str()) {
                faults.push(format!(
                    "the module imports {name}, which envoy/envoy.yaml does not allow"
                ));
            }
        }
        for name in allowed {
            let known = self.wasi.contains(name)
                || self.host_calls.contains(name)
                || self.callbacks.contains(name);
            if !known || NEVER_MADE.contains(&name.as_str()) {
                faults.push(format!(
                    "envoy/envoy.yaml allows {name}, which the module does not use"
                ));
            }
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[track_caller]
    fn check(wasi: &[&str], host_calls: &[&str], allowed: &[&str], faults: &[&str]) {
        let surface = Surface {
            wasi: names(wasi),
            host_calls: names(host_calls),
            callbacks: names(&["proxy_on_tick"]),
        };
        assert_eq!(surface.faults(&names(allowed)), faults);
    }

    #[test]
    fn what_is_used_and_allowed_passes() {
        check(
            &["fd_write"],
            &["proxy_log"],
            &["fd_write", "proxy_log", "proxy_on_tick"],
            &[],
        );
    }

    #[test]
    fn a_wasi_function_that_envoy_1_36_lacks_is_a_fault() {
        check(
            &["fd_readdir"],
            &[],
            &["fd_readdir"],
            &["the module imports fd_readdir, which Envoy 1.36 lacks"],
        );
    }

    #[test]
    fn an_import_that_is_not_allowed_is_a_fault() {
        check(
            &[],
            &["proxy_log"],
            &[],
            &["the module imports proxy_log, which envoy/envoy.yaml does not allow"],
        );
    }

    #[test]
    fn a_capability_beyond_the_need_is_a_fault() {
        check(
            &[],
            &["proxy_grpc_send"],
            &["proxy_grpc_send", "proxy_on_queue_ready"],
            &[
                "envoy/envoy.yaml allows proxy_grpc_send, which the module does not use",
                "envoy/envoy.yaml allows proxy_on_queue_ready, which the module does not use",
            ],
        );
    }

    #[test]
    fn imports_and_callbacks_are_read_from_a_module() {
        // (module (import "env" "proxy_log" (func)) (import "wasi_snapshot_preview1" "fd_write" (func))
        //   (export "proxy_on_tick" (func 0)) (export "other" (func 0)))
        let mut bytes = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0".to_vec();
        bytes.extend(
            b"\x02\x33\x02\x03env\x09proxy_log\0\0\x16wasi_snapshot_preview1\x08fd_write\0\0",
        );
        bytes.extend(b"\x07\x19\x02\x0dproxy_on_tick\0\0\x05other\0\0");
        let surface = Surface::read(&bytes).unwrap();
        assert_eq!(surface.host_calls, names(&["proxy_log"]));
        assert_eq!(surface.wasi, names(&["fd_write"]));
        assert_eq!(surface.callbacks, names(&["proxy_on_tick"]));
    }
}
