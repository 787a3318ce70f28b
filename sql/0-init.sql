-- Database and account that the application uses by default (ISUCON_DB_NAME,
-- ISUCON_DB_USER, ISUCON_DB_PASSWORD). Run once, as an administrator:
--   mysql < 0-init.sql
CREATE DATABASE IF NOT EXISTS isuride CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
CREATE USER IF NOT EXISTS 'isucon'@'%' IDENTIFIED BY 'isucon';
-- What the server does: read all rows, write cuts, and at initialize make the tables anew.
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER ON isuride.* TO 'isucon'@'%';
