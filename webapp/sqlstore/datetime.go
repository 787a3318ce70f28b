package sqlstore

import "isuride/webapp/isuride"

// A DATETIME(6) is text in both dialects: UTC wall clock without zone (S1.3).
const datetimeLayout = "2006-01-02 15:04:05.000000"

// appendDatetime appends the text form of t, for the years 1 to 9999.
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

// parseDatetime is the inverse of appendDatetime; digits of the fraction may be missing.
func parseDatetime(b []byte) (isuride.Time, bool) {
	const whole = len("2006-01-02 15:04:05")
	if len(b) < whole || len(b) > len(datetimeLayout) ||
		b[4] != '-' || b[7] != '-' || b[10] != ' ' || b[13] != ':' || b[16] != ':' || len(b) > whole && b[whole] != '.' {
		return 0, false
	}
	micro, ok := 0, true
	if len(b) > whole {
		micro = digits(b[whole+1:], &ok)
		for range len(datetimeLayout) - len(b) {
			micro *= 10
		}
	}
	year, month, day := digits(b[:4], &ok), digits(b[5:7], &ok), digits(b[8:10], &ok)
	hour, minute, second := digits(b[11:13], &ok), digits(b[14:16], &ok), digits(b[17:19], &ok)
	if !ok || year < 1 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	seconds := daysBefore(year, month, day)*86400 + hour*3600 + minute*60 + second
	return isuride.Time(seconds)*1e6 + isuride.Time(micro), true
}

// digits parses the decimal number b; anything else clears ok.
func digits(b []byte, ok *bool) (n int) {
	for _, c := range b {
		if c < '0' || c > '9' {
			*ok = false
		}
		n = n*10 + int(c-'0')
	}
	return n
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// daysBefore counts the days from the Unix epoch to a date of the Gregorian calendar from
// the year 1 on. It lets the year begin in March, so that the leap day is its last.
func daysBefore(year, month, day int) int {
	const epoch = 719468 // 1970-01-01, in days since March of the year 0
	if month <= 2 {
		year--
		month += 12
	}
	dayOfYear := (153*(month-3)+2)/5 + day - 1
	return 365*year + year/4 - year/100 + year/400 + dayOfYear - epoch
}
