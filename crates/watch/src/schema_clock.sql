-- What is known of a gateway's clock that is wrong or may be, as bytes of watch::clock. NULL: it is right.
ALTER TABLE watch_gateway ADD COLUMN clock BYTEA;
