-- The tables in QuestDB: those of the feed, by the same names, with its operator's columns. A row is what an event
-- said of a row of the city; what there was before it stays, so that every question can be asked of any time.
--
-- ts is when it happened, seq its number in the log of the region and epoch, row its number in the event. action is
-- what the feed said: insert, update, delete, or partial for a row of a snapshot. Times are UTC, money is yen. A
-- statement ends with a line of its own, a semicolon.

CREATE TABLE IF NOT EXISTS users (
  ts TIMESTAMP, region SYMBOL, epoch LONG, seq LONG, row LONG, action VARCHAR,
  id VARCHAR, username VARCHAR, firstname VARCHAR, lastname VARCHAR, date_of_birth VARCHAR, created_at TIMESTAMP, updated_at TIMESTAMP
) TIMESTAMP(ts) PARTITION BY DAY WAL DEDUP UPSERT KEYS(ts, region, epoch, seq, row)
;
CREATE TABLE IF NOT EXISTS owners (
  ts TIMESTAMP, region SYMBOL, epoch LONG, seq LONG, row LONG, action VARCHAR,
  id VARCHAR, name VARCHAR, created_at TIMESTAMP, updated_at TIMESTAMP
) TIMESTAMP(ts) PARTITION BY DAY WAL DEDUP UPSERT KEYS(ts, region, epoch, seq, row)
;
CREATE TABLE IF NOT EXISTS chairs (
  ts TIMESTAMP, region SYMBOL, epoch LONG, seq LONG, row LONG, action VARCHAR,
  id VARCHAR, owner_id VARCHAR, name VARCHAR, model SYMBOL, is_active BOOLEAN, city_id VARCHAR, created_at TIMESTAMP, updated_at TIMESTAMP
) TIMESTAMP(ts) PARTITION BY DAY WAL DEDUP UPSERT KEYS(ts, region, epoch, seq, row)
;
CREATE TABLE IF NOT EXISTS positions (
  ts TIMESTAMP, region SYMBOL, epoch LONG, seq LONG, row LONG, action VARCHAR,
  chair_id VARCHAR, latitude LONG, longitude LONG, recorded_at TIMESTAMP
) TIMESTAMP(ts) PARTITION BY HOUR WAL DEDUP UPSERT KEYS(ts, region, epoch, seq, row)
;
CREATE TABLE IF NOT EXISTS rides (
  ts TIMESTAMP, region SYMBOL, epoch LONG, seq LONG, row LONG, action VARCHAR,
  id VARCHAR, user_id VARCHAR, chair_id VARCHAR, pickup_latitude LONG, pickup_longitude LONG,
  destination_latitude LONG, destination_longitude LONG, fare LONG, evaluation LONG, city_id VARCHAR, created_at TIMESTAMP, updated_at TIMESTAMP
) TIMESTAMP(ts) PARTITION BY DAY WAL DEDUP UPSERT KEYS(ts, region, epoch, seq, row)
;
CREATE TABLE IF NOT EXISTS statuses (
  ts TIMESTAMP, region SYMBOL, epoch LONG, seq LONG, row LONG, action VARCHAR,
  ride_id VARCHAR, user_id VARCHAR, status SYMBOL, created_at TIMESTAMP
) TIMESTAMP(ts) PARTITION BY DAY WAL DEDUP UPSERT KEYS(ts, region, epoch, seq, row)
;
CREATE TABLE IF NOT EXISTS coupons (
  ts TIMESTAMP, region SYMBOL, epoch LONG, seq LONG, row LONG, action VARCHAR,
  id VARCHAR, user_id VARCHAR, kind VARCHAR, discount LONG, used_by VARCHAR, created_at TIMESTAMP
) TIMESTAMP(ts) PARTITION BY DAY WAL DEDUP UPSERT KEYS(ts, region, epoch, seq, row)
;
CREATE TABLE IF NOT EXISTS payments (
  ts TIMESTAMP, region SYMBOL, epoch LONG, seq LONG, row LONG, action VARCHAR,
  ride_id VARCHAR, user_id VARCHAR, amount LONG, state VARCHAR, paid_at TIMESTAMP
) TIMESTAMP(ts) PARTITION BY DAY WAL DEDUP UPSERT KEYS(ts, region, epoch, seq, row)
;
CREATE TABLE IF NOT EXISTS matches (
  ts TIMESTAMP, region SYMBOL, epoch LONG, seq LONG, row LONG, action VARCHAR,
  ride_id VARCHAR, chair_id VARCHAR, matched_at TIMESTAMP, class VARCHAR, trip LONG, age LONG, pickup LONG, carry LONG, lost VARCHAR
) TIMESTAMP(ts) PARTITION BY DAY WAL DEDUP UPSERT KEYS(ts, region, epoch, seq, row)
;
