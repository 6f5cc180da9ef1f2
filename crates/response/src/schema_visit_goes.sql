-- Who of an office that was asked goes: their colleagues do not answer, arrive or report in their place unnoticed.
ALTER TABLE response_visit ADD COLUMN goes_id BYTEA;
