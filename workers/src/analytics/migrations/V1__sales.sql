CREATE SCHEMA IF NOT EXISTS analytics;

CREATE TABLE analytics.counted_orders (
    order_id     uuid PRIMARY KEY,
    fulfilled_at timestamptz(3) NOT NULL
);

COMMENT ON TABLE analytics.counted_orders IS 'The orders that are in the sums of analytics.sales: the proof of count';

CREATE TABLE analytics.sales (
    minute   timestamptz(0) NOT NULL,
    sku      text NOT NULL,
    currency text NOT NULL,
    orders   bigint NOT NULL,
    units    bigint NOT NULL,
    -- In minor units. The sum of many orders may be larger than a bigint.
    revenue  numeric NOT NULL,
    PRIMARY KEY (minute, sku, currency)
) WITH (fillfactor = 70); -- Room for the next version of a row beside it.

COMMENT ON TABLE analytics.sales IS 'What was sold, by the minute in which the order was fulfilled';
