//! A catalogue from a file: one JSON object a line. A row that cannot be used is named by its line,
//! before anything is changed.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
use workers::inventory::stock::CatalogItem;

/// The catalogue in `file`.
pub fn catalog(file: &Path) -> Result<Vec<CatalogItem>> {
    let items: Vec<CatalogItem> = rows(file)?;
    for (index, item) in items.iter().enumerate() {
        if item.unit_price < 1 || item.on_hand < 0 {
            bail!(
                "cannot use {}: line {}: SKU {}: a price is at least 1 and on_hand at least 0",
                file.display(),
                index + 1,
                item.sku
            );
        }
    }
    Ok(items)
}

/// The rows of `file`, one JSON object a line.
pub fn rows<Row: DeserializeOwned>(file: &Path) -> Result<Vec<Row>> {
    let text = std::fs::read_to_string(file);
    let text = text.with_context(|| format!("cannot read {}", file.display()))?;
    parse_rows(&text).with_context(|| format!("cannot use {}", file.display()))
}

/// The rows of a text, one JSON object a line; blank lines are skipped.
pub fn parse_rows<Row: DeserializeOwned>(text: &str) -> Result<Vec<Row>> {
    let row =
        |(index, line)| serde_json::from_str(line).with_context(|| format!("line {}", index + 1));
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = r#"{"sku":"A","name":"a","currency":"GBP","unit_price":1,"on_hand":1}"#;

    fn fault(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("catalog.jsonl");
        std::fs::write(&file, text).unwrap();
        format!("{:#}", catalog(&file).unwrap_err())
    }

    #[test]
    fn a_row_that_cannot_be_read_is_named_by_its_line() {
        let fault = fault(&format!("{ROW}\n\n{{\"sku\":\"B\"}}\n"));
        assert!(fault.contains("line 3") && fault.contains("catalog.jsonl"), "{fault}");
    }

    #[test]
    fn a_row_with_an_impossible_number_is_named_by_its_line() {
        let fault = fault(&ROW.replace("\"on_hand\":1", "\"on_hand\":-1"));
        assert!(fault.contains("line 1"), "{fault}");
    }
}
