//! Every limit of the system in one place. ARCHITECTURE.md says what happens when each is full.

use std::time::Duration;

/// Open files and sockets of the process at least; with fewer it does not start.
pub const DESCRIPTORS_LEAST: u64 = 512;
/// Connections to pages on which nobody is known yet, and those of signed-in desks and posting gateways, where the
/// machine's descriptors allow so many.
pub const SITE_STRANGERS: usize = 2048;
pub const SITE_KNOWN: usize = 8192;
/// MQTT connections whose CONNECT is not accepted yet.
pub const MQTT_STRANGERS: usize = 1024;
/// Connections to the operations address.
pub const OPERATIONS_CONNECTIONS: usize = 16;
/// Connections of one session, or of one gateway that posts, that count as known.
pub const CONNECTIONS_PER_SESSION: usize = 32;
/// Requests under way whose sender is not known yet: in all, and of one address.
pub const REQUESTS_OF_STRANGERS: usize = 1024;
pub const REQUESTS_PER_ADDRESS: usize = 64;
/// Addresses remembered because somebody was known there, and for how long.
pub const FAMILIAR_ADDRESSES: usize = 16_384;
pub const FAMILIAR_FOR: Duration = Duration::from_secs(24 * 3600);
/// Requests under way on one connection of HTTP/2.
pub const HTTP2_STREAMS: u32 = 64;
/// Bytes of one answer that wait in HTTP/2 for a client to take them.
pub const HTTP2_SEND_BYTES: usize = 64 * 1024;
/// Bytes of a request's head.
pub const HEAD_BYTES: usize = 32 * 1024;
/// How long a TLS handshake may take, and then a request's head (MQTT: both together with the CONNECT).
pub const HANDSHAKE_WAIT: Duration = Duration::from_secs(10);
pub const HEAD_WAIT: Duration = Duration::from_secs(10);
/// How long a request's body may pause, and how long it may take, while its sender is unknown and afterwards.
pub const BODY_PAUSE: Duration = Duration::from_secs(10);
pub const BODY_WAIT: Duration = Duration::from_secs(30);
pub const BODY_PAUSE_OF_KNOWN: Duration = Duration::from_secs(25);
pub const BODY_WAIT_OF_KNOWN: Duration = Duration::from_secs(300);
/// How long a connection may rest between two requests.
pub const IDLE_WAIT: Duration = Duration::from_secs(15);
pub const IDLE_WAIT_OF_KNOWN: Duration = Duration::from_secs(75);
/// How long a client may take nothing of an answer.
pub const UNREAD_WAIT: Duration = Duration::from_secs(20);
/// How long a connection may live on which nobody becomes known.
pub const STRANGER_AGE: Duration = Duration::from_secs(120);

/// Commands waiting for the writer; a further one is refused as busy (503).
pub const WRITER_QUEUE: usize = 4096;
/// Pieces of bulk waiting for the writer behind everybody else; a further one is refused as busy.
pub const BULK_QUEUE: usize = 64;
/// Commands grouped into one durable commit.
pub const COMMANDS_PER_COMMIT: usize = 512;
/// Longest time a commit waits for more commands, milliseconds.
pub const COMMIT_WAIT_MS: u64 = 5;
/// Reads waiting for a reader thread.
pub const READER_QUEUE: usize = 1024;
/// Reader threads (each with one read-only connection): beside a file as many as read at once; before a server more, for
/// each waits most of its time for an answer.
pub const READERS: usize = 4;
pub const FAR_READERS: usize = 12;
/// Reads of which one reader takes notice at a time, to ask a server for those together that want to know the same.
pub const READ_TOGETHER: usize = 16;
/// How long a database server may answer nothing at all, not even that it is there; then whoever waits for it is told.
pub const SERVER_SILENCE: Duration = Duration::from_secs(7);
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
/// Of these, one sender's.
pub const PHOTO_FORMS_OF_ONE: usize = 2;
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
/// MQTT connections of gateways at a time.
pub const MQTT_CONNECTIONS: usize = 4096;
/// MQTT connections of one gateway at a time; one more ends the oldest.
pub const MQTT_LINES_PER_GATEWAY: usize = 256;
/// Publishes of one MQTT connection that wait for their acknowledgement; then the server reads no further.
pub const MQTT_IN_FLIGHT: usize = 1024;
/// Publishes of QoS 2 of one client that are stored and not released yet (PUBREL); one more ends the connection. MQTT 5 is
/// told [`MQTT_IN_FLIGHT`].
pub const MQTT_UNRELEASED: usize = 4096;
/// Bytes of an oversized MQTT message that is acknowledged and thrown away; a larger one ends the connection.
pub const MQTT_SWALLOWED_BYTES: usize = 4 * 1024 * 1024;
/// Posts of readings by one gateway at a time; a further one is told to wait (429).
pub const POSTS_PER_GATEWAY: usize = 8;
/// Screens listening to live events at a time.
pub const LIVE_SCREENS: usize = 2048;
/// Of these, what staff other than the call centre's can fill together with families: the rest is the call centre's.
pub const LIVE_SCREENS_OF_STAFF: usize = 1920;
/// Of these, what families and residents can fill: the rest is for those who act.
pub const LIVE_SCREENS_OF_FAMILIES: usize = 1536;
/// Screens listening by one session; a further one does without.
pub const LIVE_SCREENS_PER_SESSION: usize = 6;
/// A screen to which nothing is said hears this often that its line lives; also what proxies wait for, which give up
/// silent lines after 50 s and more (HAProxy's file in Debian).
pub const LIVE_HEARTBEAT: Duration = Duration::from_secs(10);
/// Sessions that were looked up lately; what is beyond them is looked up before its page and not with it.
pub const SESSIONS_REMEMBERED: usize = 4096;
/// Names of readers' offices that stand in the heads of pages.
pub const OFFICE_NAMES_KNOWN: usize = 4096;
/// Looks of which it is remembered what they asked the last time, and values of one.
pub const LOOKS_FORESEEN: usize = 2048;
pub const VALUES_FORESEEN: usize = 512;
/// Bytes of the statements of one.
pub const WORDS_FORESEEN: usize = 16 * 1024;
/// Open pages whose renewals are counted in memory; those of further ones are recorded one by one.
pub const OPEN_PAGES: usize = 8192;
/// Of these, those of one session.
pub const OPEN_PAGES_PER_SESSION: usize = 32;
/// Threads that hash passwords: as many as the machine has cores, within these. Each holds 19 MiB.
pub const HASHERS_LEAST: usize = 2;
pub const HASHERS_MOST: usize = 4;
/// Passwords waiting to be hashed; a further one is refused as busy (503). About a second's work.
pub const HASH_QUEUE: usize = 32;
/// Rows about strangers that the audit chain takes in an hour, at each of the doors that are open to anybody.
pub const STRANGER_ROWS_PER_HOUR: u32 = 30;
/// Names and addresses of which failures are remembered; beyond that the quietest are forgotten.
pub const STRANGERS: usize = 16_384;
/// Incidents waiting for the security log; beyond that the oldest are counted and lost.
pub const SECURITY_LOG_WAITING: usize = 1024;
/// Bytes of one of the two files of the security log.
pub const SECURITY_LOG_BYTES: u64 = 4 * 1024 * 1024;
/// Bytes kept allocated beside an embedded database, for what must go on when the disk is full.
pub const DISK_RESERVE_BYTES: u64 = 64 * 1024 * 1024;
/// Free bytes below which bulk (readings, imports, files) is refused.
pub const DISK_LOW_BYTES: u64 = 64 * 1024 * 1024;
/// Free bytes below which the reserve is released or, where it is gone, looks are refused.
pub const DISK_SPENT_BYTES: u64 = 4 * 1024 * 1024;
