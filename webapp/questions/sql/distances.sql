-- en: Length of rides | Rides that were asked for, by the distance from pickup to destination.
-- ja: 乗車距離 | 乗車地から目的地までの距離ごとの依頼数。
-- chart: bars
-- unit: rides
-- column rides: rides | 乗車

WITH lengths AS (
  SELECT floor((abs(pickup_latitude - destination_latitude) + abs(pickup_longitude - destination_longitude)) / 25.0) AS n
  FROM rides WHERE ts >= '$from' AND ts < '$until' AND action = 'insert'
)
SELECT concat(cast(n * 25 AS int), '-', cast(n * 25 + 24 AS int)) AS distance, count() AS rides
FROM lengths GROUP BY n, distance ORDER BY n
