//! What orders experienced from one strike to the next.

use super::super::cluster::{Completed, CompletionTimes};
use super::super::strike_report::StrikeReport;
use super::arrivals::Response;
use super::schedule::{Method, Strike};
use super::striker::Struck;

/// A window begins this long before its strike: an order that arrived before the strike and waits for
/// its answer is affected by it. Without a strike answers take less.
const IN_FLIGHT_MS: i64 = 250;

/// The answers of a run, and when its orders were final.
pub(super) struct Windows<'a> {
    pub(super) responses: &'a [Response],
    pub(super) completions: &'a CompletionTimes,
    /// The end of the last window, in milliseconds since 1970.
    pub(super) ended_at_ms: i64,
}

/// The longest times over all strikes of a kind, in seconds; `None` without such a strike.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Figures {
    pub(super) killed: Option<f64>,
    pub(super) stopped: Option<f64>,
    pub(super) resumed: Option<f64>,
    pub(super) restarted: Option<f64>,
    /// From a strike until the orders that arrived just before it are final.
    pub(super) until_final: Option<f64>,
}

impl Windows<'_> {
    /// A report on each strike. Its window ends where the next one begins.
    pub(super) fn reports(&self, struck: &[Struck]) -> Vec<StrikeReport> {
        let starts = struck.iter().map(|struck| struck.at_ms - IN_FLIGHT_MS);
        let ends = starts.clone().skip(1).chain([self.ended_at_ms]);
        let windows = struck.iter().zip(starts.zip(ends));
        windows.map(|(struck, (from, to))| self.report(struck, from, to)).collect()
    }

    fn report(&self, struck: &Struck, from: i64, to: i64) -> StrikeReport {
        let resumed_at = struck.resumed_at_ms.unwrap_or(to).min(to);
        let is_resumed = struck.resumed_at_ms.is_some();
        let within = |from, to| {
            self.responses.iter().filter(move |response| (from..to).contains(&response.due_at_ms))
        };
        let longest = |from, to| {
            let times = within(from, to).map(|response| response.took);
            times.max().unwrap_or_default().as_secs_f64()
        };
        let refused = within(from, to).filter(|response| !response.is_accepted());
        let slowest = |to| self.completions.slowest(from, to, struck.at_ms);
        let before = slowest(struck.at_ms);
        StrikeReport {
            strike: struck.strike.to_string(),
            is_kill: matches!(struck.strike, Strike::One(Method::Kill, ..)),
            broker: struck.broker.clone(),
            led: struck.led,
            orders: within(from, to).count() as u64,
            refused: refused.count() as u64,
            longest_s: longest(from, resumed_at),
            longest_resumed_s: is_resumed.then(|| longest(resumed_at, to)),
            final_s: before.map(|(_, time)| time.as_secs_f64()),
            last_final_s: slowest(to).map(|(_, time)| time.as_secs_f64()),
            slowest: before.map_or_else(Vec::new, |(order, _)| steps(order, struck.at_ms)),
        }
    }
}

/// The statuses that an order has reached, and when, in seconds since `at`.
fn steps(order: &Completed, at: i64) -> Vec<(String, f64)> {
    let steps = order.history.iter();
    steps.map(|(status, reached)| (status.to_string(), (reached - at) as f64 / 1e3)).collect()
}

impl Figures {
    pub(super) fn of(reports: &[StrikeReport]) -> Self {
        let mut figures = Self::default();
        for report in reports {
            let longest = match report {
                StrikeReport { broker: None, .. } => &mut figures.restarted,
                StrikeReport { is_kill: true, .. } => &mut figures.killed,
                _ => &mut figures.stopped,
            };
            raise(longest, Some(report.longest_s));
            raise(&mut figures.resumed, report.longest_resumed_s);
            raise(&mut figures.until_final, report.final_s);
        }
        figures
    }
}

/// Raises `longest` to `seconds`.
fn raise(longest: &mut Option<f64>, seconds: Option<f64>) {
    if let Some(seconds) = seconds {
        *longest = Some(longest.unwrap_or_default().max(seconds));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hyper::StatusCode;

    use super::super::schedule::Aim;
    use super::*;

    fn response(due_at_ms: i64, took_ms: u64, status: u16) -> Response {
        let status = StatusCode::from_u16(status).ok();
        Response { due_at_ms, took: Duration::from_millis(took_ms), status }
    }

    fn reports(
        responses: &[Response],
        completions: &[(i64, i64)],
        struck: &[Struck],
    ) -> Vec<StrikeReport> {
        let completions = &CompletionTimes::from_pairs(completions);
        Windows { responses, completions, ended_at_ms: 50_000 }.reports(struck)
    }

    fn one(method: Method, at_ms: i64, resumed_at_ms: Option<i64>) -> Struck {
        let strike = Strike::One(method, Duration::from_secs(6), Aim::Leader);
        Struck::new(strike, Some(("broker-1", 0)), at_ms, resumed_at_ms)
    }

    #[test]
    fn an_order_belongs_to_the_strike_that_it_arrived_after_or_was_in_flight_at() {
        let responses = [
            response(9_000, 7, 202),
            response(9_900, 4_000, 503),
            response(12_000, 900, 202),
            response(20_000, 300, 202),
        ];
        let struck = [one(Method::Kill, 10_000, None), one(Method::Kill, 20_100, None)];
        let reports = reports(&responses, &[], &struck);
        let counts = reports.iter().map(|report| (report.orders, report.refused));
        assert_eq!(counts.collect::<Vec<_>>(), [(2, 1), (1, 0)]);
        assert_eq!(reports.iter().map(|it| it.longest_s).collect::<Vec<_>>(), [4.0, 0.3]);
    }

    #[test]
    fn answers_after_a_resume_are_counted_apart_by_the_arrival_of_their_orders() {
        let responses = [response(15_000, 2_000, 202), response(16_500, 700, 202)];
        let reports = reports(&responses, &[], &[one(Method::Stop, 10_000, Some(16_000))]);
        assert_eq!((reports[0].longest_s, reports[0].longest_resumed_s), (2.0, Some(0.7)));
        let figures = Figures::of(&reports);
        let expected = Figures { stopped: Some(2.0), resumed: Some(0.7), ..Figures::default() };
        assert_eq!(figures, expected);
    }

    #[test]
    fn each_figure_is_the_longest_time_of_its_kind_of_strike() {
        let responses =
            [response(10_000, 100, 202), response(20_000, 200, 503), response(30_000, 30, 202)];
        let all = Struck::new(Strike::RestartInOrder, None, 30_000, None);
        let struck = [one(Method::Kill, 10_000, None), one(Method::Kill, 20_000, None), all];
        let figures = Figures::of(&reports(&responses, &[], &struck));
        let expected = Figures { killed: Some(0.2), restarted: Some(0.03), ..Figures::default() };
        assert_eq!(figures, expected);
    }

    #[test]
    fn an_order_from_before_a_strike_counts_from_the_strike_and_a_later_one_from_its_arrival() {
        let completions = [(9_000, 9_100), (9_900, 15_000), (12_000, 18_500), (49_000, 49_100)];
        let reports = reports(&[], &completions, &[one(Method::Kill, 10_000, None)]);
        assert_eq!((reports[0].final_s, reports[0].last_final_s), (Some(5.0), Some(6.5)));
    }
}
