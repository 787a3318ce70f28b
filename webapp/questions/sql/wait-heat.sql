-- en: Where riders wait | The mean time from request to arrival, by the place of the request in squares of 20 units.
-- ja: 待ち時間の地図 | 依頼から到着までの平均時間。20単位四方ごと。
-- chart: heat
-- unit: s
-- column wait: wait | 待ち時間

WITH waits AS (
  SELECT ride_id,
    max(CASE WHEN status = 'MATCHING' THEN ts END) AS asked,
    max(CASE WHEN status = 'PICKUP' THEN ts END) AS met
  FROM statuses WHERE ts >= '$from' AND ts < '$until' AND action != 'partial'
)
SELECT floor(r.pickup_longitude / 20.0) * 20 AS x, floor(r.pickup_latitude / 20.0) * 20 AS y,
  avg(datediff('T', w.asked, w.met)) / 1000.0 AS wait
FROM waits w
JOIN (SELECT id, first(pickup_latitude) AS pickup_latitude, first(pickup_longitude) AS pickup_longitude
  FROM rides WHERE ts >= '$from' AND ts < '$until' GROUP BY id) r ON r.id = w.ride_id
WHERE w.asked != NULL AND w.met != NULL
GROUP BY x, y ORDER BY x, y
