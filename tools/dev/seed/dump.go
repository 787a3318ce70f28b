package main

import (
	"fmt"
	"strings"

	"isuride/webapp/isuride"
)

// rowsPerStatement keeps statements far below the smallest max_allowed_packet in use.
const rowsPerStatement = 500

const dumpHead = `-- Initial data of ISURIDE, made by tools/dev/seed. Belongs to 1-schema.sql and comes after
-- 2-master-data.sql.

/*!50503 SET NAMES utf8mb4 */;
/*!40103 SET TIME_ZONE='+00:00' */;
`

// dumpTail marks the dump as complete, as mysqldump does.
const dumpTail = "\n-- Dump completed\n"

// appendDump writes the tables as mysqldump does; settings and chair models are master
// data and not included.
func appendDump(dst []byte, t *isuride.Tables) []byte {
	dst = append(dst, dumpHead...)
	dst = appendTable(dst, "owners", t.Owners, func(r *isuride.Owner) []any {
		return []any{r.ID, r.Name, r.AccessToken, r.ChairRegisterToken, r.CreatedAt, r.UpdatedAt}
	})
	dst = appendTable(dst, "users", t.Users, func(r *isuride.User) []any {
		return []any{r.ID, r.Username, r.Firstname, r.Lastname, r.DateOfBirth, r.AccessToken, r.InvitationCode, r.CreatedAt, r.UpdatedAt}
	})
	dst = appendTable(dst, "payment_tokens", t.PaymentTokens, func(r *isuride.PaymentToken) []any {
		return []any{r.UserID, r.Token, r.CreatedAt}
	})
	dst = appendTable(dst, "chairs", t.Chairs, func(r *isuride.Chair) []any {
		return []any{r.ID, r.OwnerID, r.Name, r.Model, r.IsActive, r.AccessToken, r.CreatedAt, r.UpdatedAt}
	})
	dst = appendTable(dst, "chair_locations", t.ChairLocations, func(r *isuride.ChairLocation) []any {
		return []any{r.ID, r.ChairID, r.Latitude, r.Longitude, r.CreatedAt}
	})
	dst = appendTable(dst, "rides", t.Rides, func(r *isuride.Ride) []any {
		return []any{r.ID, r.UserID, r.ChairID, r.Pickup.Latitude, r.Pickup.Longitude,
			r.Destination.Latitude, r.Destination.Longitude, r.Evaluation, r.CreatedAt, r.UpdatedAt}
	})
	dst = appendTable(dst, "ride_statuses", t.RideStatuses, func(r *isuride.RideStatus) []any {
		return []any{r.ID, r.RideID, r.Status.String(), r.CreatedAt, r.AppSentAt, r.ChairSentAt}
	})
	dst = appendTable(dst, "coupons", t.Coupons, func(r *isuride.Coupon) []any {
		return []any{r.UserID, r.Code, r.Discount, r.CreatedAt, orNull(r.UsedBy)}
	})
	return append(dst, dumpTail...)
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func appendTable[R any](dst []byte, name string, rows []R, values func(*R) []any) []byte {
	dst = fmt.Appendf(dst, "\nLOCK TABLES `%s` WRITE;\n", name)
	for i := range rows {
		switch {
		case i%rowsPerStatement != 0:
			dst = append(dst, ",\n"...)
		case i > 0:
			dst = append(dst, ";\n"...)
			fallthrough
		default:
			dst = fmt.Appendf(dst, "INSERT INTO `%s` VALUES\n", name)
		}
		dst = appendRow(dst, values(&rows[i]))
	}
	return append(dst, ";\nUNLOCK TABLES;\n"...)
}

func appendRow(dst []byte, values []any) []byte {
	separator := byte('(')
	for _, v := range values {
		dst = append(dst, separator)
		dst = appendValue(dst, v)
		separator = ','
	}
	return append(dst, ')')
}

func appendValue(dst []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, "NULL"...)
	case string:
		return append(append(append(dst, '\''), escape.Replace(v)...), '\'')
	case isuride.Time:
		return v.Std().AppendFormat(dst, "'2006-01-02 15:04:05.000000'")
	case bool:
		if v {
			return append(dst, '1')
		}
		return append(dst, '0')
	default:
		return fmt.Append(dst, v)
	}
}

var escape = strings.NewReplacer(`\`, `\\`, `'`, `\'`)
