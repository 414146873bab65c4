-- What is added to the lines of an order, and what is taken off.
ALTER TABLE inventory.order_contents ADD COLUMN adjustments json;
