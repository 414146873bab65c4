//! A breadth-first search through every state that can be reached.

use std::collections::{HashMap, VecDeque};
use std::fmt::Display;
use std::hash::Hash;

/// What is searched.
pub(super) trait Model {
    type State: Copy + Eq + Hash;
    type Action: Copy + Display;

    fn start(&self) -> Self::State;

    /// Every state that follows `state` at once.
    fn next(&self, state: &Self::State, found: &mut Vec<Next<Self::State, Self::Action>>);

    /// The invariant that `state` breaks.
    fn broken_invariant(&self, state: &Self::State) -> Option<&'static str>;

    /// Whether `state` is one in which the search wants every path to be able to end.
    fn is_end(&self, state: &Self::State) -> bool;
}

/// A state that follows another one.
pub(super) struct Next<State, Action> {
    pub(super) action: Action,
    /// Whether this happens by itself, and needs no fault and no buyer.
    pub(super) is_progress: bool,
    pub(super) state: State,
}

/// How a search that found no fault went.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Searched {
    pub(super) states: usize,
    pub(super) transitions: usize,
    pub(super) ends: usize,
}

/// A state that must not be reached, and the shortest way to it.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) invariant: &'static str,
    pub(super) trace: Vec<String>,
}

/// The invariant that from each state some way leads to an end, without faults and without the buyer.
pub(super) const ALWAYS_A_WAY: &str = "there is a way to an end";

/// A reached state, the state before it, and the action between them.
type Reached<M> = (<M as Model>::State, Option<(usize, <M as Model>::Action)>);

/// Searches all states.
pub(super) fn search<M: Model>(model: &M) -> Result<Searched, Fault> {
    let mut reached: Vec<Reached<M>> = vec![(model.start(), None)];
    let mut numbers = HashMap::from([(model.start(), 0)]);
    // For each state, those from which it follows by progress.
    let mut before: Vec<Vec<u32>> = vec![Vec::new()];
    let (mut transitions, mut found, mut number) = (0, Vec::new(), 0);
    while number < reached.len() {
        let state = reached[number].0;
        if let Some(invariant) = model.broken_invariant(&state) {
            return Err(Fault { invariant, trace: trace::<M>(&reached, number) });
        }
        model.next(&state, &mut found);
        transitions += found.len();
        for Next { action, is_progress, state } in found.drain(..) {
            let next = *numbers.entry(state).or_insert_with(|| {
                reached.push((state, Some((number, action))));
                before.push(Vec::new());
                reached.len() - 1
            });
            if is_progress {
                before[next].push(number as u32);
            }
        }
        number += 1;
    }
    let ends: Vec<usize> = (0..reached.len()).filter(|it| model.is_end(&reached[*it].0)).collect();
    match without_a_way_to(&ends, &before) {
        Some(stuck) => Err(Fault { invariant: ALWAYS_A_WAY, trace: trace::<M>(&reached, stuck) }),
        None => Ok(Searched { states: reached.len(), transitions, ends: ends.len() }),
    }
}

/// The first state from which none of `ends` can be reached.
fn without_a_way_to(ends: &[usize], before: &[Vec<u32>]) -> Option<usize> {
    let mut has_way = vec![false; before.len()];
    let mut queue: VecDeque<usize> = ends.iter().copied().collect();
    while let Some(number) = queue.pop_front() {
        if !std::mem::replace(&mut has_way[number], true) {
            queue.extend(before[number].iter().map(|before| *before as usize));
        }
    }
    has_way.iter().position(|has_way| !has_way)
}

/// The actions that lead to a state.
fn trace<M: Model>(reached: &[Reached<M>], number: usize) -> Vec<String> {
    let mut actions = Vec::new();
    let mut at = number;
    while let Some((before, action)) = reached[at].1 {
        actions.push(action.to_string());
        at = before;
    }
    actions.reverse();
    actions
}
