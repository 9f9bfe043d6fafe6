//! Parts of a collection, for job arrays.

use std::str::FromStr;

/// Part I of N of a collection, as written `I/N`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which part, from 1.
    pub part: usize,
    /// Of how many.
    pub of: usize,
}

impl Shard {
    /// Whether the video with this index is in it. Neighbours, which are often of one
    /// length and subject, go to different shards.
    pub fn holds(self, index: usize) -> bool {
        index % self.of == self.part - 1
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text.split_once('/').and_then(|(part, of)| {
            Some(Self { part: part.trim().parse().ok()?, of: of.trim().parse().ok()? })
        });
        match parsed {
            Some(shard) if (1..=shard.of).contains(&shard.part) && shard.of <= 100_000 => Ok(shard),
            _ => Err("write I/N, for example 1/3, 2/3 and 3/3".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_share_out_everything_once() {
        let shards: Vec<Shard> = ["1/3", "2/3", "3/3"].map(|s| s.parse().unwrap()).into();
        for index in 0..10 {
            assert_eq!(shards.iter().filter(|shard| shard.holds(index)).count(), 1);
        }
        for bad in ["0/3", "4/3", "1", "a/b", "1/0"] {
            assert!(bad.parse::<Shard>().is_err(), "{bad}");
        }
    }
}
