//! The table of stages, in the sequence in which an order passes through them. Everything that is
//! done for each pool or for each step is a loop over it.

use orders::EventKind;
use streams::{Pool, Step};

use crate::observer::{ObserverAudit, ObserverReport};
use crate::pool_access::PoolAccess;
use crate::running_stage::AnyStage;
use crate::{analytics, fulfilment, inventory, payment};

/// Every stage.
pub(crate) static STAGES: &[&dyn AnyStage] =
    &[&inventory::STAGE, &payment::STAGE, &fulfilment::STAGE, &analytics::STAGE];

/// The step that every order passes first.
pub const FIRST_STEP: Step = inventory::RESERVE;

/// Every pool, in the sequence in which an order passes through them.
pub fn pools() -> Vec<Pool> {
    STAGES.iter().map(|stage| stage.pool()).collect()
}

/// The pools that an order passes through: all but those that only observe.
pub fn order_pools() -> Vec<Pool> {
    let steps = steps().into_iter().filter(|step| !step.is_observer());
    let mut pools: Vec<Pool> = steps.map(|step| step.pool).collect();
    pools.dedup();
    pools
}

/// The pool of this name.
///
/// # Errors
/// There is no such pool; the message names all pools.
pub fn pool_named(name: &str) -> Result<Pool, String> {
    let pools = pools();
    let found = pools.iter().find(|pool| pool.as_str() == name).copied();
    found.ok_or_else(|| {
        let names: Vec<_> = pools.iter().map(|pool| pool.as_str()).collect();
        format!("unknown pool `{name}`; expected one of {}", names.join(", "))
    })
}

/// Every step of every pool.
pub fn steps() -> Vec<Step> {
    STAGES.iter().flat_map(|stage| stage.steps()).collect()
}

/// The steps of `pool`.
pub fn steps_of(pool: Pool) -> Vec<Step> {
    steps().into_iter().filter(|step| step.pool == pool).collect()
}

/// What the workers of each pool do at the brokers.
pub fn accesses() -> Vec<PoolAccess> {
    STAGES.iter().map(|stage| stage.access()).collect()
}

/// The observing pools, each with its audit and its report.
pub fn observers() -> Vec<(Pool, ObserverAudit, ObserverReport)> {
    let observer = |stage: &&dyn AnyStage| {
        stage.observer().map(|(audit, report)| (stage.pool(), audit, report))
    };
    STAGES.iter().filter_map(observer).collect()
}

/// The step of this name.
pub fn step_named(name: &str) -> Option<Step> {
    steps().into_iter().find(|step| step.name == name)
}

/// The steps that consume events of this kind.
pub fn consumers_of(kind: EventKind) -> Vec<Step> {
    steps().into_iter().filter(|step| step.consumes.contains(&kind)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn assert_unique(what: &str, names: impl Iterator<Item = String>) {
        let mut seen = HashSet::new();
        for name in names {
            assert!(seen.insert(name.clone()), "two {what} are called {name}");
        }
    }

    #[test]
    fn no_step_has_two_owners() {
        let steps = steps();
        assert_unique("steps", steps.iter().map(ToString::to_string));
        assert_unique("consumers", steps.iter().map(|step| step.events().durable));
        assert_unique("pools", pools().iter().map(ToString::to_string));
        for stage in STAGES {
            for step in stage.steps() {
                assert_eq!(step.pool, stage.pool(), "{step} is declared by {}", stage.pool());
            }
        }
    }

    #[test]
    fn every_order_is_consumed_by_the_first_step() {
        assert!(consumers_of(EventKind::Created).contains(&FIRST_STEP));
        assert!(!FIRST_STEP.is_observer());
    }

    #[test]
    fn every_pool_and_step_is_found_by_its_name() {
        for pool in pools() {
            assert_eq!(pool_named(pool.as_str()), Ok(pool));
        }
        for step in steps() {
            assert_eq!(step_named(step.name), Some(step));
        }
        let error = pool_named("kitchen").unwrap_err();
        assert!(error.contains("expected one of inventory, payment, fulfilment"), "{error}");
    }

    #[test]
    fn a_stage_observes_with_all_of_its_steps_or_with_none() {
        for stage in STAGES {
            for step in stage.steps() {
                assert_eq!(step.is_observer(), stage.observer().is_some(), "{step}");
            }
        }
    }

    #[test]
    fn every_schema_is_named_after_its_pool() {
        for stage in STAGES {
            let Some(rows) = stage.order_rows() else { continue };
            assert!(rows.view.starts_with(&format!("{}.", stage.pool())), "{}", rows.view);
        }
    }
}
