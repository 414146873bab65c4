//! Reads a catalogue from a file: one JSON object per line. An error names the line of the invalid
//! row, and comes before anything is changed.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
use workers::inventory::stock::CatalogItem;

/// Reads and validates the catalogue in `file`.
pub fn load_catalog(file: &Path) -> Result<Vec<CatalogItem>> {
    let items: Vec<CatalogItem> = read_rows(file)?;
    for (index, item) in items.iter().enumerate() {
        if item.unit_price < 0 || item.on_hand < 0 {
            bail!(
                "invalid catalogue {}: line {}: SKU {}: unit_price and on_hand must be at \
                 least 0",
                file.display(),
                index + 1,
                item.sku
            );
        }
    }
    Ok(items)
}

/// Reads the rows of `file`, one JSON object per line.
pub fn read_rows<Row: DeserializeOwned>(file: &Path) -> Result<Vec<Row>> {
    let text = std::fs::read_to_string(file);
    let text = text.with_context(|| format!("cannot read {}", file.display()))?;
    parse_rows(&text).with_context(|| format!("cannot parse {}", file.display()))
}

/// Parses rows, one JSON object per line; blank lines are skipped.
pub fn parse_rows<Row: DeserializeOwned>(text: &str) -> Result<Vec<Row>> {
    let parse =
        |(index, line)| serde_json::from_str(line).with_context(|| format!("line {}", index + 1));
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = r#"{"sku":"A","name":"a","currency":"GBP","unit_price":1,"on_hand":1}"#;

    fn error(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("catalog.jsonl");
        std::fs::write(&file, text).unwrap();
        format!("{:#}", load_catalog(&file).unwrap_err())
    }

    #[test]
    fn the_error_for_an_unreadable_row_names_its_line() {
        let error = error(&format!("{ROW}\n\n{{\"sku\":\"B\"}}\n"));
        assert!(error.contains("line 3") && error.contains("catalog.jsonl"), "{error}");
    }

    #[test]
    fn the_error_for_a_row_with_a_negative_quantity_names_its_line() {
        let error = error(&ROW.replace("\"on_hand\":1", "\"on_hand\":-1"));
        assert!(error.contains("line 1"), "{error}");
    }

    #[test]
    fn what_is_given_away_costs_nothing_and_no_price_is_negative() {
        let error = error(&ROW.replace("\"unit_price\":1", "\"unit_price\":-1"));
        assert!(error.contains("unit_price and on_hand must be at least 0"), "{error}");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("catalog.jsonl");
        std::fs::write(&file, ROW.replace("\"unit_price\":1", "\"unit_price\":0")).unwrap();
        assert_eq!(load_catalog(&file).unwrap()[0].unit_price, 0);
    }
}
