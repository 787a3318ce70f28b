-- en: Demand | Rides that were asked for, and rides that ended.
-- ja: 需要 | 依頼された乗車と、完了した乗車の数。
-- chart: lines
-- unit: rides
-- column asked: asked for | 依頼
-- column completed: ended | 完了

SELECT timestamp_floor('$bucket', ts) AS time,
  sum(CASE WHEN status = 'MATCHING' THEN 1 ELSE 0 END) AS asked,
  sum(CASE WHEN status = 'COMPLETED' THEN 1 ELSE 0 END) AS completed
FROM statuses
WHERE ts >= '$from' AND ts < '$until' AND action != 'partial'
GROUP BY time ORDER BY time
