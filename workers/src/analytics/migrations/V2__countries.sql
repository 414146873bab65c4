-- Where it was shipped to: '' if the order does not say. NULL if a version before countries has counted it, whose orders
-- are in no sum of analytics.country_sales.
ALTER TABLE analytics.counted_orders ADD COLUMN country text;

CREATE TABLE analytics.country_sales (
    minute   timestamptz(0) NOT NULL,
    country  text NOT NULL,
    currency text NOT NULL,
    orders   bigint NOT NULL,
    units    bigint NOT NULL,
    -- What the lines add up to, in minor units, without adjustments.
    revenue  numeric NOT NULL,
    PRIMARY KEY (minute, country, currency)
) WITH (fillfactor = 70); -- Room for the next version of a row beside it.

COMMENT ON TABLE analytics.country_sales IS 'What was sold to each country, by the minute in which the order was fulfilled';
