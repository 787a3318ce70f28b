-- en: Chairs on the road | Chairs that reported a position.
-- ja: 稼働中の椅子 | 位置を報告した椅子の数。
-- chart: lines
-- unit: chairs
-- column chairs: chairs | 椅子

SELECT timestamp_floor('$bucket', ts) AS time, count_distinct(chair_id) AS chairs
FROM positions
WHERE ts >= '$from' AND ts < '$until' AND action != 'partial'
GROUP BY time ORDER BY time
