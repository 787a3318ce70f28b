-- The tables of 1-schema.sql for SQLite. Times are UTC text, formatted as MySQL prints a
-- DATETIME(6): YYYY-MM-DD HH:MM:SS.ffffff. The server checks the width of columns.
-- Statements end with a semicolon at the end of a line; the server splits there.

DROP TABLE IF EXISTS settings;
CREATE TABLE settings (
  name  TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

DROP TABLE IF EXISTS chair_models;
CREATE TABLE chair_models (
  name  TEXT    NOT NULL PRIMARY KEY,
  speed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

DROP TABLE IF EXISTS owners;
CREATE TABLE owners (
  id                   TEXT NOT NULL PRIMARY KEY,
  name                 TEXT NOT NULL UNIQUE,
  access_token         TEXT NOT NULL UNIQUE,
  chair_register_token TEXT NOT NULL UNIQUE,
  created_at           TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now')),
  updated_at           TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
) STRICT, WITHOUT ROWID;

DROP TABLE IF EXISTS users;
CREATE TABLE users (
  id              TEXT NOT NULL PRIMARY KEY,
  username        TEXT NOT NULL UNIQUE,
  firstname       TEXT NOT NULL,
  lastname        TEXT NOT NULL,
  date_of_birth   TEXT NOT NULL,
  access_token    TEXT NOT NULL UNIQUE,
  invitation_code TEXT NOT NULL UNIQUE,
  created_at      TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now')),
  updated_at      TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
) STRICT, WITHOUT ROWID;

DROP TABLE IF EXISTS payment_tokens;
CREATE TABLE payment_tokens (
  user_id    TEXT NOT NULL PRIMARY KEY,
  token      TEXT NOT NULL,
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
) STRICT, WITHOUT ROWID;

DROP TABLE IF EXISTS chairs;
CREATE TABLE chairs (
  id           TEXT    NOT NULL PRIMARY KEY,
  owner_id     TEXT    NOT NULL,
  name         TEXT    NOT NULL,
  model        TEXT    NOT NULL,
  is_active    INTEGER NOT NULL,
  access_token TEXT    NOT NULL,
  created_at   TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now')),
  updated_at   TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
) STRICT, WITHOUT ROWID;

DROP TABLE IF EXISTS chair_locations;
CREATE TABLE chair_locations (
  id         TEXT    NOT NULL PRIMARY KEY,
  chair_id   TEXT    NOT NULL,
  latitude   INTEGER NOT NULL,
  longitude  INTEGER NOT NULL,
  created_at TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
) STRICT, WITHOUT ROWID;

-- Ours, not of the contest: sums over rows of chair_locations that are deleted.
DROP TABLE IF EXISTS chair_distances;
CREATE TABLE chair_distances (
  chair_id       TEXT    NOT NULL PRIMARY KEY,
  total_distance INTEGER NOT NULL,
  latitude       INTEGER NOT NULL,
  longitude      INTEGER NOT NULL,
  reported_at    TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

DROP TABLE IF EXISTS rides;
CREATE TABLE rides (
  id                    TEXT    NOT NULL PRIMARY KEY,
  user_id               TEXT    NOT NULL,
  chair_id              TEXT    NULL,
  pickup_latitude       INTEGER NOT NULL,
  pickup_longitude      INTEGER NOT NULL,
  destination_latitude  INTEGER NOT NULL,
  destination_longitude INTEGER NOT NULL,
  evaluation            INTEGER NULL,
  created_at            TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now')),
  updated_at            TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))
) STRICT, WITHOUT ROWID;

DROP TABLE IF EXISTS ride_statuses;
CREATE TABLE ride_statuses (
  id            TEXT NOT NULL PRIMARY KEY,
  ride_id       TEXT NOT NULL,
  status        TEXT NOT NULL CHECK (status IN ('MATCHING', 'ENROUTE', 'PICKUP', 'CARRYING', 'ARRIVED', 'COMPLETED')),
  created_at    TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now')),
  app_sent_at   TEXT NULL,
  chair_sent_at TEXT NULL
) STRICT, WITHOUT ROWID;

DROP TABLE IF EXISTS coupons;
CREATE TABLE coupons (
  user_id    TEXT    NOT NULL,
  code       TEXT    NOT NULL,
  discount   INTEGER NOT NULL,
  created_at TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now')),
  used_by    TEXT    NULL,
  PRIMARY KEY (user_id, code)
) STRICT, WITHOUT ROWID;

-- Rows that the database refused. At each start they replace the tables' own rows.
DROP TABLE IF EXISTS refused_rows;
CREATE TABLE refused_rows (
  table_name TEXT    NOT NULL,
  row_key    TEXT    NOT NULL,
  content    TEXT    NOT NULL,
  error      TEXT    NOT NULL,
  position   INTEGER NOT NULL,
  PRIMARY KEY (table_name, row_key)
) STRICT, WITHOUT ROWID;

-- Places of the event log with the hash of all that is before them.
DROP TABLE IF EXISTS journal_chain;
CREATE TABLE journal_chain (
  position INTEGER NOT NULL PRIMARY KEY,
  hash     TEXT    NOT NULL
) STRICT;

-- One row with the tables' position in the event log.
CREATE TABLE IF NOT EXISTS journal_position (
  id              INTEGER NOT NULL PRIMARY KEY,
  generation      INTEGER NOT NULL,
  position        INTEGER NOT NULL,
  ready           INTEGER NOT NULL,
  history         TEXT    NOT NULL DEFAULT '',
  version         INTEGER NOT NULL DEFAULT 1,
  term            INTEGER NOT NULL DEFAULT 0,
  rides_requested INTEGER NULL,
  rides_completed INTEGER NULL,
  riders_owed     INTEGER NULL,
  riders_paid     INTEGER NULL,
  discounts_given INTEGER NULL,
  owners_sales    INTEGER NULL,
  sales_under_way INTEGER NULL,
  coupons_issued  INTEGER NULL,
  coupons_used    INTEGER NULL,
  chain_position  INTEGER NOT NULL DEFAULT 0,
  chain           TEXT    NOT NULL DEFAULT ''
) STRICT;
