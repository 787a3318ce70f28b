-- The tables for MySQL 8 and MariaDB 10.11: drops existing ones and recreates them.
-- README.md describes every table. Decision 2 (webapp/docs/decisions) explains why names
-- have a binary collation.
-- Statements end with a semicolon at the end of a line; the server splits there.

DROP TABLE IF EXISTS settings;
CREATE TABLE settings (
  name  VARCHAR(30) NOT NULL,
  value TEXT        NOT NULL,
  PRIMARY KEY (name)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci COMMENT = 'settings of the running system';

DROP TABLE IF EXISTS chair_models;
CREATE TABLE chair_models (
  name  VARCHAR(50) NOT NULL,
  speed INTEGER     NOT NULL COMMENT 'distance units per tick',
  PRIMARY KEY (name)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci COMMENT = 'models of chairs';

DROP TABLE IF EXISTS owners;
CREATE TABLE owners (
  id                   VARCHAR(26)  NOT NULL,
  name                 VARCHAR(30)  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  access_token         VARCHAR(255) NOT NULL COMMENT 'session token',
  chair_register_token VARCHAR(255) NOT NULL COMMENT 'lets a chair register under this owner',
  created_at           DATETIME(6)  NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  updated_at           DATETIME(6)  NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
  PRIMARY KEY (id),
  UNIQUE (name),
  UNIQUE (access_token),
  UNIQUE (chair_register_token)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci COMMENT = 'owners of chairs';

DROP TABLE IF EXISTS users;
CREATE TABLE users (
  id              VARCHAR(26)  NOT NULL,
  username        VARCHAR(30)  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  firstname       VARCHAR(30)  NOT NULL,
  lastname        VARCHAR(30)  NOT NULL,
  date_of_birth   VARCHAR(30)  NOT NULL COMMENT 'free text, normally YYYY-MM-DD',
  access_token    VARCHAR(255) NOT NULL COMMENT 'session token',
  invitation_code VARCHAR(30)  NOT NULL COMMENT 'others register with it',
  created_at      DATETIME(6)  NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  updated_at      DATETIME(6)  NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
  PRIMARY KEY (id),
  UNIQUE (username),
  UNIQUE (access_token),
  UNIQUE (invitation_code)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci COMMENT = 'people who request rides';

DROP TABLE IF EXISTS payment_tokens;
CREATE TABLE payment_tokens (
  user_id    VARCHAR(26)  NOT NULL,
  token      VARCHAR(255) NOT NULL COMMENT 'bearer token for the payment gateway',
  created_at DATETIME(6)  NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  PRIMARY KEY (user_id)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci COMMENT = 'one payment token a user';

DROP TABLE IF EXISTS chairs;
CREATE TABLE chairs (
  id           VARCHAR(26)  NOT NULL,
  owner_id     VARCHAR(26)  NOT NULL,
  name         VARCHAR(30)  NOT NULL COMMENT 'not unique',
  model        TEXT         NOT NULL COMMENT 'chair_models.name, not enforced',
  is_active    TINYINT(1)   NOT NULL COMMENT 'accepts rides',
  access_token VARCHAR(255) NOT NULL COMMENT 'session token',
  created_at   DATETIME(6)  NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  updated_at   DATETIME(6)  NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
  PRIMARY KEY (id)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci COMMENT = 'self-driving chairs';

DROP TABLE IF EXISTS chair_locations;
CREATE TABLE chair_locations (
  id         VARCHAR(26) NOT NULL COMMENT 'grows with time',
  chair_id   VARCHAR(26) NOT NULL,
  latitude   INTEGER     NOT NULL,
  longitude  INTEGER     NOT NULL,
  created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) COMMENT 'time of the report',
  PRIMARY KEY (id)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci COMMENT = 'history: one row a position report';

-- Ours, not of the contest: what is left of rows of chair_locations that are deleted, which
-- are the first of their chair.
DROP TABLE IF EXISTS chair_distances;
CREATE TABLE chair_distances (
  chair_id       VARCHAR(26) NOT NULL,
  total_distance BIGINT      NOT NULL COMMENT 'sum of the distances between them',
  latitude       INTEGER     NOT NULL COMMENT 'of the last of them, as the next two',
  longitude      INTEGER     NOT NULL,
  reported_at    DATETIME(6) NOT NULL COMMENT 'time of the report',
  PRIMARY KEY (chair_id)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci COMMENT = 'sums of deleted positions';

DROP TABLE IF EXISTS rides;
CREATE TABLE rides (
  id                    VARCHAR(26) NOT NULL,
  user_id               VARCHAR(26) NOT NULL,
  chair_id              VARCHAR(26) NULL COMMENT 'NULL until a chair is assigned',
  pickup_latitude       INTEGER     NOT NULL,
  pickup_longitude      INTEGER     NOT NULL,
  destination_latitude  INTEGER     NOT NULL,
  destination_longitude INTEGER     NOT NULL,
  evaluation            INTEGER     NULL COMMENT '1 to 5, NULL until rated',
  created_at            DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) COMMENT 'time of the request',
  updated_at            DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)
                        COMMENT 'time of the assignment, then of the completion',
  PRIMARY KEY (id)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci COMMENT = 'rides from request to rating';

DROP TABLE IF EXISTS ride_statuses;
CREATE TABLE ride_statuses (
  id            VARCHAR(26) NOT NULL,
  ride_id       VARCHAR(26) NOT NULL,
  status        ENUM('MATCHING', 'ENROUTE', 'PICKUP', 'CARRYING', 'ARRIVED', 'COMPLETED') NOT NULL,
  created_at    DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) COMMENT 'when the status was entered',
  app_sent_at   DATETIME(6) NULL COMMENT 'first delivery to the user',
  chair_sent_at DATETIME(6) NULL COMMENT 'first delivery to the chair',
  PRIMARY KEY (id)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci COMMENT = 'history: one row a status of a ride';

DROP TABLE IF EXISTS coupons;
CREATE TABLE coupons (
  user_id    VARCHAR(26)  NOT NULL,
  code       VARCHAR(255) NOT NULL,
  discount   INTEGER      NOT NULL COMMENT 'yen',
  created_at DATETIME(6)  NOT NULL DEFAULT CURRENT_TIMESTAMP(6) COMMENT 'order of use',
  used_by    VARCHAR(26)  NULL COMMENT 'the ride that consumed it',
  PRIMARY KEY (user_id, code)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci COMMENT = 'discounts, each for one ride';

-- Not part of the contest's schema: rows that the database refused. At each start they
-- replace the tables' own rows. All text is ASCII, so no letter can be refused here.
DROP TABLE IF EXISTS refused_rows;
CREATE TABLE refused_rows (
  table_name VARCHAR(30)  NOT NULL COMMENT 'where the row belongs',
  row_key    VARCHAR(255) NOT NULL COMMENT 'a digest of its primary key',
  content    LONGTEXT     NOT NULL COMMENT 'its columns as JSON',
  error      TEXT         NOT NULL COMMENT 'why it was refused',
  position   BIGINT       NOT NULL COMMENT 'event that the cut ended with',
  PRIMARY KEY (table_name, row_key)
) ENGINE = InnoDB CHARACTER SET ascii COLLATE ascii_bin COMMENT = 'rows that the database refused';

-- Nor is this: places of the event log with the hash of all that is before them, to find out
-- whether somebody has changed it since.
DROP TABLE IF EXISTS journal_chain;
CREATE TABLE journal_chain (
  position BIGINT      NOT NULL COMMENT 'record of the log',
  hash     VARCHAR(64) NOT NULL COMMENT 'hexadecimal; empty where the chain begins',
  PRIMARY KEY (position)
) ENGINE = InnoDB CHARACTER SET ascii COLLATE ascii_bin COMMENT = 'chain of hashes over the event log';

-- Not part of the contest's schema either: one row with the tables' position in the event
-- log.
CREATE TABLE IF NOT EXISTS journal_position (
  id              TINYINT     NOT NULL COMMENT 'always 1',
  generation      BIGINT      NOT NULL COMMENT 'number of the initialize that filled the tables',
  position        BIGINT      NOT NULL COMMENT 'last event of that generation in the tables',
  ready           TINYINT(1)  NOT NULL COMMENT '0 if a release before schema 2 was killed while it filled the tables',
  history         VARCHAR(32) NOT NULL DEFAULT '' COMMENT 'identity of the data, 32 hexadecimal digits; the journal has the same',
  version         INTEGER     NOT NULL DEFAULT 1 COMMENT 'number of the schema',
  term            BIGINT      NOT NULL DEFAULT 0 COMMENT 'of the leader that wrote last; 0 without replicas',
  rides_requested BIGINT      NULL COMMENT 'the books at this position, NULL if not known: all rides',
  rides_completed BIGINT      NULL,
  riders_owed     BIGINT      NULL COMMENT 'yen: fares of all rides',
  riders_paid     BIGINT      NULL COMMENT 'yen: fares of completed rides',
  discounts_given BIGINT      NULL COMMENT 'yen: what coupons took off',
  owners_sales    BIGINT      NULL COMMENT 'yen: full fares of completed rides',
  sales_under_way BIGINT      NULL COMMENT 'yen: full fares of the others',
  coupons_issued  BIGINT      NULL COMMENT 'yen',
  coupons_used    BIGINT      NULL COMMENT 'yen',
  chain_position  BIGINT      NOT NULL DEFAULT 0 COMMENT 'record of the log up to which chain goes, 0 for none',
  chain           VARCHAR(64) NOT NULL DEFAULT '' COMMENT 'hash over the log up to there, hexadecimal',
  PRIMARY KEY (id)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci COMMENT = 'position in the event log';
