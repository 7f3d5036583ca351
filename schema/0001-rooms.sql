-- Rooms, sessions and their history. Times are Unix time in milliseconds.

CREATE TABLE room (
    id INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 9007199254740991),
    name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 64),
    title TEXT NOT NULL DEFAULT '',
    is_lasting INTEGER NOT NULL CHECK (is_lasting IN (0, 1)),  -- 0: ends with its publisher
    publish_key BLOB CHECK (length(publish_key) = 32),         -- SHA-256; NULL: WHIP_TOKEN publishes
    watch_key BLOB CHECK (length(watch_key) = 32),             -- SHA-256; NULL: anybody watches
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    last_live_at INTEGER,
    ended_at INTEGER,
    media TEXT                                                 -- what was published last, as JSON
) STRICT;

CREATE TABLE session (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id_hash BLOB NOT NULL UNIQUE CHECK (length(id_hash) = 32), -- SHA-256 of the id, which is a secret
    room INTEGER NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('publisher', 'viewer')),
    opened_at INTEGER NOT NULL,
    connected_at INTEGER,
    ended_at INTEGER,
    reason TEXT,
    octets_sent INTEGER,
    octets_received INTEGER,
    credentials_hash BLOB,                                     -- SHA-256 of the peer's ICE credentials
    entity_tag TEXT,
    media TEXT                                                 -- of a publisher, as JSON
) STRICT;

CREATE INDEX session_by_room ON session (room, number);
CREATE INDEX session_open ON session (room, role, number) WHERE ended_at IS NULL;
CREATE INDEX session_by_end ON session (ended_at) WHERE ended_at IS NOT NULL;

-- Personal data, apart so that it can be erased: room_event has a salted commitment to it only.
CREATE TABLE session_client (
    session INTEGER PRIMARY KEY,
    noted_at INTEGER NOT NULL,
    salt BLOB NOT NULL,
    address TEXT NOT NULL,
    user_agent TEXT NOT NULL
) STRICT;

CREATE INDEX session_client_by_age ON session_client (noted_at);

-- The audit. hash = SHA-256 (hash of the row before, 32 zero octets for the first, then the octets of body).
CREATE TABLE room_event (
    seq INTEGER PRIMARY KEY,
    body TEXT NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    time INTEGER GENERATED ALWAYS AS (json_extract(body, '$.time')) VIRTUAL,
    kind TEXT GENERATED ALWAYS AS (json_extract(body, '$.kind')) VIRTUAL,
    room INTEGER GENERATED ALWAYS AS (json_extract(body, '$.room')) VIRTUAL,
    session INTEGER GENERATED ALWAYS AS (json_extract(body, '$.session')) VIRTUAL,
    journal TEXT GENERATED ALWAYS AS (json_extract(body, '$.journal')) VIRTUAL,
    number INTEGER GENERATED ALWAYS AS (json_extract(body, '$.number')) VIRTUAL
) STRICT;

CREATE INDEX room_event_by_time ON room_event (time);
CREATE INDEX room_event_by_kind ON room_event (kind, seq);
CREATE INDEX room_event_by_room ON room_event (room, seq) WHERE room IS NOT NULL;
CREATE INDEX room_event_by_session ON room_event (session, seq) WHERE session IS NOT NULL;
-- Each event of media once.
CREATE UNIQUE INDEX room_event_by_media_event ON room_event (journal, number) WHERE number IS NOT NULL;

-- What the chain begins after, once the rows up to it are pruned.
CREATE TABLE audit_checkpoint (
    seq INTEGER PRIMARY KEY,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    time INTEGER NOT NULL
) STRICT;

-- The next event wanted of each of media's journals.
CREATE TABLE media_position (
    journal TEXT PRIMARY KEY,
    next_number INTEGER NOT NULL,
    noted_at INTEGER NOT NULL
) STRICT;

-- Written to find out whether writing works.
CREATE TABLE probe (id INTEGER PRIMARY KEY CHECK (id = 1), time INTEGER NOT NULL) STRICT;

CREATE TRIGGER room_event_is_contiguous BEFORE INSERT ON room_event
WHEN NEW.seq IS NOT 1 + max(
    coalesce((SELECT max(seq) FROM room_event), 0), coalesce((SELECT max(seq) FROM audit_checkpoint), 0))
    OR json_extract(NEW.body, '$.seq') IS NOT NEW.seq
BEGIN
    SELECT RAISE(ABORT, 'room_event grows by the next seq only');
END;

-- INSERT OR REPLACE would take the row away that is in its way, without asking the trigger on DELETE.
CREATE TRIGGER room_event_is_of_a_new_media_event BEFORE INSERT ON room_event
WHEN json_extract(NEW.body, '$.number') IS NOT NULL AND EXISTS (
    SELECT 1 FROM room_event
    WHERE journal = json_extract(NEW.body, '$.journal') AND number = json_extract(NEW.body, '$.number'))
BEGIN
    SELECT RAISE(ABORT, 'room_event has each event of media once');
END;

CREATE TRIGGER room_event_is_never_changed BEFORE UPDATE ON room_event
BEGIN
    SELECT RAISE(ABORT, 'room_event is append-only');
END;

CREATE TRIGGER room_event_is_pruned_below_checkpoints BEFORE DELETE ON room_event
WHEN OLD.seq > coalesce((SELECT max(seq) FROM audit_checkpoint), 0)
BEGIN
    SELECT RAISE(ABORT, 'room_event is deleted at or below a checkpoint only');
END;

CREATE TRIGGER audit_checkpoint_is_of_a_row BEFORE INSERT ON audit_checkpoint
WHEN NOT EXISTS (SELECT 1 FROM room_event WHERE seq = NEW.seq AND hash = NEW.hash)
    OR NEW.seq <= (SELECT max(seq) FROM audit_checkpoint)
BEGIN
    SELECT RAISE(ABORT, 'a checkpoint repeats the seq and hash of a row above the last');
END;

CREATE TRIGGER audit_checkpoint_is_never_changed BEFORE UPDATE ON audit_checkpoint
BEGIN
    SELECT RAISE(ABORT, 'audit_checkpoint is append-only');
END;

CREATE TRIGGER audit_checkpoint_is_never_deleted BEFORE DELETE ON audit_checkpoint
BEGIN
    SELECT RAISE(ABORT, 'audit_checkpoint is append-only');
END;
