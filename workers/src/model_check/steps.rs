//! Which step consumes a message.

use std::sync::LazyLock;

use super::message::Message;
use crate::payment::model::PaymentStep;
use crate::stages;

/// A step, by its name.
#[derive(Clone, Copy)]
pub(super) enum Step {
    Reserve,
    Release,
    Ship,
    Withdraw,
    Payment(PaymentStep),
}

/// The step that consumes each message.
static STEPS: LazyLock<Vec<Option<Step>>> =
    LazyLock::new(|| Message::ALL.into_iter().map(step_in_table).collect());

/// The step that consumes `message`.
pub(super) fn step_of(message: Message) -> Option<Step> {
    STEPS[message as usize]
}

/// The step that consumes `message`, by the table of stages.
fn step_in_table(message: Message) -> Option<Step> {
    let consumers = stages::consumers_of(message.input().event.body.kind());
    let mut steps = consumers.into_iter().filter(|step| !step.is_observer());
    let step = steps.next()?;
    assert!(steps.next().is_none(), "two steps consume {message:?}");
    Some(match step.name {
        "reserve" => Step::Reserve,
        "release" => Step::Release,
        "ship" => Step::Ship,
        "withdraw" => Step::Withdraw,
        "charge" => Step::Payment(PaymentStep::Charge),
        "complete" => Step::Payment(PaymentStep::Complete),
        "refund" => Step::Payment(PaymentStep::Refund),
        name => panic!("the model does not have the step {name}"),
    })
}
