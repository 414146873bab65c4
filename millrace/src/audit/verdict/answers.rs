//! Answers of edges, compared with what became of the orders. Rows only go forward, so an answer that was
//! right when it was given is right for good.

use std::collections::HashMap;

use orders::{OrderId, Status};

use super::{OrderRows, Verdict};
use crate::audit::decisions::Decision;
use crate::audit::promised::Promised;
use crate::ledger::AnswerContent;

impl Verdict {
    /// Reports a body that was refused although it is the processed one, a cancellation that was
    /// refused although the order could be cancelled, and a final status that the order does not have.
    pub(crate) fn check_answers(
        &mut self,
        promised: &Promised,
        decisions: &HashMap<OrderId, Decision>,
        orders: &OrderRows<'_>,
    ) {
        let OrderRows { views, unreadable } = orders;
        let readable = promised.answers().iter().filter(|(id, _)| !unreadable.contains_key(id));
        for (id, answer) in readable {
            let content = decisions.get(id).and_then(|decision| decision.content);
            let status = views.get(id).map_or(Status::Accepted, |view| view.status);
            match *answer {
                AnswerContent::KeyReused { body_digest } => {
                    // Only a row with another body is a reason to refuse one.
                    if content.is_none_or(|content| content.digest == body_digest) {
                        let detail = format!(
                            "body {body_digest} was refused, but no other one is processed"
                        );
                        self.problem(id, &detail);
                    }
                }
                AnswerContent::NotCancellable => {
                    if !matches!(status, Status::Fulfilled | Status::Rejected) {
                        let detail = format!("is {status}, but its cancellation was refused");
                        self.problem(id, &detail);
                    }
                }
                AnswerContent::FinalStatus { status: answered } => {
                    if answered != status {
                        self.problem(id, &format!("is {status}, but an edge answered {answered}"));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::verdict::test_inputs::{digest, id, problems_while_orders_move, row, view};
    use crate::ledger::Answer;

    /// The problems of these answers about order 1, which has body 1 and this status.
    fn found(status: Status, answers: &[AnswerContent]) -> Vec<String> {
        let answer =
            |content: &AnswerContent| Answer { order_id: id(1).to_string(), content: *content };
        let answers: Vec<_> = answers.iter().map(answer).collect();
        let promised = Promised::default().with_answers(&answers).unwrap();
        let decisions = [(id(1), row(1, 5, &[5]))].into();
        let views = [(id(1), view(status))].into();
        let orders = OrderRows { views: &views, unreadable: &HashMap::new() };
        problems_while_orders_move(|verdict| verdict.check_answers(&promised, &decisions, &orders))
    }

    fn of_order(details: &[String]) -> Vec<String> {
        details.iter().map(|detail| format!("{}: {detail}", id(1))).collect()
    }

    #[test]
    fn only_a_body_that_is_not_processed_is_refused() {
        let refused = |body| AnswerContent::KeyReused { body_digest: digest(body) };
        assert!(found(Status::Reserved, &[refused(2)]).is_empty());
        let detail = format!("body {} was refused, but no other one is processed", digest(1));
        assert_eq!(found(Status::Reserved, &[refused(1)]), of_order(&[detail]));
    }

    #[test]
    fn no_body_is_refused_for_an_order_without_a_row() {
        let body_digest = digest(2);
        let answer = Answer {
            order_id: id(1).to_string(),
            content: AnswerContent::KeyReused { body_digest },
        };
        let promised = Promised::default().with_answers(&[answer]).unwrap();
        let orders = OrderRows { views: &HashMap::new(), unreadable: &HashMap::new() };
        let problems = problems_while_orders_move(|verdict| {
            verdict.check_answers(&promised, &HashMap::new(), &orders);
        });
        let detail = format!("body {body_digest} was refused, but no other one is processed");
        assert_eq!(problems, of_order(&[detail]));
    }

    #[test]
    fn only_the_cancellation_of_a_shipped_or_rejected_order_is_refused() {
        let refused = [AnswerContent::NotCancellable];
        assert!(found(Status::Fulfilled, &refused).is_empty());
        assert!(found(Status::Rejected, &refused).is_empty());
        let expected = of_order(&["is cancelled, but its cancellation was refused".to_owned()]);
        assert_eq!(found(Status::Cancelled, &refused), expected);
    }

    #[test]
    fn a_final_status_that_was_answered_is_that_of_the_order() {
        let answered = [AnswerContent::FinalStatus { status: Status::Fulfilled }];
        assert!(found(Status::Fulfilled, &answered).is_empty());
        let expected = of_order(&["is cancelled, but an edge answered fulfilled".to_owned()]);
        assert_eq!(found(Status::Cancelled, &answered), expected);
    }
}
