//! How many bytes of bodies one worker may hold: those that Envoy keeps until they are hashed or until credentials
//! come, and the chunks that wait in the VM's memory for their signatures.
//!
//! Each stream has a [`Share`]. [`Budget::hold`] says what it holds at the end of a callback, and [`Budget::release`],
//! when it ends at the latest, that it holds nothing any more. What a callback takes and hands on at once does not
//! count.

/// What the streams of one worker hold, against its limit.
#[derive(Debug)]
pub struct Budget {
    /// In bytes.
    limit: usize,
    held: usize,
    /// What each connection holds, by its id; none without anything.
    connections: Vec<(u64, usize)>,
}

/// What one stream holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Share {
    bytes: usize,
    /// `None` where Envoy does not name one: the stream then counts as a connection of its own.
    connection: Option<u64>,
}

/// Whose share of the budget is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// The worker's: all of it.
    Worker,
    /// The connection's: a quarter of it.
    Connection,
}

impl Budget {
    /// Of `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            held: 0,
            connections: Vec::new(),
        }
    }

    /// What is held, in bytes.
    pub fn held(&self) -> usize {
        self.held
    }

    /// A stream holds `bytes` now. Which connection it is on is asked when it begins to hold something.
    ///
    /// # Errors
    ///
    /// When that is more than the worker or the connection may hold: whose share is used up. The stream then counts with
    /// what it held before, until it is released.
    pub fn hold(
        &mut self,
        share: &mut Share,
        bytes: usize,
        connection: impl FnOnce() -> Option<u64>,
    ) -> Result<(), Holder> {
        if share.bytes == 0 && bytes > 0 {
            share.connection = connection();
        }
        // Who holds less is never over.
        if let Some(more) = bytes.checked_sub(share.bytes) {
            let of_connection = share.connection.and_then(|id| self.of_connection(id));
            let of_connection = of_connection.unwrap_or(share.bytes);
            if self.held.saturating_add(more) > self.limit {
                return Err(Holder::Worker);
            }
            if of_connection.saturating_add(more) > self.limit / 4 {
                return Err(Holder::Connection);
            }
        }
        self.release(share);
        share.bytes = bytes;
        self.held += bytes;
        if let Some(id) = share.connection.filter(|_| bytes > 0) {
            match self.place(id) {
                Ok(place) => {
                    if let Some((_, held)) = self.connections.get_mut(place) {
                        *held += bytes;
                    }
                }
                Err(place) => self.connections.insert(place, (id, bytes)),
            }
        }
        Ok(())
    }

    /// A stream holds nothing any more.
    pub fn release(&mut self, share: &mut Share) {
        let bytes = std::mem::take(&mut share.bytes);
        self.held -= bytes;
        if let Some(id) = share.connection.filter(|_| bytes > 0)
            && let Ok(place) = self.place(id)
            && let Some((_, held)) = self.connections.get_mut(place)
        {
            *held -= bytes;
            if *held == 0 {
                self.connections.remove(place);
            }
        }
    }

    fn of_connection(&self, id: u64) -> Option<usize> {
        let (_, held) = self.connections.get(self.place(id).ok()?)?;
        Some(*held)
    }

    /// Ids grow, so that a new one nearly always comes last.
    fn place(&self, id: u64) -> Result<usize, usize> {
        self.connections.binary_search_by_key(&id, |(id, _)| *id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const LIMIT: usize = 1000;

    /// Of each stream.
    fn shares() -> [Share; 10] {
        Default::default()
    }

    #[test]
    fn a_connection_may_hold_a_quarter_and_its_streams_share_it() {
        let mut budget = Budget::new(LIMIT);
        let [mut first, mut second, mut third, ..] = shares();
        assert_eq!(budget.hold(&mut first, 200, || Some(7)), Ok(()));
        assert_eq!(budget.hold(&mut second, 50, || Some(7)), Ok(()));
        let over = Err(Holder::Connection);
        assert_eq!(budget.hold(&mut third, 1, || Some(7)), over);
        assert_eq!(budget.hold(&mut second, 51, || None), over);
        assert_eq!(budget.hold(&mut third, 250, || Some(8)), Ok(()));
        assert_eq!(budget.held(), 500);
        budget.release(&mut first);
        assert_eq!(budget.hold(&mut second, 250, || None), Ok(()));
        assert_eq!(budget.held(), 500);
    }

    #[test]
    fn the_worker_holds_no_more_than_its_limit() {
        let mut budget = Budget::new(LIMIT);
        let mut shares = shares();
        let [first, second, third, fourth, fifth, ..] = &mut shares;
        for (connection, share) in (0..).zip([&mut *first, second, third, fourth]) {
            assert_eq!(budget.hold(share, 250, || Some(connection)), Ok(()));
        }
        assert_eq!(budget.hold(fifth, 1, || Some(9)), Err(Holder::Worker));
        assert_eq!(budget.hold(first, 249, || None), Ok(()));
        assert_eq!(budget.hold(fifth, 1, || Some(9)), Ok(()));
    }

    #[test]
    fn a_stream_without_a_connection_counts_as_one() {
        let mut budget = Budget::new(LIMIT);
        let [mut first, mut second, ..] = shares();
        assert_eq!(budget.hold(&mut first, 250, || None), Ok(()));
        let over = Err(Holder::Connection);
        assert_eq!(budget.hold(&mut first, 251, || None), over);
        assert_eq!(budget.hold(&mut second, 250, || None), Ok(()));
    }

    #[test]
    fn what_holds_nothing_is_not_asked_for_its_connection() {
        let mut budget = Budget::new(LIMIT);
        let mut share = Share::default();
        let asked = || panic!("a call to Envoy");
        assert_eq!(budget.hold(&mut share, 0, asked), Ok(()));
        assert_eq!(budget.hold(&mut share, 10, || Some(1)), Ok(()));
        assert_eq!(budget.hold(&mut share, 20, asked), Ok(()));
    }

    proptest! {
        #[test]
        fn what_is_held_is_the_sum_of_what_was_granted_and_within_the_limits(
            changes in proptest::collection::vec((0usize..8, 0usize..400, any::<bool>()), 0..60)
        ) {
            let connection = |stream: usize| (stream < 6).then_some(stream as u64 % 3);
            let mut budget = Budget::new(LIMIT);
            let mut shares = shares();
            let mut granted: BTreeMap<usize, usize> = BTreeMap::new();
            for (stream, bytes, release) in changes {
                let share = &mut shares[stream];
                if release {
                    budget.release(share);
                    granted.remove(&stream);
                } else if budget.hold(share, bytes, || connection(stream)).is_ok() {
                    granted.insert(stream, bytes);
                }
                prop_assert_eq!(budget.held(), granted.values().sum::<usize>());
                prop_assert!(budget.held() <= LIMIT);
                for wanted in 0..3 {
                    let of_connection = granted.iter().filter(|(s, _)| connection(**s) == Some(wanted));
                    prop_assert!(of_connection.map(|(_, bytes)| bytes).sum::<usize>() <= LIMIT / 4);
                }
            }
            for share in &mut shares {
                budget.release(share);
            }
            prop_assert_eq!(budget.held(), 0);
            prop_assert!(budget.connections.is_empty());
        }
    }
}
