-- en: Takings | Payments that were made, in yen.
-- ja: 売上 | 支払われた金額（円）。
-- chart: lines
-- unit: yen
-- column amount: paid | 支払額

SELECT timestamp_floor('$bucket', ts) AS time, sum(amount) AS amount
FROM payments
WHERE ts >= '$from' AND ts < '$until' AND action != 'partial' AND state = 'paid'
GROUP BY time ORDER BY time
