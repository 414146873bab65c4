-- What is given away costs nothing.
ALTER TABLE inventory.stock
    DROP CONSTRAINT stock_unit_price_check,
    ADD CONSTRAINT stock_unit_price_check CHECK (unit_price >= 0);
