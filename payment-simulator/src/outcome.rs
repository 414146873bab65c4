//! The result of an operation.

use super::fault_config::SimulatedFault;
use super::response::ResponseBody;

/// The result of an operation.
pub(super) struct Outcome {
    pub(super) body: ResponseBody,
    /// Why the response is never sent, although the operation was executed.
    pub(super) withheld: Option<SimulatedFault>,
}

impl From<ResponseBody> for Outcome {
    fn from(body: ResponseBody) -> Self {
        Outcome { body, withheld: None }
    }
}
