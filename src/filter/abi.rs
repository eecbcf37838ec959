//! Three calls of the proxy-wasm ABI that the SDK makes at a price: it copies every header into two allocations of its
//! own, and panics where Envoy answers with a status that it does not know, or does not take a property.
#![allow(
    unsafe_code,
    reason = "imported functions are unsafe to call, and what they hand over is a raw buffer"
)]

use proxy_wasm::types::{MapType, Status};
use std::ptr::null_mut;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_get_header_map_pairs(
        map: MapType,
        return_data: *mut *mut u8,
        return_size: *mut usize,
    ) -> u32;

    fn proxy_get_property(
        path: *const u8,
        path_size: usize,
        return_data: *mut *mut u8,
        return_size: *mut usize,
    ) -> u32;

    fn proxy_set_property(
        path: *const u8,
        path_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
}

/// A map of headers as Envoy serialises it, see [`crate::headers::read`].
pub(super) fn header_map(map: MapType) -> Result<Vec<u8>, Status> {
    returned(|data, size| {
        // SAFETY: both point to variables that outlive the call.
        unsafe { proxy_get_header_map_pairs(map, data, size) }
    })
}

/// The value at a path, whose parts a NUL separates.
pub(super) fn property(path: &[u8]) -> Result<Vec<u8>, Status> {
    returned(|data, size| {
        // SAFETY: the path is as long as it says; data and size point to variables that outlive the call.
        unsafe { proxy_get_property(path.as_ptr(), path.len(), data, size) }
    })
}

/// Sets the value at a path, whose parts a NUL separates.
pub(super) fn set_property(path: &[u8], value: &[u8]) -> Result<(), Status> {
    // SAFETY: path and value are as long as they say, and Envoy only reads them.
    match unsafe { proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len()) } {
        OK => Ok(()),
        _ => Err(Status::InternalFailure),
    }
}

/// What a call has left where it was told to.
fn returned(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Result<Vec<u8>, Status> {
    let (mut data, mut size) = (null_mut(), 0);
    match call(&mut data, &mut size) {
        OK if data.is_null() => Ok(Vec::new()),
        // SAFETY: Envoy gets memory for what it returns from `proxy_on_memory_allocate`, which is the SDK's: a
        // boxed slice of just this size, that belongs to the caller from here on.
        OK => Ok(unsafe { Vec::from_raw_parts(data, size, size) }),
        NOT_FOUND => Err(Status::NotFound),
        _ => Err(Status::InternalFailure),
    }
}

const OK: u32 = Status::Ok as u32;
const NOT_FOUND: u32 = Status::NotFound as u32;
