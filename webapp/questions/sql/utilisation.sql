-- en: Utilisation by model | Of the time in which a model's chairs reported where they are, the part in which they drove to or with a rider.
-- ja: モデル別の稼働率 | 位置を報告していた時間のうち、迎車中と乗車中の割合。
-- chart: bars
-- unit: %
-- column busy: busy | 稼働率

WITH seen AS (
  SELECT chair_id, min(ts) AS since, max(ts) AS until FROM positions
  WHERE ts >= '$from' AND ts < '$until' AND action != 'partial' GROUP BY chair_id
), drives AS (
  SELECT ride_id,
    max(CASE WHEN status = 'ENROUTE' THEN ts END) AS taken,
    max(CASE WHEN status = 'ARRIVED' THEN ts END) AS arrived
  FROM statuses WHERE ts >= '$from' AND ts < '$until' AND action != 'partial'
), matched AS (
  SELECT ride_id, chair_id FROM matches
  WHERE ts >= dateadd('h', -2, '$from') AND ts < '$until'
), busy AS (
  SELECT m.chair_id AS chair_id, sum(datediff('T', coalesce(d.taken, s.since), coalesce(d.arrived, s.until))) AS ms
  FROM drives d JOIN matched m ON m.ride_id = d.ride_id JOIN seen s ON s.chair_id = m.chair_id
  WHERE d.taken != NULL OR d.arrived != NULL
  GROUP BY m.chair_id
), models AS (
  SELECT id, last(model) AS model FROM chairs GROUP BY id
)
SELECT c.model AS model, 100.0 * sum(coalesce(b.ms, 0)) / sum(datediff('T', s.since, s.until)) AS busy
FROM seen s JOIN models c ON c.id = s.chair_id LEFT JOIN busy b ON b.chair_id = s.chair_id
WHERE s.until > s.since
GROUP BY model ORDER BY busy DESC
