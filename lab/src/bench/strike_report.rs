//! What orders experienced at one strike on the brokers.

use std::fmt;

use serde::Serialize;

/// What orders experienced from one strike on the brokers to the next.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StrikeReport {
    /// What was done to the broker.
    pub strike: String,
    /// Whether it was killed.
    #[serde(skip)]
    pub(super) is_kill: bool,
    /// The broker; `None` if all were struck.
    pub broker: Option<String>,
    /// Whether it led the lane that took new orders.
    pub led: bool,
    /// Orders that arrived.
    pub orders: u64,
    /// Answers other than 202.
    pub refused: u64,
    /// The longest answer, to an order that arrived before the broker was resumed.
    pub longest_s: f64,
    /// The longest answer to an order that arrived after the broker was resumed.
    pub longest_resumed_s: Option<f64>,
    /// The longest time from the strike until an order that arrived just before it was final; `None` if
    /// all of those were final already.
    pub final_s: Option<f64>,
    /// The longest time from the strike, or from a later arrival, until any acknowledged order was
    /// final.
    pub last_final_s: Option<f64>,
    /// The order of `final_s`: the statuses that it has reached, and when, in seconds since the strike.
    pub slowest: Vec<(String, f64)>,
}

impl StrikeReport {
    /// The titles of [`StrikeReport::cells`].
    pub(super) const TITLES: [&'static str; 10] = [
        "strike",
        "broker",
        "led",
        "orders",
        "other than 202",
        "longest answer",
        "after resume",
        "before: final",
        "any: final",
        "steps of the slowest one before",
    ];

    pub(super) fn cells(&self) -> [String; 10] {
        let steps = self.slowest.iter().map(|(status, at)| format!("{status} {at:.1} s"));
        [
            self.strike.clone(),
            self.broker.clone().unwrap_or_else(|| "all".to_owned()),
            if self.led { "yes" } else { "no" }.to_owned(),
            self.orders.to_string(),
            self.refused.to_string(),
            seconds(Some(self.longest_s)),
            seconds(self.longest_resumed_s),
            seconds(self.final_s),
            seconds(self.last_final_s),
            steps.collect::<Vec<_>>().join(", "),
        ]
    }

    /// A line of the table for people.
    pub(super) fn line(cells: [impl fmt::Display; 10]) -> String {
        let [strike, broker, led, rest @ .., steps] = cells;
        let rest = rest.map(|cell| format!("{cell:>15}")).concat();
        format!("  {strike:<32}{broker:<10}{led:<5}{rest}  {steps}")
    }
}

fn seconds(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "–".to_owned(), |seconds| format!("{seconds:.2} s"))
}
