-- Why a gateway connects and nothing of it gets through, a key of LineCause. NULL: it is silent, and nobody knows why.
ALTER TABLE watch_line_fault ADD COLUMN cause TEXT;
