//! The HTML of the pages on which a buyer approves or denies a payment. They work without a script.

use super::model::Intent;

/// The currencies whose minor unit is the currency itself, as Stripe lists them.
const WITHOUT_DECIMALS: [&str; 16] = [
    "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv",
    "xaf", "xof", "xpf",
];
const WITH_THREE_DECIMALS: [&str; 5] = ["bhd", "jod", "kwd", "omr", "tnd"];

/// The page that asks the buyer.
pub(super) fn question(intent: &Intent) -> String {
    let amount = amount(intent.amount, &intent.currency);
    page(
        "Approve this payment?",
        &format!(
            "<p>Amount: <strong>{amount}</strong></p>\n\
             <form method=\"post\" action=\"/authenticate/{}\">\n\
             <button type=\"submit\" name=\"result\" value=\"approve\">Approve</button>\n\
             <button type=\"submit\" name=\"result\" value=\"deny\">Deny</button>\n\
             </form>",
            intent.id
        ),
    )
}

/// A page that says `text`, which must be plain.
pub(super) fn statement(text: &str) -> String {
    page("Payment authentication", &format!("<p role=\"status\">{text}</p>"))
}

fn page(title: &str, content: &str) -> String {
    format!(
        "<!DOCTYPE html>\n\
         <html lang=\"en\">\n\
         <head>\n\
         <meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n\
         <style>body {{ font: 1.125rem/1.5 system-ui, sans-serif; max-width: 30rem; \
         margin: 3rem auto; padding: 0 1rem }} \
         button {{ font: inherit; padding: .5rem 1.5rem; margin-right: .5rem }}</style>\n\
         </head>\n\
         <body>\n\
         <main>\n\
         <h1>{title}</h1>\n\
         {content}\n\
         <p><small>Simulated bank: no real money moves.</small></p>\n\
         </main>\n\
         </body>\n\
         </html>\n"
    )
}

/// An amount in minor units as people write it, such as `12.50 GBP`.
fn amount(minor_units: i64, currency: &str) -> String {
    let decimals = match currency {
        currency if WITHOUT_DECIMALS.contains(&currency) => 0,
        currency if WITH_THREE_DECIMALS.contains(&currency) => 3,
        _ => 2,
    };
    let code = currency.to_uppercase();
    if decimals == 0 {
        return format!("{minor_units} {code}");
    }
    let unit = 10_i64.pow(decimals);
    let (whole, rest) = (minor_units / unit, minor_units % unit);
    format!("{whole}.{rest:0width$} {code}", width = decimals as usize)
}

#[cfg(test)]
mod tests {
    use super::amount;

    #[test]
    fn an_amount_has_the_decimals_of_its_currency() {
        assert_eq!(amount(1205, "gbp"), "12.05 GBP");
        assert_eq!(amount(5, "usd"), "0.05 USD");
        assert_eq!(amount(1205, "jpy"), "1205 JPY");
        assert_eq!(amount(1205, "kwd"), "1.205 KWD");
    }
}
