-- What analytics may read of where orders are shipped to: the country alone.
CREATE VIEW inventory.order_countries AS
    SELECT order_id, shipping_address ->> 'country' AS country FROM inventory.order_contents
    WHERE shipping_address IS NOT NULL;
