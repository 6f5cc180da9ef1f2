-- What a device says of itself beside its battery's charge, what is wrong with it, and what was learned of it.
-- fault: a key of DeviceFault, since fault_at; clears_after: seconds.
ALTER TABLE watch_device ADD COLUMN battery_low BOOLEAN;
ALTER TABLE watch_device ADD COLUMN tampered BOOLEAN;
ALTER TABLE watch_device ADD COLUMN millivolts BIGINT;
ALTER TABLE watch_device ADD COLUMN warmth BIGINT;
ALTER TABLE watch_device ADD COLUMN fault TEXT;
ALTER TABLE watch_device ADD COLUMN fault_at BIGINT;
ALTER TABLE watch_device ADD COLUMN clears_after BIGINT;
ALTER TABLE watch_device ADD COLUMN faulty BIGINT NOT NULL DEFAULT 0;
