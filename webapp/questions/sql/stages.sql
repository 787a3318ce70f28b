-- en: Where a ride's time goes | The mean time of each stage of a ride.
-- ja: 乗車の内訳 | 乗車の各段階にかかった平均時間。
-- chart: bars
-- unit: s
-- column seconds: mean | 平均

WITH rides_by_stage AS (
  SELECT ride_id,
    max(CASE WHEN status = 'MATCHING' THEN ts END) AS asked,
    max(CASE WHEN status = 'ENROUTE' THEN ts END) AS taken,
    max(CASE WHEN status = 'PICKUP' THEN ts END) AS met,
    max(CASE WHEN status = 'CARRYING' THEN ts END) AS began,
    max(CASE WHEN status = 'ARRIVED' THEN ts END) AS arrived
  FROM statuses WHERE ts >= '$from' AND ts < '$until' AND action != 'partial'
), means AS (
  SELECT avg(datediff('T', asked, taken)) / 1000.0 AS a, avg(datediff('T', taken, met)) / 1000.0 AS b,
    avg(datediff('T', met, began)) / 1000.0 AS c, avg(datediff('T', began, arrived)) / 1000.0 AS d
  FROM rides_by_stage
)
SELECT 'MATCHING' AS stage, a AS seconds FROM means
UNION ALL SELECT 'ENROUTE', b FROM means
UNION ALL SELECT 'PICKUP', c FROM means
UNION ALL SELECT 'CARRYING', d FROM means
