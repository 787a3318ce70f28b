-- en: Waiting for a chair | From the request to the chair's arrival: what half, 90 and 99 percent of the riders waited at most.
-- ja: 待ち時間 | 依頼から椅子の到着まで。利用者の50％、90％、99％が待った時間の上限。
-- chart: lines
-- unit: s
-- column p50: half | 50％
-- column p90: 90 % | 90％
-- column p99: 99 % | 99％

WITH waits AS (
  SELECT ride_id,
    max(CASE WHEN status = 'MATCHING' THEN ts END) AS asked,
    max(CASE WHEN status = 'PICKUP' THEN ts END) AS met
  FROM statuses WHERE ts >= '$from' AND ts < '$until' AND action != 'partial'
)
SELECT timestamp_floor('$bucket', met) AS time,
  approx_percentile(datediff('T', asked, met) / 1000.0, 0.5, 3) AS p50,
  approx_percentile(datediff('T', asked, met) / 1000.0, 0.9, 3) AS p90,
  approx_percentile(datediff('T', asked, met) / 1000.0, 0.99, 3) AS p99
FROM waits
WHERE asked != NULL AND met != NULL
GROUP BY time ORDER BY time
