-- en: Cost of a match against the wait | What the matched chair's way to the rider costs, by the seconds that the rider had waited for a match.
-- ja: 待ち時間と割り当てコスト | 割り当てまでの待ち秒数ごとの、迎車コストの平均。
-- chart: lines
-- unit: ticks
-- column pickup: way to the rider | 迎車

SELECT datediff('s', s.asked, m.matched_at) AS seconds, avg(m.pickup) / 1000.0 AS pickup
FROM (SELECT ride_id, matched_at, pickup FROM matches WHERE ts >= '$from' AND ts < '$until' AND class != NULL AND class != 'unknown') m
JOIN (SELECT ride_id, min(ts) AS asked FROM statuses WHERE status = 'MATCHING' AND ts >= '$from' AND ts < '$until' AND action != 'partial' GROUP BY ride_id) s ON s.ride_id = m.ride_id
GROUP BY seconds ORDER BY seconds
