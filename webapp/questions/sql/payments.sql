-- en: Payments by attempt | How many payments were made with the first, the second and a later attempt, and how many attempts failed.
-- ja: 支払いの試行回数 | 何回目の試行で支払われたか。失敗した試行の数も示す。
-- chart: bars
-- unit: payments
-- column paid: paid | 支払い済み
-- column failed: failed | 失敗

WITH attempts AS (
  SELECT ride_id, sum(CASE WHEN action = 'insert' THEN 1 ELSE 0 END) AS n,
    sum(CASE WHEN state = 'paid' THEN 1 ELSE 0 END) AS paid, sum(CASE WHEN action = 'delete' THEN 1 ELSE 0 END) AS failed
  FROM payments WHERE ts >= '$from' AND ts < '$until' AND action != 'partial' GROUP BY ride_id
)
SELECT CASE WHEN n <= 1 THEN '1' WHEN n = 2 THEN '2' ELSE '3+' END AS attempt, sum(paid) AS paid, sum(failed) AS failed
FROM attempts GROUP BY attempt ORDER BY attempt
