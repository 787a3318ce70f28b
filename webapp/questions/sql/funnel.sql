-- en: How far rides come | Of the rides that were asked for in this time: how many reached each status until its end.
-- ja: ファネル | この期間に依頼された乗車のうち、各状態に達した数。
-- chart: bars
-- unit: rides
-- column rides: rides | 乗車

WITH asked AS (
  SELECT DISTINCT ride_id FROM statuses WHERE ts >= '$from' AND ts < '$until' AND action != 'partial' AND status = 'MATCHING'
), counted AS (
  SELECT s.status AS status, count_distinct(s.ride_id) AS rides
  FROM asked a JOIN (SELECT ride_id, status FROM statuses WHERE ts >= '$from' AND ts < '$until' AND action != 'partial') s ON s.ride_id = a.ride_id
  GROUP BY status
)
SELECT status, rides FROM counted ORDER BY rides DESC,
  CASE status WHEN 'MATCHING' THEN 1 WHEN 'ENROUTE' THEN 2 WHEN 'PICKUP' THEN 3 WHEN 'CARRYING' THEN 4 WHEN 'ARRIVED' THEN 5 ELSE 6 END
