package sqlstore

import (
	"time"

	"isuride/webapp/isuride"
)

// A DATETIME(6) is text in both dialects: UTC wall clock without zone (spec 1.3).
const datetimeLayout = "2006-01-02 15:04:05.000000"

// appendDatetime appends the text form of t, for the years 0 to 9999.
func appendDatetime(dst []byte, t isuride.Time) []byte {
	at := t.Std()
	year, month, day := at.Date()
	hour, minute, second := at.Clock()
	dst = appendDigits(dst, year, 4)
	dst = appendDigits(append(dst, '-'), int(month), 2)
	dst = appendDigits(append(dst, '-'), day, 2)
	dst = appendDigits(append(dst, ' '), hour, 2)
	dst = appendDigits(append(dst, ':'), minute, 2)
	dst = appendDigits(append(dst, ':'), second, 2)
	return appendDigits(append(dst, '.'), at.Nanosecond()/1000, 6)
}

// appendDigits appends the last n decimal digits of v.
func appendDigits(dst []byte, v, n int) []byte {
	var digits [6]byte
	for i := n - 1; i >= 0; i-- {
		digits[i] = byte('0' + v%10)
		v /= 10
	}
	return append(dst, digits[:n]...)
}

// parseDatetime is the inverse of appendDatetime; up to six digits of a fraction may
// be missing.
func parseDatetime(b []byte) (isuride.Time, bool) {
	const seconds = len("2006-01-02 15:04:05")
	if len(b) < seconds || len(b) > len(datetimeLayout) {
		return 0, false
	}
	for i := range b {
		if separator := separatorAt(i); separator != 0 && b[i] != separator || separator == 0 && (b[i] < '0' || b[i] > '9') {
			return 0, false
		}
	}
	year, month, day := digits(b[:4]), digits(b[5:7]), digits(b[8:10])
	hour, minute, second := digits(b[11:13]), digits(b[14:16]), digits(b[17:19])
	if month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	micro := 0
	if len(b) > seconds {
		micro = digits(b[seconds+1:])
		for range len(datetimeLayout) - len(b) {
			micro *= 10
		}
	}
	unix := daysBefore(year, month, day)*86400 + int64(hour*3600+minute*60+second)
	return isuride.Time(unix*1e6 + int64(micro)), true
}

// separatorAt is the character that stands at i in every datetime, 0 for a digit.
func separatorAt(i int) byte {
	switch i {
	case 4, 7:
		return '-'
	case 10:
		return ' '
	case 13, 16:
		return ':'
	case 19:
		return '.'
	}
	return 0
}

func digits(b []byte) (n int) {
	for _, c := range b {
		n = n*10 + int(c-'0')
	}
	return n
}

// daysBefore counts the days from the Unix epoch to a date of the Gregorian calendar.
func daysBefore(year, month, day int) int64 {
	return time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC).Unix() / 86400
}
