//! Medians and quartiles.

/// Of a set of figures, one a round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Summary {
    /// A quarter of the rounds is below.
    pub(crate) lower: f64,
    /// Half of the rounds is below.
    pub(crate) median: f64,
    /// A quarter of the rounds is above.
    pub(crate) upper: f64,
}

impl Summary {
    /// `None` of nothing.
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        Some(Self {
            lower: quantile(&sorted, 0.25)?,
            median: quantile(&sorted, 0.5)?,
            upper: quantile(&sorted, 0.75)?,
        })
    }
}

/// The figure below which this part of them lies, between two neighbours where it falls between them.
pub(crate) fn quantile(sorted: &[f64], part: f64) -> Option<f64> {
    let position = part * (sorted.len().checked_sub(1)? as f64);
    let low = *sorted.get(position.floor() as usize)?;
    let high = *sorted.get(position.ceil() as usize)?;
    Some(low + (high - low) * position.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_lie_between_neighbours() {
        let summary = Summary::of([4.0, 1.0, 3.0, 2.0]).unwrap();
        assert_eq!(
            summary,
            Summary {
                lower: 1.75,
                median: 2.5,
                upper: 3.25
            }
        );
        assert_eq!(Summary::of([7.0]).map(|one| one.median), Some(7.0));
        assert_eq!(Summary::of([]), None);
    }
}
