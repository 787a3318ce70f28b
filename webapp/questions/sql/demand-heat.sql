-- en: Where rides begin | Rides that were asked for, by squares of 20 units.
-- ja: 乗車地 | 20単位四方ごとの依頼数。
-- chart: heat
-- unit: rides
-- column rides: rides | 乗車

SELECT floor(pickup_longitude / 20.0) * 20 AS x, floor(pickup_latitude / 20.0) * 20 AS y, count() AS rides
FROM rides
WHERE ts >= '$from' AND ts < '$until' AND action = 'insert'
GROUP BY x, y ORDER BY x, y
