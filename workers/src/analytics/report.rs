//! `millrace analytics`: the sales of the last minutes as tables with a small plot, or as JSON.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use clap::{ArgMatches, Args, Command, FromArgMatches};
use orders::{Sku, Timestamp};
use serde::Serialize;

use crate::database::{Database, DatabaseError};
use crate::observer::ReportText;

/// Columns of the plot: it fits beside its scale into a terminal of 80 columns.
const BUCKETS_MAX: u64 = 60;
/// The characters of the plot, from nothing to the maximum.
const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Options of `millrace analytics`.
#[derive(Debug, Clone, Args)]
struct ReportArgs {
    /// How far to look back
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = streams::parse_duration)]
    since: Duration,
    /// Only this SKU, and no countries
    #[arg(long)]
    sku: Option<Sku>,
    /// Number of SKUs and of countries to list, those with the most units first
    #[arg(long, value_name = "N", default_value = "20", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// The sales of a time.
#[derive(Debug, Serialize)]
struct Sales {
    /// The beginning of the first bucket.
    #[serde(rename = "from_ms")]
    from: Timestamp,
    /// Minutes in a bucket.
    bucket_minutes: u64,
    /// Units sold in each bucket, oldest first. The last one is not over yet.
    units: Vec<i64>,
    /// The SKUs with the most units.
    skus: Vec<SkuSales>,
    /// The countries with the most units, unless one SKU is asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    countries: Vec<CountrySales>,
}

/// The sales of one SKU in one currency.
#[derive(Debug, Serialize)]
struct SkuSales {
    sku: String,
    currency: String,
    orders: i64,
    units: i64,
    /// In minor units.
    revenue: i128,
}

/// The sales to one country in one currency.
#[derive(Debug, Serialize)]
struct CountrySales {
    /// Empty for orders that do not say where they are shipped to.
    country: String,
    currency: String,
    orders: i64,
    units: i64,
    /// In minor units, without adjustments.
    revenue: i128,
}

pub(super) fn add_options(command: Command) -> Command {
    ReportArgs::augment_args(command)
}

/// Writes the report.
pub(super) async fn write(database: &Database, options: &ArgMatches) -> ReportText {
    let args = ReportArgs::from_arg_matches(options)?;
    let sales = Sales::query(database, &args).await?;
    Ok(if args.json { serde_json::to_string(&sales)? + "\n" } else { sales.to_text() })
}

impl Sales {
    async fn query(database: &Database, args: &ReportArgs) -> Result<Self, DatabaseError> {
        let minutes = args.since.as_secs().div_ceil(60).max(1);
        let bucket_minutes = minutes.div_ceil(BUCKETS_MAX);
        let buckets = minutes.div_ceil(bucket_minutes);
        let connection = database.connection().await?;
        let now = connection.query_one("SELECT date_trunc('minute', now(), 'UTC')", &[]).await?;
        let end: SystemTime = now.try_get::<_, SystemTime>(0)? + Duration::from_mins(1);
        let from = end - Duration::from_mins(buckets * bucket_minutes);
        let sku = args.sku.as_ref().map(Sku::as_str);
        let timeline =
            "SELECT floor(extract(epoch FROM minute - $1)::float8 / 60 / $2::float8)::bigint,
                 sum(units)::bigint
             FROM analytics.sales
             WHERE minute >= $1 AND minute < $3 AND ($4::text IS NULL OR sku = $4) GROUP BY 1";
        let mut units = vec![0; buckets as usize];
        let bucket_size = bucket_minutes as f64;
        for row in connection.query(timeline, &[&from, &bucket_size, &end, &sku]).await? {
            let bucket: i64 = row.try_get(0)?;
            if let Some(sum) = usize::try_from(bucket).ok().and_then(|index| units.get_mut(index)) {
                *sum = row.try_get(1)?;
            }
        }
        let totals =
            "SELECT sku, currency, sum(orders)::bigint, sum(units)::bigint, sum(revenue)::text
             FROM analytics.sales
             WHERE minute >= $1 AND ($2::text IS NULL OR sku = $2)
             GROUP BY sku, currency ORDER BY 4 DESC, sku, currency LIMIT $3";
        let rows = connection.query(totals, &[&from, &sku, &i64::from(args.limit)]).await?;
        let skus = rows.iter().map(|row| {
            Ok(SkuSales {
                sku: row.try_get(0)?,
                currency: row.try_get(1)?,
                orders: row.try_get(2)?,
                units: row.try_get(3)?,
                revenue: row.try_get::<_, &str>(4)?.parse().unwrap_or(i128::MAX),
            })
        });
        let skus = skus.collect::<Result<_, DatabaseError>>()?;
        let limit = if sku.is_some() { 0 } else { i64::from(args.limit) };
        let countries =
            "SELECT country, currency, sum(orders)::bigint, sum(units)::bigint, sum(revenue)::text
             FROM analytics.country_sales
             WHERE minute >= $1 GROUP BY country, currency ORDER BY 4 DESC, country, currency LIMIT $2";
        let rows = connection.query(countries, &[&from, &limit]).await?;
        let countries = rows.iter().map(|row| {
            Ok(CountrySales {
                country: row.try_get(0)?,
                currency: row.try_get(1)?,
                orders: row.try_get(2)?,
                units: row.try_get(3)?,
                revenue: row.try_get::<_, &str>(4)?.parse().unwrap_or(i128::MAX),
            })
        });
        let countries = countries.collect::<Result<_, DatabaseError>>()?;
        Ok(Self { from: from.into(), bucket_minutes, units, skus, countries })
    }

    fn to_text(&self) -> String {
        let mut text =
            format!("{:<24}{:>10}{:>10}{:>20}\n", "SKU", "ORDERS", "UNITS", "REVENUE (MINOR)");
        for SkuSales { sku, currency, orders, units, revenue } in &self.skus {
            // Writing to a String never fails.
            writeln!(text, "{sku:<24}{orders:>10}{units:>10}{revenue:>16} {currency}").ok();
        }
        if !self.countries.is_empty() {
            let (orders, units, revenue) = ("ORDERS", "UNITS", "REVENUE (MINOR)");
            writeln!(text, "\n{:<24}{orders:>10}{units:>10}{revenue:>20}", "COUNTRY").ok();
        }
        for CountrySales { country, currency, orders, units, revenue } in &self.countries {
            let country = if country.is_empty() { "-" } else { country };
            writeln!(text, "{country:<24}{orders:>10}{units:>10}{revenue:>16} {currency}").ok();
        }
        let most = self.units.iter().copied().max().unwrap_or_default();
        let minutes = match self.bucket_minutes {
            1 => "minute".to_owned(),
            minutes => format!("{minutes} minutes"),
        };
        writeln!(text, "\nunits per {minutes} since {}, at most {most}", self.from).ok();
        writeln!(text, "|{}|", plot(&self.units)).ok();
        text
    }
}

/// One bar for each number, relative to the largest one. A number above 0 has a visible bar.
fn plot(units: &[i64]) -> String {
    let most = units.iter().copied().max().unwrap_or_default().max(1) as u64;
    let steps = (BARS.len() - 1) as u64;
    units
        .iter()
        .map(|units| BARS[((*units).max(0) as u64 * steps).div_ceil(most) as usize])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plot_shows_each_number_relative_to_the_largest_one() {
        assert_eq!(plot(&[0, 1, 500, 1_000]), " ▁▄█");
        assert_eq!(plot(&[0, 0]), "  ");
        assert_eq!(plot(&[]), "");
    }
}
