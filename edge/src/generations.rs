//! A map with a bounded number of entries, in two generations: when the young one is full, it becomes the old one, and
//! what is used of that moves on. So what is used is kept, whatever else comes.

use std::collections::HashMap;
use std::hash::Hash;

/// Entries by key, of which a generation has up to `size`.
#[derive(Debug)]
pub(crate) struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    size: usize,
}

impl<K: Copy + Hash + Eq, V> Generations<K, V> {
    pub(crate) fn new(size: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), size }
    }

    /// The entry of `key`.
    pub(crate) fn get(&mut self, key: K) -> Option<&mut V> {
        if !self.young.contains_key(&key) {
            let value = self.old.remove(&key)?;
            self.insert(key, value);
        }
        self.young.get_mut(&key)
    }

    /// The entry of `key`, which is `new` if there is none.
    pub(crate) fn get_or_insert(&mut self, key: K, new: V) -> &mut V {
        if self.get(key).is_none() {
            self.make_room();
        }
        self.young.entry(key).or_insert(new)
    }

    /// Sets the entry of `key`.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.make_room();
        self.young.insert(key, value);
    }

    fn make_room(&mut self) {
        if self.young.len() >= self.size {
            self.old = std::mem::take(&mut self.young);
        }
    }

    /// The entries of both generations.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_is_kept_and_the_rest_is_displaced() {
        let mut map = Generations::new(2);
        *map.get_or_insert(0, "kept") = "changed";
        map.insert(1, "displaced");
        for other in 2..9 {
            map.insert(other, "other");
            assert_eq!(map.get(0), Some(&mut "changed"), "{other}");
            assert!(map.len() <= 4);
        }
        assert_eq!(map.get(1), None);
        assert_eq!(map.get_or_insert(0, "new"), &"changed");
        assert_eq!(map.get_or_insert(1, "new"), &"new");
    }
}
