-- en: Ratings | How many rides got each number of stars.
-- ja: 評価 | 星の数ごとの乗車数。
-- chart: bars
-- unit: rides
-- column rides: rides | 乗車

SELECT evaluation AS stars, count_distinct(id) AS rides
FROM rides
WHERE ts >= '$from' AND ts < '$until' AND action != 'partial' AND evaluation != NULL
GROUP BY stars ORDER BY stars
