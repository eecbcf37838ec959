//! How many are presigned a minute, in a whole process.

use serde_json::Value;
use std::time::{SystemTime, UNIX_EPOCH};

/// Where the number lies in shared data.
pub(crate) const KEY: &str = "presigned/1";

/// What lies at [`KEY`] once one more is presigned at `now`; `None` where that is more than may.
pub(crate) fn counted(stored: Option<&[u8]>, now: SystemTime, most: u32) -> Option<Vec<u8>> {
    let minute = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / 60;
    let stored = stored.and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok());
    let number = |place: usize| stored.as_ref()?.get(place)?.as_u64();
    let so_far = match number(0) == Some(minute) {
        true => number(1).unwrap_or_default(),
        false => 0,
    };
    (so_far < u64::from(most)).then(|| {
        Value::from(vec![minute, so_far + 1])
            .to_string()
            .into_bytes()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn so_many_a_minute_and_no_more() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let mut stored: Option<Vec<u8>> = None;
        let mut count = |seconds| match counted(stored.as_deref(), at(seconds), 3) {
            Some(bytes) => {
                stored = Some(bytes);
                true
            }
            None => false,
        };
        assert_eq!(
            [600, 601, 659, 659, 659].map(&mut count),
            [true, true, true, false, false]
        );
        assert_eq!(
            [660, 661, 719, 719].map(&mut count),
            [true, true, true, false]
        );
        // A clock that is set back begins anew.
        assert!(count(600));
    }

    #[test]
    fn what_cannot_be_read_counts_as_nothing() {
        let now = UNIX_EPOCH + Duration::from_secs(60);
        for stored in [&b""[..], b"no", b"{}", b"[1]", b"[2,9]"] {
            assert_eq!(
                counted(Some(stored), now, 5).as_deref(),
                Some(&b"[1,1]"[..])
            );
        }
    }
}
