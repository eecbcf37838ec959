//! Gauges that every worker adds to.
//!
//! A VM that traps cannot take back what it added, so each one's part stands in shared data, with the moment at which
//! it was last told: whoever looks next drops what nobody tells any more, and sets Envoy's gauges to the sum.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where the [`Tally`] lies in shared data.
pub(crate) const TALLY_KEY: &str = "gauges/1";

/// What the gauges show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Levels {
    /// Requests that wait for credentials.
    pub parked: u64,
    /// Bytes of bodies and chunks that are held.
    pub held_bytes: u64,
}

/// The parts of all workers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally(Vec<Part>);

/// One worker's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    owner: u64,
    levels: Levels,
    /// In seconds since 1970.
    told_at: u64,
}

impl Tally {
    /// Reads it from shared data; what cannot be read counts as empty.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        let (words, _) = bytes.as_chunks::<8>();
        let words: Vec<u64> = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
        let parts = words.strip_prefix(&[HEADER]).unwrap_or_default();
        let (parts, _) = parts.as_chunks::<4>();
        let part = |[owner, parked, held_bytes, told_at]: &[u64; 4]| Part {
            owner: *owner,
            levels: Levels {
                parked: *parked,
                held_bytes: *held_bytes,
            },
            told_at: *told_at,
        };
        Self(parts.iter().map(part).collect())
    }

    /// As shared data holds it: never empty, for an empty value counts as absent there, and could not be replaced.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let words = self.0.iter().flat_map(|part| {
            let Levels { parked, held_bytes } = part.levels;
            [part.owner, parked, held_bytes, part.told_at]
        });
        let words = std::iter::once(HEADER).chain(words);
        words.flat_map(u64::to_le_bytes).collect()
    }

    /// With what `owner` adds now, and without those who have not told theirs for 30 seconds. `None`: it
    /// stays as it is.
    pub(crate) fn with(&self, owner: u64, levels: Levels, now: SystemTime) -> Option<Self> {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let is_older = |part: &Part, age: Duration| now.abs_diff(part.told_at) >= age.as_secs();
        let own = self.0.iter().find(|part| part.owner == owner);
        let is_told = match own {
            Some(part) => part.levels == levels && !is_older(part, TOLD_EVERY),
            None => levels == Levels::default(),
        };
        if is_told && !self.0.iter().any(|part| is_older(part, FORGOTTEN_AFTER)) {
            return None;
        }
        let others = self.0.iter().copied();
        let others = others.filter(|part| part.owner != owner && !is_older(part, FORGOTTEN_AFTER));
        let own = Part {
            owner,
            levels,
            told_at: now,
        };
        let own = Some(own).filter(|part| part.levels != Levels::default());
        Some(Self(others.chain(own).collect()))
    }

    /// What all of them add up to.
    pub(crate) fn total(&self) -> Levels {
        let parts = self.0.iter().map(|part| part.levels);
        parts.fold(Levels::default(), |sum, levels| Levels {
            parked: sum.parked.saturating_add(levels.parked),
            held_bytes: sum.held_bytes.saturating_add(levels.held_bytes),
        })
    }
}

/// What is stored begins with it.
const HEADER: u64 = 1;
/// How often a worker tells a level that stays the same.
const TOLD_EVERY: Duration = Duration::from_secs(10);
/// Longer than a busy worker may be late.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_795_000_000 + seconds)
    }

    fn levels(parked: u64, held_bytes: u64) -> Levels {
        Levels { parked, held_bytes }
    }

    /// Told, and read back from what is stored.
    fn told(tally: &Tally, owner: u64, levels: Levels, seconds: u64) -> Tally {
        let changed = tally.with(owner, levels, at(seconds)).unwrap();
        assert_eq!(Tally::from_bytes(&changed.to_bytes()), changed);
        changed
    }

    #[test]
    fn the_levels_of_all_workers_add_up() {
        let tally = told(&Tally::default(), 1, levels(2, 10), 0);
        let tally = told(&tally, 2, levels(3, 0), 0);
        assert_eq!(tally.total(), levels(5, 10));
        let tally = told(&tally, 1, levels(1, 0), 1);
        assert_eq!(tally.total(), levels(4, 0));
        let tally = told(&tally, 2, Levels::default(), 1);
        let tally = told(&tally, 1, Levels::default(), 1);
        assert_eq!(tally, Tally::default());
    }

    #[test]
    fn what_has_been_told_already_is_not_written_again() {
        assert_eq!(Tally::default().with(1, Levels::default(), at(0)), None);
        let tally = told(&Tally::default(), 1, levels(1, 0), 0);
        assert_eq!(tally.with(1, levels(1, 0), at(9)), None);
        assert_eq!(tally.with(2, Levels::default(), at(9)), None);
        assert!(tally.with(1, levels(1, 0), at(10)).is_some());
    }

    #[test]
    fn the_part_of_a_worker_that_is_gone_goes_too() {
        let tally = told(&Tally::default(), 1, levels(7, 7), 0);
        assert_eq!(tally.with(2, Levels::default(), at(29)), None);
        let later = told(&tally, 2, Levels::default(), 30);
        assert_eq!(later, Tally::default());
    }

    #[test]
    fn a_clock_that_steps_loses_no_part_for_good() {
        let tally = told(&Tally::default(), 1, levels(7, 0), 3600);
        // Another one, after a step back, takes it for lost. Its owner tells it again.
        let stepped = told(&tally, 2, Levels::default(), 0);
        assert_eq!(told(&stepped, 1, levels(7, 0), 0).total(), levels(7, 0));
    }

    #[test]
    fn what_is_stored_is_never_empty() {
        assert!(!Tally::default().to_bytes().is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_empty_or_has_fewer_parts() {
        assert_eq!(Tally::from_bytes(b"?"), Tally::default());
        let tally = told(&Tally::default(), 1, levels(1, 0), 0);
        let mut bytes = tally.to_bytes();
        bytes.extend([0; 9]);
        assert_eq!(Tally::from_bytes(&bytes), tally);
    }
}
