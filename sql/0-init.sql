-- The database and account that the server uses by default (ISUCON_DB_NAME,
-- ISUCON_DB_USER, ISUCON_DB_PASSWORD). Run once, as an administrator:
--   mysql < 0-init.sql
CREATE DATABASE IF NOT EXISTS isuride CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
CREATE USER IF NOT EXISTS 'isucon'@'%' IDENTIFIED BY 'isucon';
-- The server reads all rows, writes batches, and recreates the tables at initialize.
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER ON isuride.* TO 'isucon'@'%';
