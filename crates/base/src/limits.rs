//! Every limit of the system in one place. ARCHITECTURE.md says what happens when each is full.

/// Commands waiting for the writer; a further one is refused as busy (503).
pub const WRITER_QUEUE: usize = 4096;
/// Commands grouped into one durable commit.
pub const COMMANDS_PER_COMMIT: usize = 512;
/// Longest time a commit waits for more commands, milliseconds.
pub const COMMIT_WAIT_MS: u64 = 5;
/// Reads waiting for a reader thread.
pub const READER_QUEUE: usize = 1024;
/// Reader threads (each with one read-only connection).
pub const READERS: usize = 4;
/// Rows of one multi-row `VALUES`.
pub const ROWS_PER_STATEMENT: usize = 200;
/// Bytes of one posted form.
pub const FORM_BYTES: usize = 256 * 1024;
/// Photos of one visit.
pub const PHOTOS_PER_VISIT: usize = 3;
/// Bytes of one photo as the camera made it.
pub const PHOTO_BYTES: usize = 12 * 1024 * 1024;
/// Bytes of one form with photos.
pub const PHOTO_FORM_BYTES: usize = PHOTOS_PER_VISIT * PHOTO_BYTES + FORM_BYTES;
/// Pixels of one photo as the camera made it (a telephone's best setting today: 48 million).
pub const PHOTO_PIXELS: u64 = 50_000_000;
/// Pixels of the longer side of a photo as it is kept.
pub const PHOTO_SIDE: u32 = 1600;
/// Bytes of one photo as it is kept.
pub const PHOTO_KEPT_BYTES: usize = 600 * 1024;
/// Forms with photos taken in at a time; a further one is refused as busy (503).
pub const PHOTO_FORMS: usize = 6;
/// Bytes of a post that is too long which are read to be thrown away: a sender who is cut off in the middle of sending
/// sees a broken line and never the answer that says why.
pub const SWALLOWED_POST_BYTES: usize = 16 * 1024 * 1024;
/// Characters of one free text (note, report, memo).
pub const TEXT_CHARS: usize = 4000;
/// Characters of one line field (name, address line).
pub const LINE_CHARS: usize = 120;
/// Rows of one list page.
pub const LIST_ROWS: usize = 50;
/// Deliveries waiting for the station that stores readings.
pub const INGEST_QUEUE: usize = 8192;
/// Readings stored in one transaction.
pub const READINGS_PER_COMMIT: usize = 4000;
/// Bytes of one MQTT packet or one reading document.
pub const READING_BYTES: usize = 16 * 1024;
/// Bytes of one posted batch of readings.
pub const READING_POST_BYTES: usize = 2 * 1024 * 1024;
/// MQTT connections at a time.
pub const MQTT_CONNECTIONS: usize = 4096;
/// MQTT connections of one gateway at a time; one more ends the oldest.
pub const MQTT_LINES_PER_GATEWAY: usize = 256;
/// Publishes of one MQTT connection that wait for their acknowledgement; then the server reads no further.
pub const MQTT_IN_FLIGHT: usize = 1024;
/// Bytes of an oversized MQTT message that is acknowledged and thrown away; a larger one ends the connection.
pub const MQTT_SWALLOWED_BYTES: usize = 4 * 1024 * 1024;
/// Posts of readings by one gateway at a time; a further one is told to wait (429).
pub const POSTS_PER_GATEWAY: usize = 8;
/// Screens listening to live events at a time.
pub const LIVE_SCREENS: usize = 2048;
/// Attempts of one job before it is parked for a person to look at.
pub const JOB_ATTEMPTS: u32 = 10;
/// Bytes kept allocated beside an embedded database, for what must go on when the disk is full.
pub const DISK_RESERVE_BYTES: u64 = 64 * 1024 * 1024;
/// Free bytes below which bulk (readings, imports, files) is refused.
pub const DISK_LOW_BYTES: u64 = 64 * 1024 * 1024;
/// Free bytes below which the reserve is released or, where it is gone, looks are refused.
pub const DISK_SPENT_BYTES: u64 = 4 * 1024 * 1024;
