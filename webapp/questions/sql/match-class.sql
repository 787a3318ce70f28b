-- en: Why rides were matched | Matches: as usual, of rides that had waited past their time, and with a chair that was wanted elsewhere.
-- ja: 割り当ての種類 | 通常、待ち時間超過、ほかの乗車と競合した割り当ての数。
-- chart: lines
-- unit: rides
-- column ordinary: as usual | 通常
-- column overdue: waited too long | 待ち時間超過
-- column elsewhere: wanted elsewhere | 競合

SELECT timestamp_floor('$bucket', ts) AS time,
  sum(CASE WHEN class = 'ordinary' THEN 1 ELSE 0 END) AS ordinary,
  sum(CASE WHEN class = 'overdue' THEN 1 ELSE 0 END) AS overdue,
  sum(CASE WHEN class = 'elsewhere' THEN 1 ELSE 0 END) AS elsewhere
FROM matches
WHERE ts >= '$from' AND ts < '$until'
GROUP BY time ORDER BY time
